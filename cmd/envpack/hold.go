package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// hold holds an image to the lock's seal. Layers that differ and were not made but remembered are made first:
// what the store remembers is as right as the envpack that noted it.
func (b *building) hold(ctx context.Context, plan *imagegen.Plan, image *imagegen.Image) (*imagegen.Image, error) {
	seal := b.lock.SealOf(image.Platform)
	if seal == nil {
		return image, nil
	}
	differ := compareSeals(*seal, image.Seal())
	if differ == nil {
		return image, nil
	}
	var remembered []string
	for _, l := range image.Layers {
		if l.Remembered && slices.Contains(differ.layers, l.Name) {
			remembered = append(remembered, l.Name)
		}
	}
	if len(remembered) == 0 {
		return nil, differ.failure(b.path)
	}
	what := "layer " + list(remembered)
	plan.Anew = remembered
	made, err := b.builder.Build(ctx, plan)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		return nil, differ.failure(b.path).Hint("what the store remembers of %s may be wrong, and it could not be made anew: %v", what, err)
	}
	if differ := compareSeals(*seal, made.Seal()); differ != nil {
		return nil, differ.failure(b.path).Hint("it is not the store: %s was made anew to be sure", what)
	}
	b.ui().Warn("the store remembered %s wrongly; made anew, it is what the lock's seal says", what)
	return made, nil
}

// difference is how an image is not what its seal says.
type difference struct {
	what   string
	layers []string // names of the layers that are other ones
	lines  []string // what there is to say of each layer
}

// compareSeals gives nil unless the environment is not the sealed one, or the image is not although the
// project's files are the same. Of a seal that is only begun it compares the layers that are made of the same.
func compareSeals(old, now lockfile.Seal) *difference {
	var d difference
	switch {
	case !old.Closed():
		return compareBegun(old, now)
	case old.Environment != now.Environment:
		d.what = fmt.Sprintf("the environment for %s is %s, and the lock's seal says %s", now.Platform, now.Environment, old.Environment)
	case old.Project == now.Project && old.Image != now.Image:
		d.what = fmt.Sprintf("the image for %s is %s, and the lock's seal says %s", now.Platform, now.Image, old.Image)
	default:
		return nil
	}
	sealed := map[string]lockfile.SealedLayer{}
	for _, l := range old.Layers {
		sealed[l.Name] = l
	}
	for _, l := range now.Layers {
		if l.Name == "project" && old.Project != now.Project {
			continue
		}
		s, ok := sealed[l.Name]
		delete(sealed, l.Name)
		line := ""
		switch {
		case !ok:
			line = "is not in the seal"
		case s.Digest == l.Digest:
			continue
		case s.Inputs == l.Inputs:
			line = fmt.Sprintf("is %s, sealed as %s, although it is made of the same", l.Digest, s.Digest)
		default:
			line = fmt.Sprintf("is %s, sealed as %s, and made of other things", l.Digest, s.Digest)
		}
		d.layers = append(d.layers, l.Name)
		d.lines = append(d.lines, "  layer "+l.Name+" "+line)
	}
	for _, l := range old.Layers {
		if _, left := sealed[l.Name]; left && l.Name != "project" {
			d.lines = append(d.lines, "  layer "+l.Name+" is in the seal alone")
		}
	}
	if len(d.lines) == 0 {
		d.lines = []string{"  every layer is the same: the image's configuration differs"}
	}
	return &d
}

// compareBegun gives nil unless a layer is another than the sealed one that is made of the same.
func compareBegun(old, now lockfile.Seal) *difference {
	sealed := map[string]string{}
	for _, l := range old.Layers {
		sealed[l.Inputs] = l.Digest
	}
	var d difference
	for _, l := range now.Layers {
		if was := sealed[l.Inputs]; was != "" && was != l.Digest {
			d.layers = append(d.layers, l.Name)
			d.lines = append(d.lines, fmt.Sprintf("  layer %s is %s, sealed as %s, although it is made of the same", l.Name, l.Digest, was))
		}
	}
	if len(d.lines) == 0 {
		return nil
	}
	d.what = fmt.Sprintf("the image for %s has other layers than the lock's seal says", now.Platform)
	return &d
}

func (d *difference) failure(path string) *diag.Error {
	return diag.New(diag.Mismatch, "%s\n%s", d.what, strings.Join(d.lines, "\n")).At(diag.Position{File: path}).
		Hint("if the seal was edited or merged by hand, `envpack lock` after deleting its [[seal]] tables and a build make a new one")
}
