package imagegen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/interpreter"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// Part is one layer of an image that is made again.
type Part struct {
	Layer       // of which only Name and Kind are known if Err is set
	Err   error // why it could not be made
	// Unsure says that the layer may be another one: it was made without knowing wheels that could not be had, which may
	// have a file in common with its own.
	Unsure bool
}

// Rebuilt is an image that was made again, as far as that was possible.
type Rebuilt struct {
	// Image has stand-ins where a layer could not be made. nil: not even config and manifest could be; Err says why.
	Image *Image
	Err   error
	Parts []Part // all layers, in order
}

// Whole tells whether everything could be made.
func (r *Rebuilt) Whole() bool {
	return r.Image != nil && !slices.ContainsFunc(r.Parts, func(p Part) bool { return p.Err != nil || p.Unsure })
}

// Needs are the files that a plan's layers are made of, by how they are asked of a [Supply].
type Needs struct {
	Wheels      []Wheel
	Debs        []lockfile.Deb
	Interpreter *lockfile.Interpreter // nil: none
	Data        []lockfile.DataFile
}

// Needs lists the files that the plan's layers are made of.
func (p *Plan) Needs() Needs {
	n := Needs{Debs: slices.Concat(p.debs, p.system), Interpreter: p.interpreter, Data: p.data}
	for _, g := range p.groups {
		n.Wheels = append(n.Wheels, p.wheels(g)...)
	}
	return n
}

// Rebuild makes the image of a plan from the files that the lock names, and believes nothing that the store remembers of
// layers. lacking says of files that cannot be had why, by SHA-256: layers that need one are not made, and stand gives
// another in place of each, by its place among so many; it may give none. The plan is not to be used again. Errors: of
// the context alone; what goes wrong with a layer is its part's.
func (b *Builder) Rebuild(ctx context.Context, p *Plan, lacking map[string]error, stand func(at, of int) (Layer, bool)) (*Rebuilt, error) {
	p.Fresh = true
	r := &rebuilding{work: b.work(ctx, p), lacking: lacking}
	r.below(ctx)
	r.add(environmentLayer, EnvironmentFormat, func() (Layer, error) { return r.environment(ctx) })
	r.wheelParts(ctx)
	for _, f := range p.data {
		r.add(dataName(f), BlobFormat, func() (Layer, error) {
			if err := r.lack([]string{f.SHA256}); err != nil {
				return Layer{}, err
			}
			if err := r.fetch(ctx, []string{f.SHA256}, func() error { return r.Supply.Data(ctx, []lockfile.DataFile{f}) }); err != nil {
				return Layer{}, err
			}
			return r.dataLayer(ctx, f)
		})
	}
	if p.ProjectErr != nil || p.Project != nil && len(p.Project.Paths()) > 0 {
		r.add(ProjectLayer, FilesFormat, func() (Layer, error) {
			if p.ProjectErr != nil {
				return Layer{}, p.ProjectErr
			}
			layers, err := r.project(ctx)
			if err != nil {
				return Layer{}, err
			}
			return layers[0], nil
		})
	}
	r.add(lockLayer, FilesFormat, func() (Layer, error) {
		if r.unopened != nil {
			return Layer{}, r.unopened
		}
		return r.projection(ctx)
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.finished(stand), nil
}

// rebuilding is one run of Rebuild.
type rebuilding struct {
	*work
	lacking  map[string]error
	parts    []Part
	unopened error // why the image below could not be opened
}

func (r *rebuilding) add(name, kind string, make func() (Layer, error)) {
	l, err := make()
	if err != nil {
		l = Layer{Name: name, Kind: kind}
	}
	r.parts = append(r.parts, Part{Layer: l, Err: err})
}

// lack is the error of a layer that needs files which cannot be had; nil: none of them.
func (r *rebuilding) lack(sums []string) error {
	var first error
	n := 0
	for _, sum := range sums {
		if err := r.lacking[sum]; err != nil {
			n++
			if first == nil {
				first = err
			}
		}
	}
	switch {
	case n > 1:
		return diag.Wrap(first, 0, "it needs %d files that cannot be had, the first of them", n)
	case n == 1:
		return diag.Wrap(first, 0, "it needs a file that cannot be had")
	}
	return nil
}

func sumsOf(debs []lockfile.Deb) []string {
	var sums []string
	for _, d := range debs {
		sums = append(sums, d.SHA256)
	}
	return sums
}

// below makes the parts under the environment, as [work.below] does.
func (r *rebuilding) below(ctx context.Context) {
	p := r.plan
	at := 0
	switch {
	case p.parent != nil:
		r.standing(ctx)
		if len(p.system) > 0 {
			r.add(systemLayer, rootfs.Format, func() (Layer, error) {
				if r.unopened != nil {
					return Layer{}, r.unopened
				}
				if err := r.lack(sumsOf(p.system)); err != nil {
					return Layer{}, err
				}
				return r.systemOnto(ctx)
			})
		}
		at = len(r.parts)
	case p.Lock.Base.Distro != lockfile.NoDistro:
		r.root(ctx)
		at = 1 // after the base, before what was added to it
	}
	if p.interpreter == nil {
		return
	}
	rest := slices.Clone(r.parts[at:])
	r.parts = r.parts[:at]
	r.add(pythonLayer, interpreter.Format, func() (Layer, error) {
		if err := r.lack([]string{p.interpreter.SHA256}); err != nil {
			return Layer{}, err
		}
		return r.python(ctx)
	})
	r.parts = append(r.parts, rest...)
}

// standing takes the layers of the image below, and makes the one that adds the user.
func (r *rebuilding) standing(ctx context.Context) {
	p := r.plan
	err := r.openParent(ctx)
	if err == nil {
		err = r.readParent(ctx)
	}
	if err != nil {
		r.unopened = err
		for i, l := range p.parent.Layers { // the lock says what they are
			r.parts = append(r.parts, Part{Layer: Layer{
				Name: parentName(i), Kind: ParentFormat, Digest: l.Digest, DiffID: l.DiffID, Size: l.Size, MediaType: l.MediaType,
				Inputs: inputs(ParentFormat, "layer "+l.Digest),
			}})
		}
		if p.Lock.Image.User == rootfs.AppUser {
			r.add(userLayer, UserFormat, func() (Layer, error) { return Layer{}, err })
		}
		return
	}
	layers, err := r.parentLayers(ctx)
	if err != nil {
		r.unopened = err
	}
	for _, l := range layers {
		if l.Layer != nil {
			r.parts = append(r.parts, Part{Layer: l})
		}
	}
	if err != nil {
		r.add(userLayer, UserFormat, func() (Layer, error) { return Layer{}, err })
	}
}

// root makes the base and what is added to it; the base alone if only that can be.
func (r *rebuilding) root(ctx context.Context) {
	p := r.plan
	err := r.lack(sumsOf(p.debs))
	if err == nil {
		err = r.checkFormat()
	}
	if err != nil {
		r.add(baseLayer, rootfs.Format, func() (Layer, error) { return Layer{}, err })
		if len(p.system) > 0 {
			r.add(systemLayer, rootfs.Format, func() (Layer, error) { return Layer{}, err })
		}
		return
	}
	if len(p.system) == 0 {
		r.add(baseLayer, rootfs.Format, func() (Layer, error) {
			base, _, err := r.makeRoot(ctx)
			return base, err
		})
		return
	}
	serr := r.lack(sumsOf(p.system))
	if serr == nil {
		base, system, err := r.makeRoot(ctx)
		if err == nil {
			r.parts = append(r.parts, Part{Layer: base}, Part{Layer: system})
			return
		}
		serr = err
	}
	alone := *p
	alone.system = nil
	w := &work{Builder: r.Builder, plan: &alone, reading: r.reading}
	r.add(baseLayer, rootfs.Format, func() (Layer, error) {
		base, _, err := w.makeRoot(ctx)
		return base, err
	})
	r.add(systemLayer, rootfs.Format, func() (Layer, error) { return Layer{}, serr })
}

// wheelParts makes the layers of wheels of which none is lacking.
func (r *rebuilding) wheelParts(ctx context.Context) {
	whole := r.plan.groups
	var can []lockfile.Group
	missing := map[string]error{}
	for _, g := range whole {
		var sums []string
		for _, wheel := range r.plan.wheels(g) {
			sums = append(sums, wheel.File.SHA256)
		}
		if err := r.lack(sums); err != nil {
			missing[g.Name] = err
		} else {
			can = append(can, g)
		}
	}
	r.plan.groups = can
	layers, err := r.wheelLayers(ctx)
	r.plan.groups = whole
	made := map[string]Layer{}
	if err == nil {
		for i, g := range can {
			made[g.Name] = layers[i]
		}
	}
	for _, g := range whole {
		failed := err
		if missing[g.Name] != nil {
			failed = missing[g.Name]
		}
		r.add(g.Name, WheelFormat, func() (Layer, error) { return made[g.Name], failed })
		r.parts[len(r.parts)-1].Unsure = failed == nil && len(missing) > 0
	}
}

// finished puts the image together.
func (r *rebuilding) finished(stand func(at, of int) (Layer, bool)) *Rebuilt {
	out := &Rebuilt{Parts: r.parts}
	if r.unopened != nil {
		out.Err = diag.Wrap(r.unopened, 0, "the config takes over what the image below has in its own")
		return out
	}
	var front, project []Layer
	for i, part := range r.parts {
		l := part.Layer
		if part.Err != nil {
			standing, ok := stand(i, len(r.parts))
			if !ok {
				out.Err = diag.Wrap(part.Err, 0, "the layer %s could not be made", part.Name)
				return out
			}
			l = standing
			l.Name, l.Kind = part.Name, part.Kind
		}
		if part.Name == ProjectLayer && part.Kind == FilesFormat {
			project = append(project, l)
		} else {
			front = append(front, l)
		}
	}
	last := len(front) - 1
	image, err := r.finish(front[:last], project, front[last])
	if err != nil {
		out.Err = err
		return out
	}
	out.Image = image
	return out
}

// Reason is why a part could not be made, in a line.
func (p Part) Reason() string {
	if p.Err == nil {
		return ""
	}
	text, _, _ := strings.Cut(p.Err.Error(), "\n")
	return text
}

func parentName(i int) string { return fmt.Sprintf("image %02d", i+1) }
