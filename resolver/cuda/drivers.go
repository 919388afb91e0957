package cuda

import (
	"slices"
	"strconv"
)

// Floor is the oldest driver that runs what a version of CUDA compiled for a GPU: 525.60.13 for all of CUDA 12, since
// minor versions of one major version are compatible from CUDA 11 on. The floor of a minor version newer than the table is
// that of its major version. ok is false for a major version that is not known.
func Floor(v Version) (floor Driver, ok bool) {
	t := facts()
	if k, ok := t.toolkit(v); ok {
		return k.floor(), true
	}
	for _, k := range slices.Backward(t.toolkits) {
		if k.CUDA.Major == v.Major && !k.Floor.IsZero() {
			return k.Floor, true
		}
	}
	return Driver{}, false
}

// Compiles is the oldest driver that compiles PTX of a version of the instruction set ("8.7"), and the CUDA version that it
// brings. ok is false for a version newer than the table.
func Compiles(ptx Version) (first Driver, cuda Version, ok bool) {
	for _, k := range facts().toolkits {
		if k.PTX.Compare(ptx) >= 0 {
			return k.Driver, k.CUDA, true
		}
	}
	return Driver{}, Version{}, false
}

// MaxCUDA is the CUDA version that a driver brings, which nvidia-smi shows and NVIDIA_REQUIRE_CUDA is compared with: 12.2
// of 535. Of a branch newer than the table it is the last that is known, which the driver has or surpasses. It is zero for a
// driver older than the table.
func MaxCUDA(d Driver) Version {
	var best Version
	for _, b := range facts().branches {
		if d.Branch() >= b.driver.Branch() {
			best = b.cuda
		}
	}
	return best
}

// DriversFor are the drivers that know a GPU: the branch of the toolkit that first compiled for it, and the last branch that has
// it, zero if the newest does. It is derived from toolkits: a GPU may have had an earlier driver of its own.
func DriversFor(c Capability) (first, last Driver) {
	t := facts()
	if k, ok := t.toolkit(t.oldest(c)); ok {
		first = Driver{numbers: [3]int{k.Driver.Branch()}, count: 1, text: branchText(k.Driver)}
	}
	for _, d := range t.dropped {
		if c.Compare(d.Below) < 0 {
			return first, d.Last
		}
	}
	return first, Driver{}
}

// Serves tells whether the libraries of a toolkit are for a GPU at all: CUDA 13 has nothing for anything older than 7.5. Where
// the toolkit is newer than the table, the last that is known of its major version is asked. oldest is the first that it has.
func Serves(v Version, c Capability) (serves bool, oldest Capability) {
	k, ok := facts().latest(v)
	if !ok {
		return true, Capability{}
	}
	return c.Compare(k.gpus[0]) >= 0, k.gpus[0]
}

// precedes tells whether a toolkit's compiler makes no machine code that a GPU runs, since the GPU is newer. Of a toolkit that is not
// known exactly the last of its major version is asked.
func precedes(v Version, c Capability) bool {
	k, ok := facts().latest(v)
	return ok && c.Compare(k.gpus[0]) >= 0 && !slices.ContainsFunc(k.gpus, func(g Capability) bool { return g.runsOn(c) })
}

// latest is a toolkit; of a major version, and of a minor one newer than the table, the last that is known of it.
func (t *table) latest(v Version) (toolkit, bool) {
	k, ok := t.toolkit(v)
	if !ok || v.Minor < 0 {
		for _, other := range t.toolkits {
			if other.CUDA.Major == v.Major {
				k, ok = other, true
			}
		}
	}
	return k, ok
}

func branchText(d Driver) string { return strconv.Itoa(d.Branch()) }

// Majors are the major versions of CUDA of which a range has a version, ascending, of those that the table has; none for
// a range that has all.
func Majors(r Range) []Version {
	if r.Any() {
		return nil
	}
	var list []Version
	for _, k := range facts().toolkits {
		v := Version{k.CUDA.Major, -1}
		if n := len(list); r.Contains(v) && (n == 0 || list[n-1] != v) {
			list = append(list, v)
		}
	}
	return list
}

// LastFor is the last version of CUDA that has code for a GPU, of those that the table has.
func LastFor(c Capability) Version { return facts().newest(c) }
