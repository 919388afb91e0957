package testenv

import (
	"compress/gzip"
	"io"
	"net/http"
)

// endless is how many bytes the answers without end have after all, so that a test ends whose client reads on.
const endless = 1 << 30

// Endless answers with a page of JSON that goes on and on.
func Endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	writeEndless(w)
}

// Inflating answers with a page as [Endless] has it, in few bytes.
func Inflating(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	w.Header().Set("Content-Encoding", "gzip")
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return
	}
	writeEndless(z)
	_ = z.Close() // the client has gone
}

func writeEndless(w io.Writer) {
	chunk := make([]byte, 1<<20)
	for i := range chunk {
		chunk[i] = ' '
	}
	for range endless / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// Redirecting sends to the same address again, which is another each time.
func Redirecting(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.URL.Path+"?again="+r.URL.Query().Get("again")+"x", http.StatusFound)
}
