package index

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
)

// serve is an index that answers everything with one page.
func serve(t *testing.T, contentType, body string) *Index {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil // net/http would guess
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(fetch.Options{Sleep: func(ctx context.Context, d time.Duration) error { return ctx.Err() }})
	x, err := New(Options{URL: s.URL, Name: "odd", Fetch: client, Store: st, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestContentTypes(t *testing.T) {
	const page, anchors = `{"meta":{"api-version":"1.0"},"files":[{"filename":"a-1.zip","url":"a-1.zip"}]}`, `<a href="a-1.zip">a-1.zip</a>`
	for _, tt := range []struct{ kind, body, text string }{
		{"application/vnd.pypi.simple.v1+json", page, ""},
		{"application/vnd.pypi.simple.latest+json", page, ""},
		{"application/json; charset=utf-8", page, ""},
		{"Text/HTML;charset=utf-8", anchors, ""},
		{"application/vnd.pypi.simple.v1+html", anchors, ""},
		{"application/vnd.pypi.simple.v2+json", page, "neither JSON nor HTML, but application/vnd.pypi.simple.v2+json"},
		{"text/plain", page, "neither JSON nor HTML, but text/plain"},
		{"", page, "neither JSON nor HTML, but no content type"},
		{"application/json", anchors, "JSON: syntax error at byte 0"},
		{"application/json", page[:len(page)-9], "JSON: syntax error at byte"},
		{"application/json", `{"name":"a"}`, "JSON without files"},
	} {
		p, err := serve(t, tt.kind, tt.body).Project(t.Context(), "a")
		if tt.text != "" {
			wantError(t, err, diag.Fetch, tt.text)
			if len(diag.HintsOf(err)) == 0 {
				t.Errorf("%s: no hint", tt.kind)
			}
		} else if err != nil || p.Files.Len() != 1 || fileOf(t, p, 0).Filename != "a-1.zip" {
			t.Errorf("%s: %+v %v", tt.kind, p, err)
		}
	}
}

// listOf are all files, the newest first.
func listOf(t *testing.T, files Files) []File {
	t.Helper()
	list, err := files.List()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// fileOf is one of them.
func fileOf(t *testing.T, p *Project, i int) File {
	t.Helper()
	return listOf(t, p.Files)[i]
}

// TestUnaskedNotModified: an answer that refers to what was never named is an error, whatever the store has.
func TestUnaskedNotModified(t *testing.T) {
	unchanged := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if unchanged {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, `{"meta":{"api-version":"1.0"},"files":[{"filename":"a-1.zip","url":"a-1.zip"}]}`)
	}))
	defer s.Close()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ask := func() error {
		x, err := New(Options{URL: s.URL, Name: "odd", Fetch: fetch.New(fetch.Options{}), Store: st, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.Project(t.Context(), "a")
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	unchanged, now = true, now.Add(time.Hour)
	wantError(t, ask(), diag.Fetch, "reading the page of a in index odd")
}

// TestLongBase: short addresses that continue a long one are no way to make much of a small page.
func TestLongBase(t *testing.T) {
	long := strings.Repeat("x", maxBase-1)
	anchors := strings.Repeat(`<a href="a-1.zip">a-1.zip</a>`, 1+maxRecords/maxBase)
	_, err := serve(t, "text/html", `<base href="/a/`+long[:maxBase-10]+`/">`+anchors).Project(t.Context(), "a")
	wantError(t, err, diag.Fetch, "the addresses of its files have more than 134217728 bytes")
	p, err := serve(t, "text/html", `<base href="/`+long+`/x/">`+anchors[:1000]).Project(t.Context(), "a") // is left out
	if err != nil || len(fileOf(t, p, 0).URL) > 100 {
		t.Errorf("%+v %v", p, err)
	}
}
