package supply_test

import (
	"crypto/sha1"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// TestFormer: a package that its archive has no more is found by name and version, without a date, and what the service
// says is believed in nothing but where to look.
func TestFormer(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	const wrong = `{"result":[{"architecture":"amd64","hash":"%[1]s"}],"fileinfo":{"%[1]s":[{"name":"libx_1.0_amd64.deb","size":%[2]d}]}}`
	for name, c := range map[string]struct {
		answer string // in place of the service's own; %[1]s is the right hash, %[2]d the right size
		text   string // of the error; "" for none
		hint   string
	}{
		"found":                {},
		"no architecture said": {answer: `{"result":[{"hash":"%[1]s"}],"fileinfo":{"%[1]s":[{"name":"libx_1.0_amd64.deb","size":%[2]d}]}}`},
		"several":              {answer: `{"result":[{"hash":"` + strings.Repeat("f", 40) + `"},{"hash":"%[1]s"}],"fileinfo":{"` + strings.Repeat("f", 40) + `":[{"name":"a_amd64.deb","size":%[2]d}],"%[1]s":[{"name":"x","size":1},{"name":"libx_1.0_amd64.deb","size":%[2]d}]}}`},
		"another architecture": {answer: strings.Replace(wrong, `"amd64"`, `"arm64"`, 1), text: "package libx 1.0", hint: "did not give it either"},
		"no hash":              {answer: `{"result":[{"hash":"../../%[1]s"}],"fileinfo":{"../../%[1]s":[{"name":"libx_1.0_amd64.deb","size":%[2]d}]}}`, text: "package libx 1.0", hint: "did not give it either"},
		"no JSON":              {answer: "<html>", text: "404", hint: "did not give it either"},
		"not known":            {answer: `{}`, text: "404", hint: "a newer version took its place"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.deb("libx", "1.0", testenv.DebOptions{})
			var snapshots testenv.AptSnapshots
			snapshots.Keep(w.apt, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			asked := 0
			service := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				asked++
				if strings.HasPrefix(r.URL.Path, "/mr/") && c.answer != "" {
					content := w.apt.File("debian/" + d.Path)
					rw.Write([]byte(strings.NewReplacer("%[1]s", fmt.Sprintf("%x", sha1.Sum(content)), "%[2]d", fmt.Sprint(d.Size)).Replace(c.answer)))
					return
				}
				snapshots.ServeHTTP(rw, r)
			}))
			t.Cleanup(service.Close)
			w.o.Sources.Archives["debian"] = sources.Source{URL: gone.URL, Service: service.URL}
			s := w.supply(t)
			err := s.Debs(t.Context(), []lockfile.Deb{d})
			if c.text != "" {
				check(t, err, diag.Fetch, c.text, c.hint)
				return
			}
			if err != nil || !w.store.Has(d.SHA256) || asked == 0 {
				t.Errorf("%v, %d requests", err, asked)
			}
		})
	}
	// What the archive has is not asked for elsewhere, and nothing is asked offline or by a lock that names the archive itself.
	w := newWorld(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	refuse := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL.Path) }))
	t.Cleanup(refuse.Close)
	w.o.Sources.Archives["debian"] = sources.Source{URL: w.o.Sources.Archives["debian"].URL, Service: refuse.URL}
	if err := w.supply(t).Debs(t.Context(), []lockfile.Deb{d}); err != nil {
		t.Fatal(err)
	}
	d.SHA256, d.Archive = strings.Repeat("0", 64), "vendor"
	w.o.Archives = []lockfile.Archive{{Name: "vendor", URL: gone.URL}}
	check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, "404", "")
	w.o.Offline, w.o.Fetch = true, fetch.New(fetch.Options{Offline: true})
	d.Archive = "debian"
	check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, "offline", "")
}

// TestLibrary: Ubuntu's packages are in the library by the names of their files.
func TestLibrary(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	w := newWorld(t)
	d := w.deb("libx", "1.0", testenv.DebOptions{})
	var snapshots testenv.AptSnapshots
	snapshots.Keep(w.apt, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	library := httptest.NewServer(http.HandlerFunc(snapshots.Files))
	t.Cleanup(library.Close)
	w.o.Sources.Archives["debian"] = sources.Source{URL: gone.URL, Files: library.URL + "/files"}
	if err := w.supply(t).Debs(t.Context(), []lockfile.Deb{d}); err != nil || !w.store.Has(d.SHA256) {
		t.Error(err)
	}
	// Where the machine has a mirror and names no such place, the error says how it is named.
	for archive, flag := range map[string]string{"debian-security": "--apt-mirror debian-snapshot=URL/archive", "ubuntu": "--apt-mirror ubuntu-files=URL"} {
		d.Archive, d.SHA256 = archive, strings.Repeat("0", 64)
		w.o.Sources.Archives[archive] = sources.Source{URL: gone.URL}
		check(t, w.supply(t).Debs(t.Context(), []lockfile.Deb{d}), diag.Fetch, "404", flag)
	}
}
