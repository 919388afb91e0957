package main

import (
	"strings"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/lockfile"
)

// supplyOptions say where the lock's files come from.
func (b *building) supplyOptions() supply.Options {
	released := map[string]time.Time{}
	for _, r := range b.lock.Base.Releases {
		if r.Date.After(released[r.Archive]) {
			released[r.Archive] = r.Date
		}
	}
	replaced := map[string]bool{}
	for _, c := range b.lock.Choices {
		if c.Kind == lockfile.MetadataChoice && strings.Contains(c.Value, "requires") {
			replaced[c.Name] = true
		}
	}
	return supply.Options{Lock: b.lock, Indexes: b.indexes(), Archives: b.lock.Base.Archives, Released: released, AsOf: b.lock.Base.AsOf, Replaced: replaced, Dir: b.m.Dir}
}

// indexes are the lock's: a build takes wheels from where the lock says.
func (b *building) indexes() []supply.Index {
	byName := map[string]manifest.Index{}
	for _, i := range b.m.Indexes {
		byName[i.Name] = i
	}
	var list []supply.Index
	for _, i := range b.lock.Indexes {
		var variants []string
		if i.Variant != "" {
			variants = []string{i.Variant}
		}
		list = append(list, supply.Index{
			Variants: variants,
			Name:     i.Name, URL: i.URL, Path: i.Path, Flat: i.Format == lockfile.FlatIndex,
			Default: byName[i.Name].Default, Packages: byName[i.Name].Packages,
		})
	}
	return list
}
