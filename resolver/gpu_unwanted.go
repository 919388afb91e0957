package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/ui"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// unwantedCUDA is from how many bytes on it is worth a word that an image has CUDA which nobody asked for.
const unwantedCUDA = 200 << 20

// warnMixed warns, where the manifest has no [gpu], of packages for several versions of CUDA. With it these are no answer.
func warnMixed(m *manifest.Manifest, lock *lockfile.Lock, warn func(string)) {
	if m.GPU != nil || !slices.ContainsFunc(lock.Packages, func(p lockfile.Package) bool { return cuda.MayBring(p.Name, p.Version) }) {
		return
	}
	told := map[string]bool{}
	for _, t := range lock.Targets {
		text := cuda.Of(lock, t.Platform, nil).Mixture()
		if text == "" || told[text] {
			continue
		}
		told[text] = true
		warn(fmt.Sprintf("%s: %s; [gpu] in the manifest has envpack choose versions for one", t.Platform, text))
	}
}

// tellUnwanted says, where the manifest has no [gpu], what NVIDIA's libraries in the lock weigh, who brings them, and how to do
// without. It says so when they come, and not again.
func tellUnwanted(m *manifest.Manifest, lock, old *lockfile.Lock, tell func(string)) {
	if m.GPU != nil {
		return
	}
	now := librariesOf(lock)
	if now.size < unwantedCUDA || old != nil && slices.Equal(librariesOf(old).names, now.names) {
		return
	}
	text := fmt.Sprintf("NVIDIA's packages for GPUs weigh %s (%d of them), and the manifest has no [gpu]", ui.Bytes(now.size), len(now.names))
	switch len(now.by) {
	case 0:
	case 1:
		text += "; " + now.by[0] + " needs them"
	default:
		text += "; " + strings.Join(now.by, ", ") + " need them"
	}
	for _, t := range manifest.Templates {
		i := slices.IndexFunc(now.byNames, func(by string) bool {
			return slices.Contains(t.Packages, by) && !slices.ContainsFunc(m.Indexes, func(i manifest.Index) bool { return i.Binds(by) })
		})
		if i >= 0 {
			of := ""
			if len(now.byNames) > 1 {
				of = " of " + now.byNames[i]
			}
			text += fmt.Sprintf(".\nIf the image is to compute on processors alone, an index that the manifest does not name, and that was not asked, has builds%s without them:\n    [[index]]\n    name = %q\nElse [gpu] has envpack choose what the GPUs and drivers of its hosts run", of, t.Name)
			tell(text)
			return
		}
	}
	tell(text + ".\n[gpu] has envpack choose what the GPUs and drivers of its hosts run")
}

// libraries are NVIDIA's packages in a lock.
type libraries struct {
	names       []string // with versions, sorted
	size        int64    // of their wheels in bytes, on the platform that has most
	by, byNames []string // packages that are none and need some, with version and without: those that the project requires, else one
}

func librariesOf(lock *lockfile.Lock) libraries {
	var out libraries
	sizes := map[string]int64{}
	direct := false // what is in out.by is required by the project
	for _, p := range lock.Packages {
		if !cuda.IsLibrary(p.Name) || cuda.Brings(cuda.Package{Name: p.Name, Version: p.Version}).Role != cuda.Library {
			wanted := slices.ContainsFunc(lock.Project.Requires, func(d lockfile.Dependency) bool { return d.Name == p.Name })
			if !requiring(p) || !wanted && len(out.by) > 0 {
				continue
			}
			if wanted && !direct {
				direct, out.by, out.byNames = true, nil, nil
			}
			out.by, out.byNames = append(out.by, p.Name+" "+p.Version), append(out.byNames, p.Name)
			continue
		}
		out.names = append(out.names, p.Name+" "+p.Version)
		for _, f := range p.Files {
			for _, platform := range f.Targets {
				sizes[platform] += f.Size
				out.size = max(out.size, sizes[platform])
			}
		}
	}
	slices.Sort(out.names)
	return out
}

// requiring tells whether a package requires one of NVIDIA's.
func requiring(p lockfile.Package) bool {
	return !cuda.IsNVIDIA(p.Name) && slices.ContainsFunc(p.Requires, func(d lockfile.Dependency) bool { return cuda.IsLibrary(d.Name) })
}
