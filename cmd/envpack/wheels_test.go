package main

import (
	"bytes"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// flatProject is what examples/digits is, from a flat index and without a distribution.
const flatProject = `
[project]
name = "digits"
python = "3.11.7"
dependencies = ["Scikit_Learn>=1.5"]
[system]
distro = "none"
[image]
command = ["python", "train.py"]
include = ["train.py"]
[[index]]
name = "wheels"
format = "flat"
default = true
`

// TestRealFlatIndex locks and builds from a folder of real wheels without any network, and from a page of links to them.
func TestRealFlatIndex(t *testing.T) {
	wheels, err := filepath.Abs(testenv.Wheels(t))
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the wheels are those of the machine")
	}
	files, err := filepath.Glob(filepath.Join(wheels, "*.whl"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var page bytes.Buffer
	page.WriteString("<!DOCTYPE html><title>Links</title>\n")
	for _, file := range files {
		fmt.Fprintf(&page, "<a href=\"files/%[1]s\">%[1]s</a><br>\n", html.EscapeString(filepath.Base(file)))
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(wheels))))
	mux.HandleFunc("/links", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Write(page.Bytes())
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	train, err := os.ReadFile(filepath.Join("..", "..", "examples", "digits", "train.py"))
	if err != nil {
		t.Fatal(err)
	}
	x := newTools(t)
	x.env = append(x.env, "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1") // nothing else is reached
	locks := map[string]*lockfile.Lock{}
	for _, one := range []struct {
		name, where string
		flags       []string
	}{
		{"folder", "path = " + fmt.Sprintf("%q", wheels), []string{"--offline"}},
		{"page", "url = \"" + server.URL + "/links\"", nil},
	} {
		x.write(t, one.name, map[string]string{"envpack.toml": flatProject + one.where + "\n", "train.py": string(train)})
		x.env = append(x.env, "ENVPACK_CACHE="+filepath.Join(x.dir, one.name, ".store"))
		x.run(t, one.name, "envpack", append([]string{"lock"}, one.flags...)...)
		x.run(t, one.name, "envpack", append([]string{"build", "-o", "oci:image"}, one.flags...)...)
		l := x.lock(t, one.name)
		locks[one.name] = l
		names := locked(l, "linux/amd64")
		for _, name := range []string{"scikit-learn", "numpy", "scipy"} {
			if !strings.Contains(names, name+"==") {
				t.Errorf("%s: no %s:\n%s", one.name, name, names)
			}
		}
		for _, p := range l.Packages {
			for _, f := range p.Files {
				if !slices.Contains(files, filepath.Join(wheels, f.Name)) || p.Index != "wheels" || !f.Hashed {
					t.Errorf("%s: %s of %q, hashed %t", one.name, f.Name, p.Index, f.Hashed)
				}
			}
		}
	}
	// Where wheels come from changes no layer of them.
	folder, linked := locks["folder"], locks["page"]
	if diff := cmp.Diff(folder.Packages, linked.Packages); diff != "" {
		t.Errorf("other packages (-folder +page):\n%s", diff)
	}
	layers := func(l *lockfile.Lock) (out []string) {
		for _, s := range l.Seals {
			for _, layer := range s.Layers {
				if layer.Name != "lock" {
					out = append(out, layer.Name+" "+layer.Digest)
				}
			}
		}
		return out
	}
	if a, b := layers(folder), layers(linked); len(a) < 4 || !slices.Equal(a, b) {
		t.Errorf("other layers:\n%s\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}
