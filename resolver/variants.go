package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
)

// variant is one of an index that is known by name.
type variant struct {
	name   string
	newest pep440.Version // that it has of what the index is for; zero: none that can be used
}

// vary answers the question with the variants of indexes that are best: those with which what they are for is newest, of equal
// ones the first. The lock that is there decides as long as it can. What is chosen is written into the lock, and the
// question becomes the one with it.
func (q *question) vary(ctx context.Context, lock *lockfile.Lock) ([]*solved, error) {
	for i := range q.m.Indexes {
		x := &q.m.Indexes[i]
		names := q.m.VariantsOf(*x)
		switch {
		case !x.Template:
			continue
		case len(names) == 0:
			return nil, diag.New(diag.NoAnswer, "index %s has no variant for the CUDA that is wanted: gpu.cuda is %s", x.Name, q.m.GPU.CUDA).At(q.m.GPU.CUDAPos).
				Hint("its variants are such as %v", manifest.TemplateOf(x.Name).Variants[:4])
		case len(names) > 1:
			best, err := q.keptVariant(ctx, x.Name, names)
			if best == "" && err == nil {
				best, err = q.bestVariant(ctx, x, names)
			}
			if err != nil {
				return nil, err
			}
			lock.Choices = append(lock.Choices, lockfile.Choice{Kind: lockfile.CUDAChoice, Name: x.Name, Value: best, Reason: variantReason(q.m, x, len(names))})
			names = []string{best}
		}
		q.use(x.Name, names[0])
		for k := range lock.Indexes {
			if lock.Indexes[k].Name == x.Name {
				lock.Indexes[k].Variant = names[0]
			}
		}
	}
	return q.answer(ctx)
}

// variantReason says why an index is of the variant that it is.
func variantReason(m *manifest.Manifest, x *manifest.Index, of int) string {
	var by []string
	if d := m.GPU.MinDriver; !d.IsZero() {
		by = append(by, fmt.Sprintf("driver %s runs%s", d, at(m.GPU.MinDriverPos)))
	}
	if !m.GPU.CUDA.Any() {
		by = append(by, fmt.Sprintf("gpu.cuda %s allows%s", m.GPU.CUDA, at(m.GPU.CUDAPos)))
	}
	if len(by) == 0 {
		return fmt.Sprintf("of its %d variants with CUDA the one with the newest %s", of, x.Packages[0])
	}
	return fmt.Sprintf("of its %d variants that %s, the one with the newest %s", of, strings.Join(by, " and "), x.Packages[0])
}

// use has packages come from a variant of an index.
func (q *question) use(name, variant string) {
	if set, ok := q.sources.Packages.(*index.Set); ok {
		q.sources.Packages = set.WithVariant(name, variant)
	}
}

// keptVariant is that of the lock that is there, as long as there is an answer with it and nothing of the index may move; else "".
func (q *question) keptVariant(ctx context.Context, name string, names []string) (string, error) {
	old := q.options.Previous
	if old == nil || q.options.Upgrade {
		return "", nil
	}
	moves := func(p lockfile.Package) bool { return p.Index == name && slices.Contains(q.options.Packages, p.Name) }
	i := slices.IndexFunc(old.Indexes, func(x lockfile.Index) bool { return x.Name == name && slices.Contains(names, x.Variant) })
	if i < 0 || slices.ContainsFunc(old.Packages, moves) {
		return "", nil
	}
	try := q.variant()
	try.use(name, old.Indexes[i].Variant)
	switch _, err := try.answer(ctx); {
	case errors.As(err, new(*unsolved)):
		return "", nil
	case err != nil:
		return "", err
	}
	return old.Indexes[i].Variant, nil
}

// asLocked are packages with the variants of indexes that a lock has.
func asLocked(packages Packages, lock *lockfile.Lock) Packages {
	set, ok := packages.(*index.Set)
	if !ok {
		return packages
	}
	for _, x := range lock.Indexes {
		if x.Variant != "" {
			set = set.WithVariant(x.Name, x.Variant)
		}
	}
	return set
}

// bestVariant tries the variants of an index, that with the newest release of what it is for first, and ends with the first with which
// there is an answer that no other can surpass. Without any the answer of the first is what is told.
func (q *question) bestVariant(ctx context.Context, x *manifest.Index, names []string) (string, error) {
	var list []variant
	for _, name := range names {
		v, err := q.newestIn(ctx, x, name)
		if err != nil {
			return "", err
		}
		list = append(list, variant{name, v})
	}
	slices.SortStableFunc(list, func(a, b variant) int { return b.newest.Compare(a.newest) })
	best, has := list[0].name, pep440.Version{}
	for _, v := range list {
		if !has.IsZero() && !has.Less(v.newest) {
			break
		}
		if q.options.Progress != nil {
			q.options.Progress("trying " + v.name + " of " + x.Name)
		}
		try := q.variant()
		try.use(x.Name, v.name)
		done, err := try.answer(ctx)
		if errors.As(err, new(*unsolved)) {
			continue
		}
		if err != nil {
			return "", err
		}
		if got := chosenOf(done, x.Packages[0]).Public(); has.IsZero() || has.Less(got) {
			best, has = v.name, got
		}
	}
	return best, nil
}

// newestIn is the newest release that a variant of an index has of the first package that it is for and that the first target can use,
// without its label.
func (q *question) newestIn(ctx context.Context, x *manifest.Index, name string) (pep440.Version, error) {
	try := q.variant()
	try.use(x.Name, name)
	c, err := newCatalogue(q.targets[0], try.sources.Packages, try.policies)
	if err != nil {
		return pep440.Version{}, err
	}
	p, err := newProvider(c, try.m, newPreferences(Options{}, q.targets[0], nil))
	if err != nil {
		return pep440.Version{}, err
	}
	r, err := c.release(ctx, x.Packages[0])
	if err != nil || r.missing != nil {
		return pep440.Version{}, err
	}
	set := pep440.Full()
	for _, req := range q.m.Requirements {
		if req.Name == x.Packages[0] {
			set = set.Intersect(pep440.FromSpecifiers(req.Specifiers))
		}
	}
	best := p.best(r, x.Packages[0], set)
	if err := p.failed(); err != nil || best == nil {
		return pep440.Version{}, err
	}
	return best.version.Public(), nil
}
