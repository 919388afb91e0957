package fetch

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// Check judges the bytes of a file. It is told them in order, and to begin anew when a download does.
type Check interface {
	io.Writer
	Reset()
	Verify() error // of all that was written; nil: it is what was promised
}

// Downloaded is a file that is in the store now.
type Downloaded struct {
	SHA256 string
	Size   int64 // bytes
	// Tag is what the server tells the file's bytes by, "" for nothing. See Part.
	Tag string
}

// tagOf is the strong validator of a file, by which two answers are known to have the same bytes: an ETag that is not called weak. A date
// is none: it has whole seconds, and many servers keep that of the file's maker (RFC 9110, 8.8.1).
func tagOf(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return ""
}

// DownloadUnhashed fetches a file into the store of which no hash is known, of at most limit bytes,
// and gives its SHA-256 and size. Errors are those of Get.
func (c *Client) DownloadUnhashed(ctx context.Context, address string, limit int64, st *store.Store, progress func(n int64)) (sha256 string, size int64, err error) {
	got, err := c.DownloadChecked(ctx, address, limit, nil, st, progress)
	return got.SHA256, got.Size, err
}

// DownloadChecked is DownloadUnhashed for a file of which something else than its SHA-256 is known. What check
// refuses does not get into the store. Errors are those of Get, and of code Mismatch with what check says. check
// and progress may be nil.
func (c *Client) DownloadChecked(ctx context.Context, address string, limit int64, check Check, st *store.Store, progress func(n int64)) (Downloaded, error) {
	var got Downloaded
	header := http.Header{acceptCoding: {identity}}
	accept := func(status int) bool { return status == http.StatusOK }
	err := c.do(ctx, address, header, accept, func(resp *http.Response) error {
		if resp.ContentLength > limit {
			return &TooLargeError{limit}
		}
		w, err := st.Create()
		if err != nil {
			return err
		}
		defer w.Discard()
		if check != nil {
			check.Reset()
		}
		buf := make([]byte, 128<<10)
		var n int64
		for {
			k, err := resp.Body.Read(buf)
			if _, err := w.Write(buf[:k]); err != nil {
				return err
			}
			if check != nil {
				check.Write(buf[:k])
			}
			n += int64(k)
			if n > limit {
				return &TooLargeError{limit}
			}
			if progress != nil {
				progress(n)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		if check != nil {
			if err := check.Verify(); err != nil {
				return diag.Wrap(err, diag.Mismatch, "").
					Hint("the file was changed, or something between alters it; tell who runs the index")
			}
		}
		got.Tag = tagOf(resp.Header)
		if got.SHA256, got.Size, err = w.Commit(); err != nil {
			return err
		}
		return st.NameBlob(got.SHA256, resp.Request.URL.Path)
	})
	if err != nil {
		return Downloaded{}, err
	}
	return got, nil
}
