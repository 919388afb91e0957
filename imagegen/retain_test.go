package imagegen

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/lockfile"
)

// TestRecordsOf: what an earlier build found about the RECORD of a wheel stays with the layer that has it, and with no other's.
func TestRecordsOf(t *testing.T) {
	const platform = "linux/amd64"
	lock := &lockfile.Lock{Targets: []lockfile.Target{{Platform: platform, Python: "3.11.2", ABI: "cp311", Glibc: "2.36"}}}
	for _, name := range []string{"alpha", "beta"} {
		lock.Packages = append(lock.Packages, lockfile.Package{Name: name, Version: "1.0", OwnLayer: true, Files: []lockfile.File{{Name: name + ".whl", Targets: []string{platform}}}})
	}
	record := func(wheel, target string) lockfile.Choice {
		return lockfile.Choice{Kind: lockfile.RecordChoice, Name: wheel, Value: "unlisted", Target: target}
	}
	old := &lockfile.Lock{Choices: []lockfile.Choice{
		record("alpha.whl", platform), record("alpha.whl", "linux/arm64"), record("beta.whl", platform), record("gone.whl", platform),
		{Kind: lockfile.LibraryChoice, Name: "alpha.whl", Value: "libx", Target: platform},
	}}
	p, err := NewPlan(lock, platform, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]lockfile.Choice{record("alpha.whl", platform)}, p.recordsOf(old, map[string]bool{"alpha 1.0": true})); d != "" {
		t.Error(d)
	}
}

// TestShares: every wheel of a path that several have is told, also to the one that keeps it.
func TestShares(t *testing.T) {
	var wheels []Wheel
	for _, sum := range []string{"d", "c", "b", "a"} {
		wheels = append(wheels, Wheel{File: lockfile.File{SHA256: sum}})
	}
	got := shares(wheels, [][]string{{"x", "one", "y"}, {"z"}, {"x"}, {"x", "y", "two"}})
	if d := cmp.Diff(map[string][]string{"d": {"a", "b"}, "b": {"a", "d"}, "a": {"b", "d"}}, got); d != "" {
		t.Error(d)
	}
}
