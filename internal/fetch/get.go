package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// ErrNoRange says that a server does not give parts of the file.
var ErrNoRange = errors.New("the server does not give byte ranges")

// wholeLimit is the size in bytes up to which a whole file, sent for a part, is read all the same.
const wholeLimit = 512 << 10

// GetOptions say more about a request.
type GetOptions struct {
	Accept string
	Limit  int64       // of the body in bytes, decoded; 0 is 64 MiB
	Header http.Header // more headers, such as If-None-Match
}

// Response is an answer of status 200, or 304 to a conditional request.
type Response struct {
	Body   []byte // decoded
	Header http.Header
	URL    string // after redirects
	Status int
}

// Get fetches a small file.
//
// Errors: *StatusError and *TooLargeError, in diag errors.
func (c *Client) Get(ctx context.Context, address string, o GetOptions) (*Response, error) {
	header := http.Header{}
	for k, v := range o.Header {
		header[http.CanonicalHeaderKey(k)] = v
	}
	if o.Accept != "" {
		header.Set("Accept", o.Accept)
	}
	limit := o.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	var out *Response
	accept := func(status int) bool { return status == http.StatusOK || status == http.StatusNotModified }
	err := c.do(ctx, address, header, accept, func(resp *http.Response) error {
		body, err := readAll(resp, limit)
		if err != nil {
			return err
		}
		out = &Response{Body: body, Header: resp.Header, URL: resp.Request.URL.String(), Status: resp.StatusCode}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readAll(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength > limit {
		return nil, &TooLargeError{limit}
	}
	var body []byte
	if n := resp.ContentLength; n > 0 {
		body = make([]byte, n)
		n, err := io.ReadFull(resp.Body, body)
		if err != nil {
			return nil, fmt.Errorf("%w, after %d of %d bytes: %w", errTruncated, n, len(body), err)
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, &TooLargeError{limit}
	}
	return body, nil
}

// Part is a part of a file.
type Part struct {
	Data   []byte
	Offset int64  // of Data in the file
	Total  int64  // size of the file in bytes
	Whole  bool   // the server does not give parts; the file was small and is all here
	Tag    string // of the whole file, as in Downloaded
}

// Range fetches length bytes of a file from offset on, fewer if the file ends before.
//
// Errors: ErrNoRange, in a diag error, if the server sends the whole file, which is then not read
// unless it is small; it is not asked for parts again.
func (c *Client) Range(ctx context.Context, address string, offset, length int64) (*Part, error) {
	if offset < 0 || length <= 0 {
		return nil, fmt.Errorf("a range of %d bytes from %d", length, offset)
	}
	return c.part(ctx, address, fmt.Sprintf("bytes=%d-%d", offset, offset+length-1), offset, length)
}

// Suffix fetches the last n bytes of a file, fewer if the file is shorter. Errors are those of Range.
func (c *Client) Suffix(ctx context.Context, address string, n int64) (*Part, error) {
	if n <= 0 {
		return nil, fmt.Errorf("a range of the last %d bytes", n)
	}
	return c.part(ctx, address, fmt.Sprintf("bytes=-%d", n), -1, n)
}

// part fetches a part; offset -1 is a suffix.
func (c *Client) part(ctx context.Context, address, byteRange string, offset, length int64) (*Part, error) {
	u, err := c.check(address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	known := c.noRange[u.Host]
	c.mu.Unlock()
	if known {
		return nil, explain(ctx, u, ErrNoRange, 1)
	}
	header := http.Header{"Range": {byteRange}, acceptCoding: {identity}}
	accept := func(status int) bool {
		return status == http.StatusOK || status == http.StatusPartialContent || status == http.StatusRequestedRangeNotSatisfiable
	}
	var out *Part
	err = c.do(ctx, address, header, accept, func(resp *http.Response) error {
		switch resp.StatusCode {
		case http.StatusOK:
			c.mu.Lock()
			c.noRange[u.Host] = true
			c.mu.Unlock()
			if resp.ContentLength < 0 || resp.ContentLength > wholeLimit {
				return ErrNoRange
			}
			data, err := readAll(resp, wholeLimit)
			out = &Part{Data: data, Total: int64(len(data)), Whole: true, Tag: tagOf(resp.Header)}
			return err
		case http.StatusRequestedRangeNotSatisfiable: // an empty file, or a server that knows no suffixes
			return ErrNoRange
		}
		first, last, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || last-first >= length || offset >= 0 && first != offset || offset < 0 && last != total-1 {
			return ErrNoRange // several parts, no total, or another part than asked for
		}
		data, err := readAll(resp, length)
		if err != nil {
			return err
		}
		if int64(len(data)) != last-first+1 {
			return fmt.Errorf("%w, after %d of %d bytes", errTruncated, len(data), last-first+1)
		}
		out = &Part{Data: data, Offset: first, Total: total, Tag: tagOf(resp.Header)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// contentRange reads "bytes 0-99/1234" (RFC 9110, 14.4); the total must be known.
func contentRange(v string) (first, last, total int64, ok bool) {
	v, ok = strings.CutPrefix(v, "bytes ")
	part, size, ok2 := strings.Cut(v, "/")
	from, to, ok3 := strings.Cut(part, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, 0, false
	}
	var n [3]int64
	for i, s := range []string{from, to, size} {
		u, err := strconv.ParseUint(s, 10, 62)
		if err != nil {
			return 0, 0, 0, false
		}
		n[i] = int64(u)
	}
	return n[0], n[1], n[2], n[0] <= n[1] && n[1] < n[2]
}

// AptFetcher is a Client in the form that apt indexes are fetched through.
type AptFetcher struct{ c *Client }

// AptFetcher gives the client in that form.
func (c *Client) AptFetcher() AptFetcher { return AptFetcher{c} }

// Get fetches a file of at most limit bytes. It is not decoded: the hash of an index is that of its
// compressed file.
func (f AptFetcher) Get(ctx context.Context, address string, limit int64) ([]byte, error) {
	resp, err := f.c.Get(ctx, address, GetOptions{Limit: limit, Header: http.Header{acceptCoding: {identity}}})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
