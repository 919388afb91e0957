package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/pep508"
)

// gpus tries what can be done where CUDA is in the way: the same project, or extra, for another version of CUDA; a newer driver;
// any CUDA in place of what is wanted.
func (r *remedies) gpus(ctx context.Context) {
	if r.question.policies.gpu == nil {
		return
	}
	majors := map[int]bool{} // that are needed and cannot be used, or are one too many
	for major := oldestCUDA; major <= newestCUDA; major++ {
		v := majorVersion(major)
		for _, f := range r.facts {
			if f.Package == toolkit && f.Set.Contains(v) || f.Dep.Package == toolkit && f.Dep.Set.Contains(v) {
				majors[major] = true
			}
		}
	}
	r.otherNames(ctx, majors)
	if r.kinds(needsDriver) {
		r.newerDriver(ctx, majors)
	}
	if r.kinds(otherCUDA) {
		r.anyCUDA(ctx)
	}
	if r.kinds(noKernels) {
		r.fewerDevices(ctx)
	}
}

// otherNames tries projects and extras that are named after a version of CUDA for another one: cupy-cuda12x in place of
// cupy-cuda13x, jax[cuda12] in place of jax[cuda13].
func (r *remedies) otherNames(ctx context.Context, majors map[int]bool) {
	for _, req := range r.required() {
		for major := newestCUDA; major >= oldestCUDA; major-- {
			if !majors[major] {
				continue
			}
			for _, to := range []int{major - 1, major + 1} {
				e, other, ok := renumber(req, major, to)
				if !ok {
					continue
				}
				q, listed := r.with(req, func(x *manifest.Requirement) { x.Requirement = other })
				if !listed {
					continue
				}
				if done := r.try(ctx, q); done != nil {
					r.offer(renaming, e, fmt.Sprintf("%s instead of %s resolves", bare(other), bare(req.Requirement)), with(done, other.Name))
				}
			}
		}
	}
}

// bare is a requirement without version and marker.
func bare(r pep508.Requirement) string {
	if len(r.Extras) == 0 {
		return r.Name
	}
	return r.Name + "[" + strings.Join(r.Extras, ",") + "]"
}

// renumber is the edit that has a requirement name another version of CUDA.
func renumber(req *manifest.Requirement, from, to int) (e edit, other pep508.Requirement, ok bool) {
	text, quote, isTOML := quoted(req.Pos)
	if !isTOML {
		text, quote = written(req.Pos), ""
	}
	name, rest := text, ""
	if i := strings.IndexAny(text, " <>=!~;@"); i >= 0 {
		name, rest = text[:i], text[i:]
	}
	changed := name
	for _, form := range []string{"cuda%d", "cu%d"} {
		changed = strings.ReplaceAll(changed, fmt.Sprintf(form, from), fmt.Sprintf(form, to))
	}
	if changed == name || req.Pos.IsZero() {
		return e, other, false
	}
	other, err := pep508.Parse(changed + rest)
	return edit{req.Pos, quote + text + quote, quote + changed + rest + quote}, other, err == nil
}

// newerDriver tries the oldest driver that runs what is needed.
func (r *remedies) newerDriver(ctx context.Context, majors map[int]bool) {
	pos := r.question.m.GPU.MinDriverPos
	text, quote, ok := quoted(pos)
	if !ok {
		return
	}
	for major := oldestCUDA; major <= newestCUDA; major++ {
		floor, known := cuda.Floor(cuda.Version{Major: major, Minor: -1})
		if !majors[major] || !known || r.question.m.GPU.MinDriver.Meets(floor) {
			continue
		}
		done := r.wanting(ctx, func(g *manifest.GPU) { g.MinDriver = floor })
		if done != nil {
			r.offer(movingPython, edit{pos, quote + text + quote, quote + floor.String() + quote},
				fmt.Sprintf("min-driver = %q instead of %q resolves", floor, text), with(done, r.wanted()...))
			return
		}
	}
}

// anyCUDA tries any version of CUDA that the driver runs.
func (r *remedies) anyCUDA(ctx context.Context) {
	pos := r.question.m.GPU.CUDAPos
	text, quote, ok := quoted(pos)
	if !ok {
		return
	}
	if done := r.wanting(ctx, func(g *manifest.GPU) { g.CUDA = cuda.Range{} }); done != nil {
		r.offer(movingPython, edit{pos, quote + text + quote, quote + "auto" + quote},
			fmt.Sprintf("cuda = \"auto\" instead of %q resolves", text), with(done, r.wanted()...))
	}
}

// fewerDevices tries to leave out each of the GPUs.
func (r *remedies) fewerDevices(ctx context.Context) {
	g := r.question.m.GPU
	for i, d := range g.Devices {
		if i >= len(g.DevicesPos) {
			return
		}
		e, ok := remove(g.DevicesPos[i], true)
		if !ok {
			continue
		}
		done := r.wanting(ctx, func(g *manifest.GPU) {
			g.Devices, g.DevicesPos = slices.Delete(g.Devices, i, i+1), slices.Delete(slices.Clone(g.DevicesPos), i, i+1)
		})
		if done != nil {
			r.offer(movingDistro, e, fmt.Sprintf("without %s among the devices it resolves", d.Name), with(done, r.wanted()...))
		}
	}
}

// wanting asks the question with another [gpu].
func (r *remedies) wanting(ctx context.Context, change func(*manifest.GPU)) []*solved {
	q := r.question.variant()
	own := *q.m.GPU
	own.Devices = slices.Clone(own.Devices)
	change(&own)
	q.m.GPU = &own
	q.policies.gpu = newGPU(q.m)
	q.policies.gpu.found = r.question.policies.gpu.found
	return r.try(ctx, q)
}
