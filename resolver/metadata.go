package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
)

// metadata is that of the file that the target would install of a version.
func (p *provider) metadata(ctx context.Context, name string, v pep440.Version) (*index.Metadata, error) {
	r, err := p.release(ctx, name)
	if err != nil {
		return nil, err
	}
	c := r.at(v)
	if c == nil || p.unusable(r, c, name).kind != usable {
		if err := p.failed(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s has no version %s", name, v)
	}
	if p.workshop != nil && isSource(c) {
		return p.workshop.metadata(ctx, p, name, r, c)
	}
	return p.metadataOf(ctx, r, c)
}

// metadataOf is the metadata of a candidate that can be used, as far as the manifest does not replace it. Where
// the requirements are replaced, the file's own metadata is not read: it may be what is wrong.
func (c *catalogue) metadataOf(ctx context.Context, r *release, of *candidate) (*index.Metadata, error) {
	return c.metadataBy(r, of, func() (*index.Metadata, error) { return c.ownMetadata(ctx, r, of.file) })
}

// metadataBy is metadataOf with another way to the file's own.
func (c *catalogue) metadataBy(r *release, of *candidate, read func() (*index.Metadata, error)) (*index.Metadata, error) {
	replaced := c.policies.m.Policies.Of(r.project.Name, of.version)
	if replaced == nil {
		return read()
	}
	meta := index.Metadata{Name: r.project.Name, Version: of.version.String(), RequiresPython: of.file.RequiresPython, Requires: replaced.Requires}
	if !replaced.NewRequires {
		own, err := read()
		if err != nil {
			return nil, err
		}
		meta = *own
	}
	if replaced.NewPython {
		meta.RequiresPython = replaced.Python
	}
	switch {
	case replaced.Extras != nil:
		meta.Extras = replaced.Extras
	case replaced.NewRequires:
		for _, q := range replaced.Requires {
			meta.Extras = append(meta.Extras, q.Marker.Extras()...)
		}
		slices.Sort(meta.Extras)
		meta.Extras = slices.Compact(meta.Extras)
	}
	return &meta, nil
}
