package main

import (
	"slices"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// unmeasured tells whether a lock has packages for a CUDA and does not say which code for GPUs they have, as one that was made
// before locks said so.
func unmeasured(m *manifest.Manifest, l *lockfile.Lock) bool {
	if l.Measured() || !m.System.Auto && m.GPU == nil {
		return false
	}
	return slices.ContainsFunc(l.Targets, func(t lockfile.Target) bool {
		v, _ := cuda.Of(l, t.Platform, nil).Toolkit()
		return !v.IsZero()
	})
}
