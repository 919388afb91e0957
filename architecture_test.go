// Package envpack_test holds what must be true of the whole repository: who may import whom, what
// no code may call, how long a file may be, and what no file may name.
package envpack_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/envpack/envpack"
	ggcr   = "github.com/google/go-containerregistry"
	cobra  = "github.com/spf13/cobra"
)

// rule says what a package (and all below it) must not reach, directly or through others of ours.
type rule struct {
	name   string
	from   []string // package prefixes relative to the module
	except []string
	banned []string // import path prefixes
}

var rules = []rule{
	{"the lock stands alone", []string{"lockfile"}, []string{"lockfile/pylock"}, []string{module}},
	{"resolving knows nothing of images", []string{"resolver"}, nil, []string{module + "/imagegen", ggcr}},
	{"importing knows nothing of images", []string{"importer"}, nil, []string{module + "/imagegen", ggcr}},
	{"building knows nothing of resolving", []string{"imagegen"}, nil, []string{module + "/resolver", module + "/internal/manifest"}},
	{"only publish reaches the network", []string{"imagegen"}, []string{"imagegen/publish"}, []string{"net/http", ggcr + "/pkg/v1/remote", module + "/internal/fetch"}},
	{"the solver and versions do no I/O", []string{"resolver/pubgrub", "resolver/pep440"}, nil, []string{module, "net/http", "os"}},
	{"markers and tags do no I/O", []string{"resolver/pep508", "resolver/tags"}, nil, []string{"net/http", "os"}},
	{"internal packages serve both halves", []string{"internal"}, []string{"internal/testenv", "internal/supply", "internal/manifest"}, []string{module + "/resolver", module + "/imagegen"}},
	{"deflate and hashpair are bytes to bytes", []string{"internal/deflate", "internal/hashpair"}, nil, []string{module, "archive", "net", "os"}},
	{"only the command knows cobra", []string{"lockfile", "resolver", "importer", "imagegen", "internal", "templates"}, nil, []string{cobra}},
	{"facts of CUDA know no network", []string{"resolver/cuda"}, nil, []string{"net/http"}},
}

func TestImports(t *testing.T) {
	imports := importsOf(t)
	for _, r := range rules {
		for pkg := range imports {
			if !below(pkg, r.from) || below(pkg, r.except) {
				continue
			}
			for _, chain := range reach(imports, pkg, r) {
				t.Errorf("%s: %s", r.name, strings.Join(chain, " -> "))
			}
		}
	}
}

// reach finds the banned imports of pkg, with the way to them through packages that the rule
// covers as well: what an exempt package imports is its own affair.
func reach(imports map[string][]string, pkg string, r rule) [][]string {
	var found [][]string
	seen := map[string]bool{pkg: true}
	queue := [][]string{{pkg}}
	for len(queue) > 0 {
		chain := queue[0]
		queue = queue[1:]
		for _, next := range imports[chain[len(chain)-1]] {
			if hasPrefix(next, r.banned) {
				found = append(found, append(append([]string(nil), chain...), next))
				continue
			}
			ours, ok := strings.CutPrefix(next, module+"/")
			if ok && !seen[ours] && !below(ours, r.except) {
				seen[ours] = true
				queue = append(queue, append(append([]string(nil), chain...), ours))
			}
		}
	}
	return found
}

// writers are the constructors whose output may change with a release of their library, so that a
// digest must never depend on them.
var writers = regexp.MustCompile(`^New.*Writer`)

var bannedCalls = map[string]bool{
	ggcr + "/pkg/v1/tarball.LayerFromOpener": true,
	ggcr + "/pkg/v1/tarball.LayerFromFile":   true,
	ggcr + "/pkg/v1/stream.NewLayer":         true,
	ggcr + "/pkg/v1/mutate.Time":             true,
	ggcr + "/pkg/crane.Layer":                true,
}

func TestNoCompressor(t *testing.T) {
	eachFile(t, func(name string, file *ast.File) {
		names := map[string]string{}
		for _, imp := range file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			base := path.Base(p)
			if imp.Name != nil {
				base = imp.Name.Name
			}
			names[base] = p
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			p := names[x.Name]
			compressor := strings.HasPrefix(p, "compress/") || strings.HasPrefix(p, "github.com/klauspost/compress/") ||
				strings.HasPrefix(p, "github.com/ulikunitz/xz")
			if compressor && writers.MatchString(sel.Sel.Name) || bannedCalls[p+"."+sel.Sel.Name] {
				t.Errorf("%s calls %s.%s: its bytes may change with its releases", name, p, sel.Sel.Name)
			}
			return true
		})
	})
}

const longestFile = 400

func TestFileLength(t *testing.T) {
	eachGoFile(t, func(name string) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(data, []byte("\n")); lines > longestFile && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s has %d lines, more than %d", name, lines, longestFile)
		}
	})
}

// TestNoRegistryHost looks for the hosts of public package registries, which only the table of
// well-known sources knows, and in reversed form: every example and lock must work behind a mirror.
func TestNoRegistryHost(t *testing.T) {
	var hosts [][]byte
	for _, reversed := range []string{
		"gro.ipyp", "gro.detsohnohtyp", "gro.naibed.bed", "gro.naibed.ytiruces", "gro.naibed.tohspans",
		"gro.gnalog.yxorp", "gro.sjmpn.yrtsiger", "oi.setarc", "gro.nevam", "moc.utnubu.evihcra",
	} {
		host := []byte(reversed)
		for i, j := 0, len(host)-1; i < j; i, j = i+1, j-1 {
			host[i], host[j] = host[j], host[i]
		}
		hosts = append(hosts, host)
	}
	walk(t, func(name string) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range hosts {
			if bytes.Contains(data, host) {
				t.Errorf("%s names the host of a public package registry", name)
			}
		}
	})
}

func importsOf(t *testing.T) map[string][]string {
	imports := map[string][]string{}
	eachFile(t, func(name string, file *ast.File) {
		pkg := filepath.ToSlash(filepath.Dir(name))
		for _, imp := range file.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			imports[pkg] = append(imports[pkg], p)
		}
	})
	for pkg := range imports {
		sort.Strings(imports[pkg])
	}
	return imports
}

// eachFile visits the Go files that are part of the product.
func eachFile(t *testing.T, visit func(name string, file *ast.File)) {
	eachGoFile(t, func(name string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/testenv/") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		visit(name, file)
	})
}

func eachGoFile(t *testing.T, visit func(name string)) {
	walk(t, func(name string) {
		if strings.HasSuffix(name, ".go") {
			visit(name)
		}
	})
}

func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name == ".git" {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			files++
			visit(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("reading the repository: %d files, %v", files, err)
	}
}

func below(pkg string, prefixes []string) bool {
	for _, p := range prefixes {
		if pkg == p || strings.HasPrefix(pkg, p+"/") {
			return true
		}
	}
	return false
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if s == p || strings.HasPrefix(s, p+"/") {
			return true
		}
	}
	return false
}
