package index_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/index"
)

// TestCheckMetadata has an index that serves other metadata than the wheel has, with a hash that
// fits the false metadata: only the whole wheel tells.
func TestCheckMetadata(t *testing.T) {
	name, honest := testenv.Wheel("a", "1.0", testenv.WheelOptions{Requires: []string{"b"}})
	_, false1 := testenv.Wheel("a", "1.0", testenv.WheelOptions{Requires: []string{"c"}})
	for _, test := range []struct {
		what   string
		served []byte // the wheel whose metadata the index tells
		bad    bool
	}{{"the same", honest, false}, {"another dependency", false1, true}} {
		t.Run(test.what, func(t *testing.T) {
			fake := &testenv.Index{Metadata: true}
			fake.AddWheel(name, test.served, testenv.IndexFile{})
			server := httptest.NewServer(fake)
			defer server.Close()
			st, err := store.Open(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			x, err := index.New(index.Options{
				URL: server.URL + "/simple/", Name: "fake", Fetch: fetch.New(fetch.Options{}), Store: st, Now: time.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			p, err := x.Project(context.Background(), "a")
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(honest)
			files, err := p.Files.Of(0)
			if err != nil {
				t.Fatal(err)
			}
			f := files[0]
			f.SHA256 = hex.EncodeToString(sum[:])
			f.Size = -1
			if _, err := x.Metadata(context.Background(), f); err != nil {
				t.Fatal(err)
			}
			if err := st.Put(context.Background(), bytes.NewReader(honest), f.SHA256, -1); err != nil {
				t.Fatal(err)
			}
			err = x.CheckMetadata(f)
			if test.bad != (err != nil) {
				t.Fatalf("got %v", err)
			}
			if test.bad && (diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), "is not what the index said of it")) {
				t.Errorf("got %v", err)
			}
		})
	}
}
