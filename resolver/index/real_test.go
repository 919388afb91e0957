package index

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/tags"
)

const realProjects = `requests numpy pandas scipy torch flask django boto3 botocore urllib3 certifi idna click jinja2
	markupsafe pyyaml cryptography cffi pillow matplotlib scikit-learn transformers tokenizers huggingface-hub fastapi
	pydantic pydantic-core uvicorn starlette aiohttp sqlalchemy pytest setuptools wheel rich tqdm protobuf grpcio
	nvidia-cublas-cu12 triton`

// TestRealIndex reads pages and metadata from the index that ENVPACK_TEST_INDEX names, twice: with
// an empty store, and with the store that the first time left.
func TestRealIndex(t *testing.T) {
	address := os.Getenv("ENVPACK_TEST_INDEX")
	if address == "" {
		t.Skip("ENVPACK_TEST_INDEX does not name an index")
	}
	dir := t.TempDir()
	for _, round := range []string{"cold", "warm"} {
		st, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		x, err := New(Options{URL: address, Name: "real", Fetch: fetch.New(fetch.Options{}), Store: st, MaxAge: 10 * time.Minute, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for _, name := range strings.Fields(realProjects) {
			wg.Add(1)
			go func() {
				defer wg.Done()
				p, err := x.Project(t.Context(), name)
				if err != nil {
					t.Error(err)
					return
				}
				paged := time.Since(start)
				f, ok := newestWheel(p)
				if !ok {
					t.Errorf("%s has no wheel", name)
					return
				}
				m, err := x.Metadata(t.Context(), f)
				if err != nil {
					t.Error(err)
					return
				}
				if round == "cold" {
					t.Logf("%-20s %5d files, %d unreadable, page %v, all %v, %d requirements", name, len(p.Files), p.Unreadable, paged.Round(time.Millisecond), time.Since(start).Round(time.Millisecond), len(m.Requires))
				}
			}()
		}
		wg.Wait()
		fmt.Printf("%s: %v\n", round, time.Since(start).Round(time.Millisecond))
	}
}

func newestWheel(p *Project) (best File, ok bool) {
	var newest pep440.Version
	for _, f := range p.Files {
		w, err := tags.ParseWheel(f.Filename)
		if err != nil || f.Yanked || w.Version.IsPrerelease() || ok && w.Version.Compare(newest) <= 0 {
			continue
		}
		best, newest, ok = f, w.Version, true
	}
	return best, ok
}
