package backend_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

func normalized(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := backend.Normalize(&out, name, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestNormalize makes one wheel of two that have the same files.
func TestNormalize(t *testing.T) {
	const name = "a_b-1.0-py3-none-any.whl"
	wheel := "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
	members := []testenv.ZipMember{
		{Name: "a_b/__init__.py", Content: []byte("x = 1\n")},
		{Name: "a_b/run.sh", Content: []byte("#!/bin/sh\n"), Mode: 0o100775},
		{Name: "a_b-1.0.dist-info/METADATA", Content: []byte("Metadata-Version: 2.1\nName: a-b\nVersion: 1.0\n")},
		{Name: "a_b-1.0.dist-info/WHEEL", Content: []byte(wheel)},
		{Name: "a_b-1.0.dist-info/RECORD", Content: []byte("wrong\n")},
	}
	turned := []testenv.ZipMember{members[4], members[3], members[1], members[2], members[0]}
	turned[0].Content = []byte("other\n")
	first, second := normalized(t, name, testenv.Zip(members)), normalized(t, name, testenv.Zip(turned))
	if !bytes.Equal(first, second) {
		t.Error("the order of members made a difference")
	}
	if again := normalized(t, name, first); !bytes.Equal(first, again) {
		t.Error("a second time made a difference")
	}
	f, err := wheelfile.Open(name, bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range f.Entries {
		names = append(names, e.Name)
		if e.Executable != (e.Name == "a_b/run.sh") {
			t.Errorf("%s: executable is %v", e.Name, e.Executable)
		}
	}
	want := []string{"a_b/__init__.py", "a_b/run.sh", "a_b-1.0.dist-info/METADATA", "a_b-1.0.dist-info/WHEEL", "a_b-1.0.dist-info/RECORD"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	rows, err := f.Record()
	if err != nil || len(rows) != 5 || rows[0].Hash != "sha256=wbhWz3oqHf7yxYbzHb4OBsoigGXzrFkqz6Jqg5qdxA4" && !strings.HasPrefix(rows[0].Hash, "sha256=") || rows[4].Hash != "" {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestNormalizeRefuses(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("PK"), testenv.Zip([]testenv.ZipMember{{Name: "x", Content: []byte("y")}})} {
		var out bytes.Buffer
		if _, err := backend.Normalize(&out, "a-1-py3-none-any.whl", bytes.NewReader(data), int64(len(data))); err == nil {
			t.Errorf("%q was taken", data)
		}
	}
}

// TestNormalizedIsReadByUnzip has another program read what was written.
func TestNormalizedIsReadByUnzip(t *testing.T) {
	if !testenv.All() {
		t.Skip("needs python3")
	}
	name, data := testenv.Wheel("a", "1", testenv.WheelOptions{Files: map[string]string{"a.py": strings.Repeat("x = 1\n", 1000)}})
	path := t.TempDir() + "/" + name
	writeFile(t, path, normalized(t, name, data))
	out, err := exec.Command(testenv.Tool(t, "python3"), "-c", "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), len(z.read('a.py')))", path).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "None 6000" {
		t.Errorf("%s, %v", out, err)
	}
}
