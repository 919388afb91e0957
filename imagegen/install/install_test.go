package install_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

var layout = install.Layout{Python: "3.11", Prefix: "opt/env"}

const site = "opt/env/lib/python3.11/site-packages/"

type blob struct {
	*bytes.Reader
	sum string
}

func (b blob) SHA256() string { return b.sum }

func plan(t testing.TB, filename string, data []byte) (*install.Installed, error) {
	t.Helper()
	w, err := wheelfile.Open(filename, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return install.Plan(w, blob{bytes.NewReader(data), hex.EncodeToString(sum[:])}, layout)
}

func mustPlan(t testing.TB, name, version string, o testenv.WheelOptions) *install.Installed {
	t.Helper()
	filename, data := testenv.Wheel(name, version, o)
	in, err := plan(t, filename, data)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// tree writes the layer, again if RECORD must be amended, and reads it back: path -> content, and modes.
func tree(t testing.TB, in ...*install.Installed) (map[string]string, map[string]int64) {
	t.Helper()
	var out bytes.Buffer
	for round := 0; ; round++ {
		out.Reset()
		var entries []layer.Entry
		for _, i := range in {
			entries = append(entries, i.Entries()...)
		}
		r, err := layer.Write(context.Background(), layer.WithParents(entries), layer.Options{Output: &out})
		if err != nil {
			t.Fatal(err)
		}
		amended := false
		for _, i := range in {
			amended = i.Amend(r.Deviations) || amended
		}
		if !amended {
			break
		}
		if round > 0 {
			t.Fatal("amended twice")
		}
	}
	z, err := gzip.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	files, modes := map[string]string{}, map[string]int64{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, modes
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name], modes[h.Name] = string(body), h.Mode
	}
}

func names(files map[string]string) []string {
	list := make([]string, 0, len(files))
	for p := range files {
		list = append(list, p)
	}
	sort.Strings(list)
	return list
}

// checkRecord holds the RECORD in the tree to the files in it.
func checkRecord(t testing.TB, files map[string]string, record string) {
	t.Helper()
	rows, err := wheelfile.ParseRecord([]byte(files[record]))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range rows {
		p := path.Join(site, row.Path)
		listed[p] = true
		body, ok := files[p]
		if !ok {
			t.Errorf("RECORD lists %s, which is not there", p)
		}
		if p == record {
			if row.Hash != "" || row.Size != -1 {
				t.Errorf("RECORD hashes itself: %v", row)
			}
			continue
		}
		sum := sha256.Sum256([]byte(body))
		if want := "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]); row.Hash != want || row.Size != int64(len(body)) {
			t.Errorf("RECORD of %s: %v, want %s, %d", p, row, want, len(body))
		}
	}
	for p := range files {
		if !listed[p] {
			t.Errorf("RECORD does not list %s", p)
		}
	}
}

func TestPlan(t *testing.T) {
	o := testenv.WheelOptions{
		Files: map[string]string{"pkg/__init__.py": "x = 1\n", "pkg/lib.so": "binary", "a,b.py": "", "pkg/__pycache__/m.cpython-311.pyc": "code"},
		Scripts: map[string]string{
			"old":  "#!python\nprint(1)\n",
			"oldw": "#!pythonw -E\r\nprint(2)\n",
			"sh":   "#!/bin/sh\n", "tiny": "#!", "run": "#!python\nreplaced\n", "run-script.py": "replaced too",
		},
		Data: map[string]string{
			"headers/pkg.h": "// h", "data/share/pkg/doc.txt": "doc", "data/bin/tool": "ELF", "purelib/pure.py": "p = 1\n",
			"platlib/plat.py": "q = 1\n", "data/lib64/x.so": "so",
		},
		Executable:  []string{"pkg/lib.so", "data/bin/tool"},
		EntryPoints: "[console_scripts]\nrun = pkg.cli:App.main\n[gui_scripts]\ngui = pkg:gui [extra]\n[other]\nx = pkg\n",
	}
	in := mustPlan(t, "My_Pkg", "1.0", o)
	if in.Name != "my-pkg" || in.Version != "1.0" || len(in.Deviations) != 0 {
		t.Errorf("%+v", in)
	}
	files, modes := tree(t, in)
	info := site + "My_Pkg-1.0.dist-info/"
	want := map[string]int64{
		"opt/env/bin/gui": 0o755, "opt/env/bin/old": 0o755, "opt/env/bin/oldw": 0o755, "opt/env/bin/run": 0o755,
		"opt/env/bin/sh": 0o755, "opt/env/bin/tiny": 0o755, "opt/env/bin/tool": 0o755,
		"opt/env/include/site/python3.11/My-Pkg/pkg.h": 0o644, "opt/env/lib/x.so": 0o644, "opt/env/share/pkg/doc.txt": 0o644,
		site + "pkg/__init__.py": 0o644, site + "pkg/lib.so": 0o755, site + "a,b.py": 0o644, site + "pure.py": 0o644,
		site + "plat.py": 0o644, site + "pkg/__pycache__/m.cpython-311.pyc": 0o644,
		info + "METADATA": 0o644, info + "WHEEL": 0o644, info + "RECORD": 0o644, info + "INSTALLER": 0o644,
		info + "entry_points.txt": 0o644,
	}
	if diff := cmp.Diff(want, modes); diff != "" {
		t.Error(diff)
	}
	for p, text := range map[string]string{
		"opt/env/bin/old": "#!/opt/env/bin/python\nprint(1)\n", "opt/env/bin/oldw": "#!/opt/env/bin/python\nprint(2)\n",
		"opt/env/bin/sh": "#!/bin/sh\n", "opt/env/bin/tiny": "#!", info + "INSTALLER": "envpack\n",
		"opt/env/bin/run": "#!/opt/env/bin/python\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom pkg.cli import App\n" +
			"if __name__ == '__main__':\n    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit(App.main())\n",
	} {
		if files[p] != text {
			t.Errorf("%s: %q", p, files[p])
		}
	}
	checkRecord(t, files, info+"RECORD")
	if !strings.HasPrefix(files[info+"RECORD"], "\"a,b.py\",sha256=") {
		t.Errorf("RECORD begins %q", files[info+"RECORD"][:40])
	}
}

func TestInstallersFilesAreNotCopied(t *testing.T) {
	in := mustPlan(t, "a", "1", testenv.WheelOptions{Files: map[string]string{
		"a-1.dist-info/INSTALLER": "pip\n", "a-1.dist-info/REQUESTED": "", "a-1.dist-info/direct_url.json": "{}",
		"a-1.dist-info/RECORD.jws": "signature", "a-1.dist-info/licenses/LICENSE": "free",
	}, Record: func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		var kept []string
		for _, l := range lines {
			if !strings.Contains(l, "RECORD.jws") {
				kept = append(kept, l)
			}
		}
		return strings.Join(kept, "")
	}})
	files, _ := tree(t, in)
	info := site + "a-1.dist-info/"
	want := []string{"INSTALLER", "METADATA", "RECORD", "RECORD.jws", "WHEEL", "licenses/LICENSE"}
	for i := range want {
		want[i] = info + want[i]
	}
	if diff := cmp.Diff(want, names(files)); diff != "" {
		t.Error(diff)
	}
	if files[info+"INSTALLER"] != install.Installer || len(in.Deviations) != 0 {
		t.Errorf("INSTALLER %q, deviations %v", files[info+"INSTALLER"], in.Deviations)
	}
	checkRecord(t, files, info+"RECORD")
}

func TestRefuse(t *testing.T) {
	points := func(text string) testenv.WheelOptions { return testenv.WheelOptions{EntryPoints: text} }
	data := func(p string) testenv.WheelOptions { return testenv.WheelOptions{Data: map[string]string{p: "x"}} }
	for _, test := range []struct {
		o    testenv.WheelOptions
		want string
	}{
		{data("data/bin/python"), "overwrite bin/python"},
		{data("data/bin/python3.11"), "overwrite"},
		{data("data/bin/PYTHON3"), "overwrite"},
		{data("data/bin/python3-config"), "overwrite"},
		{data("data/bin/python/x"), "overwrite"},
		{data("scripts/python3"), "overwrite"},
		{data("data/pyvenv.cfg"), "overwrite pyvenv.cfg"},
		{data("data/PyVenv.cfg"), "overwrite"},
		{data("data/lib64"), "overwrite lib64"},
		{data("data/lib"), "overwrite lib"},
		{data("data/bin"), "overwrite bin"},
		{data("data/envpack.lock"), "overwrite"},
		{data("nothing/x"), "scheme"},
		{data("x"), "none of its schemes"},
		{points("[console_scripts]\npython = a:b\n"), "overwrite"},
		{points("[gui_scripts]\nPython3 = a:b\n"), "overwrite"},
		{points("[console_scripts]\n../x = a:b\n"), "name of a script"},
		{points("[console_scripts]\n.. = a:b\n"), "name of a script"},
		{points("[console_scripts]\nx = a\n"), "no function"},
		{points("[console_scripts]\nx = a:b\n[gui_scripts]\nx = a:c\n"), "two functions"},
		{testenv.WheelOptions{Files: map[string]string{"x.py": "1"}, Data: map[string]string{"purelib/x.py": "2"}}, "would be installed as"},
		{testenv.WheelOptions{Files: map[string]string{"x.py": "1"}, Data: map[string]string{"data/lib/python3.11/site-packages/x.py": "2"}}, "would be installed as"},
		{testenv.WheelOptions{EntryPoints: "[console_scripts]\nx = a:b\n", Data: map[string]string{"data/bin/x": "2"}}, "would be installed as"},
		{testenv.WheelOptions{Record: func(string) string { return "a,b,c,d\n" }}, "columns"},
	} {
		filename, content := testenv.Wheel("a", "1", test.o)
		_, err := plan(t, filename, content)
		var typed *wheelfile.Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) || typed.Wheel != filename {
			t.Errorf("%+v: error %v, want %q", test.o, err, test.want)
		}
	}
	in := mustPlan(t, "a", "1", testenv.WheelOptions{Scripts: map[string]string{"python-argcomplete": "#!python\n", "pythonfoo": "#!python\n"}})
	if len(in.Entries()) == 0 {
		t.Error("names that only begin with python are refused")
	}
}

func TestNoRecord(t *testing.T) {
	data := testenv.Zip([]testenv.ZipMember{
		{Name: "a-1.dist-info/METADATA", Content: []byte("Name: a\nVersion: 1\n")}, {Name: "a-1.dist-info/WHEEL", Content: []byte("Wheel-Version: 1.0\n")},
	})
	if _, err := plan(t, "a-1-py3-none-any.whl", data); !errors.Is(err, wheelfile.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestDeviations(t *testing.T) {
	wrong := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	in := mustPlan(t, "a", "1", testenv.WheelOptions{
		Files: map[string]string{"absent.py": "1", "good.py": "1", "hash.py": "hash", "md5.py": "md5", "none.py": "none", "size.py": "size", "unlisted.py": "unlisted"},
		Record: func(text string) string {
			var b strings.Builder
			for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
				p, _, _ := strings.Cut(line, ",")
				switch p {
				case "unlisted.py":
				case "absent.py":
					fmt.Fprintf(&b, "%s\nghost.py,sha256=%s,7\n", line, wrong)
				case "good.py":
					fmt.Fprintf(&b, "%s\n%s\n", line, line)
				case "hash.py":
					fmt.Fprintf(&b, "hash.py,sha256=%s,4\n", wrong)
				case "md5.py":
					b.WriteString("md5.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,3\n")
				case "none.py":
					b.WriteString("none.py,,\n")
				case "size.py":
					b.WriteString(strings.TrimSuffix(line, "4") + "5\n")
				default:
					b.WriteString(line + "\n")
				}
			}
			return b.String()
		},
	})
	files, _ := tree(t, in)
	var got []string
	for _, d := range in.Deviations {
		got = append(got, string(d.Kind)+" "+d.Path)
	}
	want := []string{"absent ghost.py", "repeated good.py", "hash hash.py", "bad-hash md5.py", "unhashed none.py", "size size.py", "unlisted unlisted.py"}
	sort.Strings(want)
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	checkRecord(t, files, site+"a-1.dist-info/RECORD")
}

func TestPip(t *testing.T) {
	in := mustPlan(t, "pip", "20.0", testenv.WheelOptions{
		EntryPoints: "[console_scripts]\npip = pip.main:main\npip3 = pip.main:main\npip3.8 = pip.main:main\n",
	})
	files, _ := tree(t, in)
	var got []string
	for _, p := range names(files) {
		if b, ok := strings.CutPrefix(p, "opt/env/bin/"); ok {
			got = append(got, b)
		}
	}
	if diff := cmp.Diff([]string{"pip", "pip3", "pip3.11"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLayout(t *testing.T) {
	filename, data := testenv.Wheel("a", "1", testenv.WheelOptions{})
	w, err := wheelfile.Open(filename, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []install.Layout{{}, {Python: "3", Prefix: "opt"}, {Python: "3.11.2", Prefix: "opt"}, {Python: "3.11"}, {Python: "3.11", Prefix: "/opt"}} {
		if _, err := install.Plan(w, blob{}, bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

func TestSettle(t *testing.T) {
	wheel := func(name string, files map[string]string) *install.Installed {
		return mustPlan(t, name, "1", testenv.WheelOptions{Files: files})
	}
	a := wheel("a", map[string]string{"ns/__init__.py": "", "ns/x.py": "same", "tests/t.py": "of a"})
	b := wheel("b", map[string]string{"ns/__init__.py": "", "ns/x.py": "same", "tests/t.py": "of b"})
	c := wheel("c", map[string]string{"ns/__init__.py": "", "ns/y.py": "c"})
	all := []*install.Installed{c, b, a}
	contests, err := install.Contested(all)
	if err != nil {
		t.Fatal(err)
	}
	want := []install.Contest{
		{Path: site + "ns/__init__.py", Names: []string{"a", "b", "c"}, Same: true},
		{Path: site + "ns/x.py", Names: []string{"a", "b"}, Same: true},
		{Path: site + "tests/t.py", Names: []string{"a", "b"}},
	}
	if diff := cmp.Diff(want, contests); diff != "" {
		t.Error(diff)
	}
	var contested *install.ContestedError
	if err := install.Settle(all, nil); !errors.As(err, &contested) || contested.Path != site+"tests/t.py" ||
		!strings.HasPrefix(contested.Wheels[0], "a-") || !strings.HasPrefix(contested.Wheels[1], "b-") {
		t.Errorf("error %v", err)
	}
	owner := func(name string) func(string, []string) string {
		return func(p string, names []string) string {
			if p == site+"tests/t.py" {
				if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
					t.Error(diff)
				}
				return name
			}
			return ""
		}
	}
	if err := install.Settle(all, owner("z")); err == nil {
		t.Error("an unknown owner: no error")
	}
	for _, winner := range []string{"a", "b"} {
		if err := install.Settle(all, owner(winner)); err != nil {
			t.Fatal(err)
		}
		files, _ := tree(t, all...) // a path twice would be an error
		if got := files[site+"tests/t.py"]; got != "of "+winner {
			t.Errorf("tests/t.py is %q, want that of %s", got, winner)
		}
		lists := map[string]string{}
		for _, name := range []string{"a", "b", "c"} {
			lists[name] = files[site+name+"-1.dist-info/RECORD"]
			if !strings.Contains(lists[name], "ns/__init__.py,") {
				t.Errorf("RECORD of %s does not list the file that all have", name)
			}
		}
		for _, in := range []*install.Installed{a, b, c} {
			var ceded []string
			if in != c && in.Name != winner {
				ceded = []string{site + "tests/t.py"}
			}
			if diff := cmp.Diff(ceded, in.Ceded()); diff != "" {
				t.Errorf("%s wins, ceded by %s: %s", winner, in.Name, diff)
			}
		}
		if strings.Contains(lists["a"], "tests/t.py") != (winner == "a") || strings.Contains(lists["b"], "tests/t.py") != (winner == "b") {
			t.Errorf("%s wins, and the RECORDs are %q and %q", winner, lists["a"], lists["b"])
		}
	}
	// A false hash makes no difference: contested files are read.
	false1 := mustPlan(t, "false1", "1", testenv.WheelOptions{Files: map[string]string{"ns/x.py": "same"}, Record: func(text string) string {
		at := strings.Index(text, "ns/x.py,sha256=") + len("ns/x.py,sha256=")
		return text[:at] + strings.Repeat("A", 43) + text[at+43:]
	}})
	if err := install.Settle([]*install.Installed{c, false1, wheel("x", map[string]string{"ns/x.py": "same"})}, nil); err != nil || len(false1.Deviations) == 0 {
		t.Errorf("a false hash: %v, %v", err, false1.Deviations)
	}
	d := wheel("d", map[string]string{"ns": "a file"})
	if err := install.Settle([]*install.Installed{a, d}, nil); !errors.As(err, &contested) || !contested.Folder {
		t.Errorf("file and folder: %v", err)
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("a/b.py", "[console_scripts]\nx = a:b\n", "a/b.py,,\n")
	f.Add("a-1.data/scripts/x", "", "a-1.data/scripts/x,sha256=,1\n")
	f.Fuzz(func(t *testing.T, member, points, record string) {
		data := testenv.Zip([]testenv.ZipMember{
			{Name: "a-1.dist-info/METADATA", Content: []byte("Name: a\nVersion: 1\n")}, {Name: "a-1.dist-info/WHEEL", Content: []byte("Wheel-Version: 1.0\n")},
			{Name: member, Content: []byte("#!python\n")}, {Name: "a-1.dist-info/entry_points.txt", Content: []byte(points)},
			{Name: "a-1.dist-info/RECORD", Content: []byte(record)},
		})
		w, err := wheelfile.Open("a-1-py3-none-any.whl", bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		in, err := install.Plan(w, blob{bytes.NewReader(data), strings.Repeat("0", 64)}, layout)
		if err != nil {
			return
		}
		for _, e := range in.Entries() {
			if !strings.HasPrefix(e.Path, "opt/env/") || e.Mode != 0o644 && e.Mode != 0o755 {
				t.Fatalf("%+v", e)
			}
		}
		if _, err := layer.Write(context.Background(), layer.WithParents(in.Entries()), layer.Options{}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSettleScripts gives commands of one name to the package that has the module which its command calls.
func TestSettleScripts(t *testing.T) {
	wheel := func(name, calls string, files ...string) *install.Installed {
		all := map[string]string{name + "-1.dist-info/entry_points.txt": "[console_scripts]\nboard = " + calls + "\n"}
		for _, f := range files {
			all[f] = ""
		}
		return mustPlan(t, name, "1", testenv.WheelOptions{Files: all})
	}
	flow := wheel("flow", "board.main:run_main", "flow/__init__.py")
	for name, c := range map[string]struct {
		other *install.Installed
		want  string // whose it is; "": nobody's
	}{
		"a module":               {wheel("flowboard", "board.main:main", "board/main.py"), "flowboard"},
		"a package":              {wheel("flowboard", "board.main:main", "board/main/__init__.py"), "flowboard"},
		"an extension":           {wheel("flowboard", "board.main:main", "board/main.abi3.so"), "flowboard"},
		"neither has it":         {wheel("flowboard", "board.main:main", "board/mains.py"), ""},
		"each has what it calls": {wheel("flowboard", "flow:main", "board/main.py", "flow.py"), "flowboard"},
	} {
		all := []*install.Installed{flow, c.other}
		if name == "each has what it calls" {
			all[0] = wheel("flow", "board.main:run_main", "flow/__init__.py", "board/main/__init__.py")
			c.want = ""
		}
		err := install.Settle(all, nil)
		var contested *install.ContestedError
		if c.want == "" {
			if !errors.As(err, &contested) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := all[0].Ceded(); len(got) != 1 || !strings.HasSuffix(got[0], "/bin/board") {
			t.Errorf("%s: the other gives up %v", name, got)
		}
	}
}
