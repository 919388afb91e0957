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
	return !l.Measured() && (m.System.Auto || m.GPU != nil) && forCUDA(l)
}

// forCUDA tells whether a lock has packages that are for a CUDA.
func forCUDA(l *lockfile.Lock) bool {
	return slices.ContainsFunc(l.Targets, func(t lockfile.Target) bool {
		v, _ := cuda.Of(l, t.Platform, nil).Toolkit()
		return !v.IsZero()
	})
}
