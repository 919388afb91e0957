package publish

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// TestPushWheel leaves a wheel in a repository, twice, and takes it from there.
func TestPushWheel(t *testing.T) {
	host, _ := serveRepositories(t)
	to := repositoryOf(t, host+"/cache/layers")
	content := []byte("PK a wheel")
	sum := strings.TrimPrefix(digest(content), "sha256:")
	w := Wheel{Name: "a-1-py3-none-any.whl", SHA256: sum, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
	ctx := context.Background()
	for range 2 {
		if err := PushWheel(ctx, to, w, PushOptions{Client: Client{Keychain: anonymous}}); err != nil {
			t.Fatal(err)
		}
	}
	shelf := NewShelf(ShelfOptions{Client: Client{Keychain: anonymous}, Cache: to})
	r, err := shelf.Wheel(ctx, sum, w.Size)
	if err != nil || r == nil {
		t.Fatalf("%v, %v", r, err)
	}
	got, err := io.ReadAll(r)
	r.Close()
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
	other := strings.Repeat("0", 64)
	if r, err := shelf.Wheel(ctx, other, 5); r != nil || err != nil {
		t.Errorf("%v, %v", r, err)
	}
}
