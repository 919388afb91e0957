package resolver

import (
	"context"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
)

// built is what an address leads to, with what a build says of it.
func (c *catalogue) built(ctx context.Context, project string, ref *reference, found *Referenced) (*Referenced, error) {
	if c.workshop == nil || !c.workshop.tells(c, project) {
		return nil, diag.Wrap(found.Dynamic, diag.NoAnswer, "%s has to be built before it can be locked", project).At(ref.pos).
			Hint("a wheel that you build yourself can be named in its place: %s @ ./wheels/….whl", project)
	}
	source := (&release{direct: ref, found: found}).origin()
	source.Name = project
	if f := found.File; f.Filename != "" {
		source.Sources = []lockfile.Source{{Name: f.Filename, SHA256: f.SHA256, Size: f.Size, Hashed: found.Hashed, Uploaded: f.Uploaded}}
	}
	meta, err := c.workshop.direct(ctx, c, source)
	if err != nil {
		return nil, diag.Wrap(err, 0, "%s @ %s", project, &ref.Reference).At(ref.pos)
	}
	own := *found
	own.Metadata = meta
	return &own, nil
}

// direct has a build say what is at an address, before anything is solved.
func (w *workshop) direct(ctx context.Context, c *catalogue, source lockfile.Package) (*index.Metadata, error) {
	p := &provider{catalogue: c}
	ctx, m, leave, err := w.enter(ctx, c.target, source)
	if err != nil {
		return nil, err
	}
	defer leave()
	if m.metadata == nil {
		if err := w.keep(ctx, p, source, m); err != nil {
			return nil, err
		}
	}
	if m.metadata != nil {
		return m.metadata, nil
	}
	if w.builder == nil {
		return metadataOfLocked(w.options.locked(source.Name, "", c.target.Platform), c.target.Platform), nil
	}
	return w.ask(ctx, p, source, m)
}

// tells tells whether it can be found out what a project that is named by address needs: by building it, or from the lock.
func (w *workshop) tells(c *catalogue, project string) bool {
	return w.builder != nil || w.options.locked(project, "", c.target.Platform) != nil
}
