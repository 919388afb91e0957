package main

import (
	"slices"

	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// forCUDA tells whether a lock has packages that are for a CUDA.
func forCUDA(l *lockfile.Lock) bool {
	return slices.ContainsFunc(l.Targets, func(t lockfile.Target) bool {
		v, _ := cuda.Of(l, t.Platform, nil).Toolkit()
		return !v.IsZero()
	})
}
