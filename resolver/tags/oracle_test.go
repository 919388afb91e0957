package tags

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

// vectors is what testdata/oracle/generate.py wrote.
type vectors struct {
	Targets []struct {
		Machine  string
		Minor    int
		Threaded bool
		Glibc    []int
		Musl     []int
		Tags     string
	}
	Wheels    [][]json.RawMessage
	NotWheels []string
	Sdists    [][3]string
	NotSdists []string
}

func oracle(t testing.TB) (data vectors) {
	t.Helper()
	testenv.Oracle(t, "tags", &data)
	return data
}

func TestOracleTags(t *testing.T) {
	total := 0
	for _, want := range oracle(t).Targets {
		target := Target{Platform: "linux/amd64", PythonMajor: 3, PythonMinor: want.Minor, FreeThreaded: want.Threaded}
		if want.Machine == "aarch64" {
			target.Platform = "linux/arm64"
		}
		if want.Glibc != nil {
			target.Glibc = Libc{want.Glibc[0], want.Glibc[1]}
		} else {
			target.Musl = Libc{want.Musl[0], want.Musl[1]}
		}
		var got []string
		for _, tag := range target.Tags() {
			got = append(got, tag.String())
		}
		total += len(got)
		if diff := cmp.Diff(strings.Fields(want.Tags), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
	t.Logf("%d tags", total)
}

func TestOracleFileNames(t *testing.T) {
	data := oracle(t)
	for _, raw := range data.Wheels {
		var file, name, version, number, suffix string
		var tags []string
		testenv.OracleRow(t, raw, &file, &name, &version, &number, &suffix, &tags)
		w, err := ParseWheel(file)
		if err != nil {
			t.Errorf("ParseWheel: %v", err)
			continue
		}
		var got []string
		for _, tag := range w.Tags() {
			got = append(got, tag.String())
		}
		slices.Sort(got)
		got = slices.Compact(got)
		if diff := cmp.Diff([]any{name, version, Build{number, suffix}, tags}, []any{w.Name, w.Version.String(), w.Build, got}); diff != "" {
			t.Errorf("ParseWheel(%q) (-want +got):\n%s", file, diff)
		}
	}
	for _, file := range data.NotWheels {
		if w, err := ParseWheel(file); err == nil {
			t.Errorf("ParseWheel(%q) = %+v, want an error", file, w)
		}
	}
	for _, want := range data.Sdists {
		name, version, err := ParseSdist(want[0])
		if err != nil || name != want[1] || version.String() != want[2] {
			t.Errorf("ParseSdist(%q) = %q, %s, %v, want %q, %s", want[0], name, version, err, want[1], want[2])
		}
	}
	for _, file := range data.NotSdists {
		if name, version, err := ParseSdist(file); err == nil {
			t.Errorf("ParseSdist(%q) = %q, %s, want an error", file, name, version)
		}
	}
	t.Logf("%d wheels, %d not, %d sdists, %d not", len(data.Wheels), len(data.NotWheels), len(data.Sdists), len(data.NotSdists))
}
