package main

import (
	"fmt"
	"slices"

	"github.com/envpack/envpack/imagegen"
)

// warnIdle tells of lines of [ownership] that decide nothing on any platform: most are misspelt, or about what is contested no more.
// Where only some platforms were built, the others may need them.
func (b *building) warnIdle(images []*imagegen.Image) {
	if len(images) < len(b.lock.Targets) {
		return
	}
	for _, o := range b.m.Ownership {
		if slices.ContainsFunc(images, func(i *imagegen.Image) bool { return !slices.Contains(i.Idle, o.Path) }) {
			continue
		}
		at := ""
		if !o.Pos.IsZero() {
			at = o.Pos.String() + ": "
		}
		b.warnOnce(fmt.Sprintf("%sthe ownership of %s has no effect: %s has no file there that another package has too", at, o.Path, o.Package))
	}
}
