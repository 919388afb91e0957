package resolver

import (
	"fmt"
	"slices"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/ui"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// unwantedCUDA is from how many bytes on it is worth a word that an image has CUDA which nobody asked for.
const unwantedCUDA = 200 << 20

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
	if now.by != "" {
		text += "; " + now.by + " needs them"
	}
	for _, t := range manifest.Templates {
		if slices.Contains(t.Packages, now.byName) && !slices.ContainsFunc(m.Indexes, func(i manifest.Index) bool { return i.Binds(now.byName) }) {
			text += fmt.Sprintf(".\nIf the image is to compute on processors alone, this takes builds without them:\n    [[index]]\n    name = %q\nElse [gpu] has envpack choose what the GPUs and drivers of its hosts run", t.Name)
			tell(text)
			return
		}
	}
	tell(text + ".\n[gpu] has envpack choose what the GPUs and drivers of its hosts run")
}

// libraries are NVIDIA's packages in a lock.
type libraries struct {
	names      []string // with versions, sorted
	size       int64    // of their wheels in bytes, on the platform that has most
	by, byName string   // a package that is none and needs some: with version, and without
}

func librariesOf(lock *lockfile.Lock) libraries {
	var out libraries
	sizes := map[string]int64{}
	for _, p := range lock.Packages {
		if !cuda.IsLibrary(p.Name) || cuda.Brings(cuda.Package{Name: p.Name, Version: p.Version}).Role != cuda.Library {
			if requiring(p) && (out.by == "" || slices.ContainsFunc(lock.Project.Requires, func(d lockfile.Dependency) bool { return d.Name == p.Name })) {
				out.by, out.byName = p.Name+" "+p.Version, p.Name
			}
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
