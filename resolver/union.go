package resolver

import (
	"slices"

	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
)

// Union is a lock to prefer the versions of, made of the two sides of a merge: packages of both, of which
// [Resolve] tries the newest first, and of everything that can be only once the newer. For all that has no order,
// ours goes before theirs. It is no valid lock and has no seals: [lockfile.KeepSeals] takes these from each side.
// Either side may be nil.
func Union(ours, theirs *lockfile.Lock) *lockfile.Lock {
	if ours == nil {
		ours = &lockfile.Lock{}
	}
	if theirs == nil {
		theirs = &lockfile.Lock{}
	}
	u := &lockfile.Lock{Project: ours.Project, Base: ours.Base}
	if u.Project.Manifest == "" {
		u.Project = theirs.Project
	}
	if u.Base.Distro == "" {
		u.Base = theirs.Base
	}
	u.Packages = both(ours.Packages, theirs.Packages, func(p lockfile.Package) string { return p.Name + " " + p.Version + " " + p.Index })
	u.Data = both(ours.Data, theirs.Data, func(f lockfile.DataFile) string { return f.To + " " + f.Source() })
	u.Choices = both(ours.Choices, theirs.Choices, func(c lockfile.Choice) string { return c.Kind + " " + c.Name + " " + c.Target })
	if ours.Base.Distro == theirs.Base.Distro {
		u.Base.Archives = both(ours.Base.Archives, theirs.Base.Archives, func(a lockfile.Archive) string { return a.Name })
		u.Base.Images = both(ours.Base.Images, theirs.Base.Images, func(i lockfile.BaseImage) string { return i.Target })
		u.Base.Interpreters = both(ours.Base.Interpreters, theirs.Base.Interpreters, func(i lockfile.Interpreter) string { return i.Target })
		u.Base.Debs = newest(ours.Base.Debs, theirs.Base.Debs,
			func(d lockfile.Deb) string { return d.Name + " " + d.Architecture },
			func(a, b lockfile.Deb) int { return apt.CompareVersions(a.Version, b.Version) })
		u.Base.Releases = newest(ours.Base.Releases, theirs.Base.Releases,
			func(r lockfile.Release) string { return r.Archive + " " + r.Suite },
			func(a, b lockfile.Release) int { return a.Date.Compare(b.Date) })
	}
	u.Normalize()
	return u
}

// both has of a thing that both have the first's.
func both[T any](first, second []T, key func(T) string) []T {
	return newest(first, second, key, func(T, T) int { return 0 })
}

// newest has of a thing that both have the greater one.
func newest[T any](first, second []T, key func(T) string, compare func(a, b T) int) []T {
	out := slices.Clone(first)
	for _, t := range second {
		i := slices.IndexFunc(out, func(have T) bool { return key(have) == key(t) })
		switch {
		case i < 0:
			out = append(out, t)
		case compare(out[i], t) < 0:
			out[i] = t
		}
	}
	return out
}
