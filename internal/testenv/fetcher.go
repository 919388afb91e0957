package testenv

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Fetcher gets the files of archives, once and without more ado. It implements apt.Fetcher.
type Fetcher struct{}

// Get fetches a file of at most limit bytes.
func (Fetcher) Get(ctx context.Context, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", url, limit)
	}
	return data, err
}
