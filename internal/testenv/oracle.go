package testenv

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Oracle reads a file that testdata/oracle/generate.py wrote into data: what Python's own packages say.
func Oracle(t testing.TB, name string, data any) {
	t.Helper()
	file, err := os.Open(filepath.Join(repository(t), "testdata", "oracle", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(unpacked).Decode(data); err != nil {
		t.Fatal(err)
	}
}

// OracleRow reads a JSON array into the given places, of which there must be as many as it has values.
func OracleRow(t testing.TB, raw []json.RawMessage, places ...any) {
	t.Helper()
	if len(raw) != len(places) {
		t.Fatalf("a row of %d values for %d", len(raw), len(places))
	}
	for i, place := range places {
		if err := json.Unmarshal(raw[i], place); err != nil {
			t.Fatal(err)
		}
	}
}

// OracleVerdicts reads a bitmap, its first bit the highest of its first byte.
func OracleVerdicts(t testing.TB, s string) func(i int) bool {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return func(i int) bool { return b[i/8]>>(7-i%8)&1 == 1 }
}

// repository is the folder of this repository: the one with go.mod above the package under test.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			t.Fatal("the test does not run in its repository")
		}
		dir = above
	}
}
