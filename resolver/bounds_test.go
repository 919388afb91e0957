package resolver

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// TestCheckBounds joins packages of two locks as a merge without conflicts does.
func TestCheckBounds(t *testing.T) {
	both := []lockfile.Target{{Platform: "linux/amd64"}, {Platform: "linux/arm64"}}
	at := func(version string, platforms ...string) lockfile.Package {
		return lockfile.Package{Name: "b", Version: version, Files: []lockfile.File{{Name: "b.whl", Targets: platforms}}}
	}
	asks := func(edge string, platforms ...string) lockfile.Package {
		var d lockfile.Dependency
		if err := d.UnmarshalText([]byte(edge)); err != nil {
			t.Fatal(err)
		}
		if d.String() != edge {
			t.Errorf("%s became %s", edge, d)
		}
		return lockfile.Package{Name: "a", Version: "1.0", Requires: []lockfile.Dependency{d}, Files: []lockfile.File{{Name: "a.whl", Targets: platforms}}}
	}
	for _, c := range []struct {
		name     string
		packages []lockfile.Package
		want     string // part of the error; "": none
	}{
		{"nothing asked", []lockfile.Package{asks("b", "linux/amd64"), at("3.0", "linux/amd64")}, ""},
		{"fits", []lockfile.Package{asks("b[x]>=2,<3", "linux/amd64"), at("2.5+local", "linux/amd64")}, ""},
		{"too new", []lockfile.Package{asks("b>=2,<3", "linux/amd64"), at("3.0", "linux/amd64")}, "a 1.0 asks for b>=2,<3, and the lock has b 3.0"},
		{"of another platform", []lockfile.Package{
			asks("b>=2,<3; linux/amd64", "linux/amd64", "linux/arm64"), at("3.0", "linux/arm64"), at("2.0", "linux/amd64")}, ""},
		{"on one platform", []lockfile.Package{
			asks("b~=2.0", "linux/amd64", "linux/arm64"), at("3.0", "linux/arm64"), at("2.0", "linux/amd64")}, "asks for b~=2.0, and the lock has b 3.0"},
	} {
		err := CheckBounds(&lockfile.Lock{Targets: both, Packages: c.packages})
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", c.name, err)
		case err != nil && diag.CodeOf(err) != diag.Stale:
			t.Errorf("%s: code %d", c.name, diag.CodeOf(err))
		}
	}
}
