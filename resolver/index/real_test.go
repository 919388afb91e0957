package index

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/tags"
)

const realProjects = `requests numpy pandas scipy torch flask django boto3 botocore urllib3 certifi idna click jinja2
	markupsafe pyyaml cryptography cffi pillow matplotlib scikit-learn transformers tokenizers huggingface-hub fastapi
	pydantic pydantic-core uvicorn starlette aiohttp sqlalchemy pytest setuptools wheel rich tqdm protobuf grpcio
	nvidia-cublas-cu12 triton`

// realIndex is the address of the default index on this machine, and a client for it.
func realIndex(t *testing.T) (address string, client *fetch.Client) {
	t.Helper()
	testenv.Real(t, "an index")
	host := sources.ThisHost(runtime.GOOS)
	found, err := sources.Find(host, sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roots, err := host.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	return found.Index.URL, fetch.New(fetch.Options{RootCAs: roots, Credentials: found.Credentials})
}

// TestRealIndex reads pages and metadata from the index that this machine is configured for, twice:
// with an empty store, and with the store that the first time left.
func TestRealIndex(t *testing.T) {
	address, client := realIndex(t)
	dir := t.TempDir()
	for _, round := range []string{"cold", "warm"} {
		st, err := store.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		x, err := New(Options{URL: address, Name: "real", Fetch: client, Store: st, MaxAge: 10 * time.Minute, Now: time.Now})
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
				f, ok := newestWheel(t, p)
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
					t.Logf("%-20s %5d files, %d unreadable, page %v, all %v, %d requirements", name, p.Files.Len(), p.Unreadable.Count, paged.Round(time.Millisecond), time.Since(start).Round(time.Millisecond), len(m.Requires))
				}
			}()
		}
		wg.Wait()
		t.Logf("%s: %v", round, time.Since(start).Round(time.Millisecond))
	}
}

func newestWheel(t *testing.T, p *Project) (best File, ok bool) {
	t.Helper()
	var newest pep440.Version
	for _, f := range listOf(t, p.Files) {
		w, err := tags.ParseWheel(f.Filename)
		if err != nil || f.Yanked || w.Version.IsPrerelease() || ok && w.Version.Compare(newest) <= 0 {
			continue
		}
		best, newest, ok = f, w.Version, true
	}
	return best, ok
}

// TestRealDownload holds what is read of a wheel by byte ranges to what the whole wheel says, and
// continues a download that was interrupted.
func TestRealDownload(t *testing.T) {
	address, client := realIndex(t)
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	x, err := New(Options{URL: address, Name: "real", Fetch: client, Store: st, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"requests", "rich", "flask", "pytest", "setuptools", "pygments"} {
		p, err := x.Project(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := newestWheel(t, p)
		m, err := x.Metadata(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = client.Download(ctx, f.URL, f.SHA256, f.Size, st, func(n int64) {
			if n > f.Size/2 {
				cancel()
			}
		})
		cancel()
		var from int64 = -1
		err2 := client.Download(t.Context(), f.URL, f.SHA256, f.Size, st, func(n int64) {
			if from < 0 {
				from = n
			}
		})
		if err2 != nil {
			t.Fatal(err2)
		}
		t.Logf("%s: %d bytes, interrupted: %v, first progress after that at %d", f.Filename, f.Size, err != nil, from)
		if err := st.Verify(f.SHA256); err != nil {
			t.Error(err)
		}
		b, err := st.Blob(f.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := fromWheel(f, b, b.Size())
		if err != nil {
			t.Fatal(err)
		}
		whole, err := interpret(f.Filename, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := SameMetadata(m, whole); err != nil {
			t.Errorf("%s: %v", f.Filename, err)
		}
	}
}
