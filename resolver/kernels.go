package resolver

import (
	"context"
	"fmt"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/lockfile"
)

// Kernels are the facts of a wheel's ELF files that a lock keeps of its code for GPUs; nil: it has none.
func Kernels(objects []elffile.Object) []lockfile.Kernels {
	var list []lockfile.Kernels
	for _, o := range objects {
		switch {
		case o.CUDAFault != "":
			list = append(list, lockfile.Kernels{Library: o.Path, Fault: o.CUDAFault})
		case o.CUDA != nil:
			list = append(list, lockfile.Kernels{Library: o.Path, Code: o.CUDA.Lines()})
		}
	}
	return list
}

// scans tells whether wheels are read for what their libraries need of the base.
func (b *bases) scans() bool {
	return (b.chosen != nil || len(b.images) > 0) && b.manifest.System.Auto
}

// objects reads wheels of a target, each once.
func (b *bases) objects(ctx context.Context, t *target, scan Scanner, wheels []Wheel) ([][]elffile.Object, error) {
	var unread []Wheel
	for _, w := range wheels {
		if _, ok := b.read[w.File.SHA256]; !ok {
			unread = append(unread, w)
		}
	}
	if len(unread) > 0 {
		b.options.Progress("reading wheels for " + t.Platform)
		objects, err := scan.Objects(ctx, unread)
		if err != nil {
			return nil, err
		}
		if b.read == nil {
			b.read = map[string][]elffile.Object{}
		}
		for i, w := range unread {
			b.read[w.File.SHA256] = objects[i]
		}
	}
	all := make([][]elffile.Object, len(wheels))
	for i, w := range wheels {
		all[i] = b.read[w.File.SHA256]
	}
	return all, nil
}

// addKernels adds to every wheel which code for GPUs it has, if wheels are read: for their libraries, or because the
// manifest asks something of GPUs. What the earlier lock says of a wheel stays where nobody looks now.
func (b *bases) addKernels(ctx context.Context, targets []*target, scan Scanner) error {
	known := map[string][]lockfile.Kernels{} // by hash of the wheel
	switch {
	case scan != nil && !b.options.NoScan && (b.scans() || b.manifest.GPU != nil):
		for _, t := range targets {
			wheels := b.wheelsOf(t.Platform)
			objects, err := b.objects(ctx, t, scan, wheels)
			if err != nil {
				return diag.Wrap(err, 0, "looking for the code for GPUs that wheels have")
			}
			for i, w := range wheels {
				if _, again := known[w.File.SHA256]; again {
					continue
				}
				known[w.File.SHA256] = Kernels(objects[i])
				for _, k := range known[w.File.SHA256] {
					if k.Fault != "" {
						b.options.Warn(fmt.Sprintf("%s %s: which GPUs %s has code for is not known: %s", w.Package.Name, w.Package.Version, k.Library, k.Fault))
					}
				}
			}
		}
	case b.options.Previous != nil:
		for _, p := range b.options.Previous.Packages {
			for _, f := range p.Files {
				known[f.SHA256] = f.Kernels
			}
		}
	}
	for i := range b.lock.Packages {
		files := b.lock.Packages[i].Files
		for j := range files {
			files[j].Kernels = known[files[j].SHA256]
		}
	}
	return nil
}
