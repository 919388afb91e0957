package smoke

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// site is a folder of one installed package; its files are told by RECORD alone.
func site(folder, metadata, top string, files ...string) fstest.MapFS {
	record := ""
	for _, f := range append(files, folder+".dist-info/METADATA", "../../../bin/tool") {
		record += f + ",sha256=x,1\n"
	}
	m := fstest.MapFS{
		folder + ".dist-info/METADATA": {Data: []byte("Metadata-Version: 2.1\nName: x\n" + metadata + "\nImport-Name: not_a_field\n")},
		folder + ".dist-info/RECORD":   {Data: []byte(record)},
	}
	if top != "" {
		m[folder+".dist-info/top_level.txt"] = &fstest.MapFile{Data: []byte(top)}
	}
	return m
}

func TestInstalled(t *testing.T) {
	for _, test := range []struct {
		name string
		fs   fstest.MapFS
		want Modules
	}{
		{"a package and a module", site("x-1", "", "", "x/__init__.py", "x/y.py", "z.py"), Modules{Names: []string{"x", "z"}, From: "RECORD"}},
		{"extension modules", site("x-1", "", "", "a.cpython-311-x86_64-linux-gnu.so", "b.abi3.so", "c.so", "libd.so", "e.so.1", "f.pypy39-pp73.so", "g/__init__.cpython-311-x86_64-linux-gnu.so"),
			Modules{Names: []string{"a", "b", "c", "g"}, From: "RECORD"}},
		{"a namespace", site("x-1", "", "google\n", "google/protobuf/__init__.py", "google/_upb/_message.abi3.so", "google/cloud/a/__init__.py", "google/b.py"),
			Modules{Names: []string{"google.b", "google.cloud.a", "google.protobuf"}, From: "top_level.txt", Passed: []string{"google._upb._message"}}},
		{"what is stated", site("x-1", "", "x _x\nstale\n", "x/__init__.py", "_x.abi3.so", "examples/a.py"), Modules{Names: []string{"x"}, From: "top_level.txt", Passed: []string{"_x"}}},
		{"what is stated wrongly", site("x-1", "", "other\n", "x/__init__.py"), Modules{Names: []string{"x"}, From: "RECORD"}},
		{"tests beside it", site("x-1", "", "", "x.py", "tests/__init__.py", "docs/conf.py", "setup.py"), Modules{Names: []string{"x"}, From: "RECORD", Passed: []string{"docs.conf", "setup", "tests"}}},
		{"tests alone", site("x-1", "", "", "tests/__init__.py"), Modules{Names: []string{"tests"}, From: "RECORD"}},
		{"private alone", site("x-1", "", "", "_cffi_backend.cpython-311-x86_64-linux-gnu.so"), Modules{Names: []string{"_cffi_backend"}, From: "RECORD"}},
		{"stubs", site("x_stubs-1", "", "", "x-stubs/__init__.pyi"), Modules{From: "RECORD"}},
		{"data and libraries", site("x-1", "", "", "x.libs/liba.so", "x-1.data/scripts/y.py", "share/a.txt"), Modules{From: "RECORD"}},
		{"names of metadata 2.5", site("x-1", "Import-Name: b\nImport-Name: a.c ; private\nimport-name: d\n", "x", "x/__init__.py"), Modules{Names: []string{"b", "d"}, From: "Import-Name"}},
		{"no names of metadata 2.5", site("x-1", "Import-Name:\n", "x", "x/__init__.py"), Modules{From: "Import-Name"}},
	} {
		name, _, _ := strings.Cut(strings.TrimSuffix(first(test.fs), ".dist-info/METADATA"), "-")
		name = strings.ReplaceAll(name, "_", "-")
		got, err := Installed(test.fs, []string{name})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		test.want.Package, test.want.Version = name, "1"
		if diff := cmp.Diff([]Modules{test.want}, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	if _, err := Installed(site("x-1", "", ""), []string{"y"}); err == nil || !strings.Contains(err.Error(), "y is not among the installed packages") {
		t.Error(err)
	}
	if _, err := Installed(fstest.MapFS{"x-1.dist-info/METADATA": {}, "x-1.dist-info/RECORD": {Data: []byte("a\"b\"c,\n\"")}}, []string{"x"}); err == nil {
		t.Error("a RECORD that is none was read")
	}
}

func first(m fstest.MapFS) string {
	for name := range m {
		if strings.HasSuffix(name, "/METADATA") {
			return name
		}
	}
	return ""
}

func FuzzInstalled(f *testing.F) {
	f.Add("Import-Name: a\n\n", "a/__init__.py,,\nb/c/d.py,,\n", "a b")
	f.Fuzz(func(t *testing.T, metadata, record, top string) {
		m := fstest.MapFS{"x-1.dist-info/METADATA": {Data: []byte(metadata)}, "x-1.dist-info/RECORD": {Data: []byte(record)}, "x-1.dist-info/top_level.txt": {Data: []byte(top)}}
		list, err := Installed(m, []string{"x"})
		if err != nil {
			return
		}
		for _, name := range list[0].Names {
			if !isModule(name) {
				t.Errorf("%q is no module", name)
			}
		}
	})
}
