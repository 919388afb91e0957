package cuda

import (
	"fmt"
	"path"
)

// Lacks says what the main library of a framework has in place of code for a GPU: "libtorch_cuda.so has code for sm_75, sm_80 and no
// PTX"; of PTX that the driver is too old to compile, which would.
func (j Judged) Lacks() string {
	file := path.Base(j.Main.Path)
	if !j.Other.IsZero() {
		return "the newest of its libraries is " + file
	}
	if j.Of.TooNew > 0 && !j.Of.Unknown {
		return fmt.Sprintf("%s has PTX alone, which drivers from %s on compile", file, j.Of.Driver)
	}
	return file + " has " + list(Has(j.Main.Code))
}

// TableLacks says why a version of a package has no code for a GPU on its platform, by the table of frameworks; "" if it has some, or the
// table does not know. A build without any code for GPUs is none of the table's.
func TableLacks(p Package, d Device) string {
	brought := Brings(p)
	b, ok := facts().known(Item{Package: p, brought: brought})
	switch {
	case !ok || brought.Role == Processor:
		return ""
	case !b.Oldest.isZero() && d.Capability.Compare(b.Oldest) < 0:
		return "it compiles for GPUs from " + b.Oldest.SM() + " on"
	case !b.Oldest.isZero() || !b.lists(p.Platform) || b.serves(d.Capability):
		return ""
	}
	return "it has " + list(b.gpus, b.ptx) + ", by envpack's table"
}

// lists tells whether a build's code is known for a platform. The table has that of wheels for linux/amd64; those for linux/arm64 have code
// for other GPUs, as for Jetsons.
func (b build) lists(platform string) bool { return len(b.gpus) > 0 && platform == "linux/amd64" }

// TableFails says why a release fails on a GPU whatever code it has, by the tables of libraries that left out older GPUs and of releases that
// are known to fail; "" if nothing is known. It continues a sentence that begins with the package.
func TableFails(p Package, d Device) string {
	for _, t := range facts().trimmed {
		if t.Name == p.Name && contains(t.specifiers, p.Version) && d.Capability.Compare(t.Oldest) < 0 {
			return "has nothing for GPUs before " + t.Oldest.SM()
		}
	}
	for _, t := range facts().troubles {
		if t.Name == p.Name && t.GPUs == d.Capability && contains(t.specifiers, p.Version) {
			return fmt.Sprintf("fails there, with %s (%s)", t.What, t.Source)
		}
	}
	return ""
}

// Linked tells which CUDA the libraries that a wheel's own link with are of; zero where they are of none, or of several.
func Linked(needed []string) (v Version, reason string) {
	b := ofNeeded(needed)
	return b.Version, b.Reason
}
