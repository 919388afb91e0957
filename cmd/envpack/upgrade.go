package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// upgrades reads the values of --upgrade-package into what the resolver is to do: names, and bounds where a value has
// some, as in numpy==2.0 or "numpy<2".
func upgrades(old *lockfile.Lock, values []string, options *resolver.Options) error {
	for _, text := range values {
		r, err := pep508.Parse(text)
		if err != nil {
			return diag.Wrap(err, diag.Usage, "--upgrade-package %q", text).
				Hint("it takes a name, or a name and a version: --upgrade-package numpy==2.0.1")
		}
		if len(r.Extras) > 0 || r.Marker != nil || r.URL != "" {
			return diag.New(diag.Usage, "--upgrade-package %q: extras, markers and addresses are the manifest's to say", text)
		}
		switch {
		case old == nil:
			return diag.New(diag.Usage, "--upgrade-package %s: there is no lock yet, in which it could move", text).
				Hint("`envpack lock` makes one, with the newest versions that the manifest allows")
		case !hasPackage(old, r.Name):
			e := noPackage(old, r.Name, nil)
			e.What = fmt.Sprintf("--upgrade-package %s: the lock has no such package", text)
			if hasDeb(old, r.Name) {
				e.Hints = []string{r.Name + " is a package of the distribution, which `envpack lock --upgrade-base` moves"}
			}
			return e
		}
		options.Packages = append(options.Packages, r.Name)
		if r.Specifiers.Len() > 0 {
			options.Require = append(options.Require, manifest.Requirement{
				Requirement: r, Pos: diag.Position{File: "--upgrade-package"},
			})
		}
	}
	return nil
}

func hasPackage(l *lockfile.Lock, name string) bool {
	return slices.ContainsFunc(l.Packages, func(p lockfile.Package) bool { return p.Name == name })
}

func hasDeb(l *lockfile.Lock, name string) bool {
	return slices.ContainsFunc(l.Base.Debs, func(d lockfile.Deb) bool { return d.Name == name })
}

// tellUnmoved says which packages that were to move did not.
func (s *session) tellUnmoved(old, l *lockfile.Lock, values []string) {
	for _, text := range values {
		r, err := pep508.Parse(text)
		if err != nil || old == nil {
			continue
		}
		was, is := versionsOf(old, r.Name), versionsOf(l, r.Name)
		if len(is) == 0 {
			s.ui().Printf("%s is needed no more with what else was chosen", r.Name)
		}
		if len(is) > 0 && slices.Equal(was, is) {
			if v, err := pep440.Parse(is[0]); err == nil && len(is) == 1 && r.Specifiers.IsExact() && r.Specifiers.Contains(v) {
				s.ui().Printf("%s is at %s already", r.Name, strings.Join(is, ", "))
				continue
			}
			s.ui().Printf("%s", s.keepLock(fmt.Sprintf("%s stays at %s; `envpack why %s` tells why", r.Name, strings.Join(is, ", "), r.Name)))
		}
	}
}

func versionsOf(l *lockfile.Lock, name string) []string {
	var list []string
	for _, p := range l.Packages {
		if p.Name == name {
			list = append(list, p.Version)
		}
	}
	return list
}

// sameVersion tells whether two texts are one version (PEP 440, Normalization).
func sameVersion(a, b string) bool {
	v, err := pep440.Parse(a)
	w, other := pep440.Parse(b)
	return err == nil && other == nil && v.Equal(w)
}

// warnMoved warns of packages that came from an index of the manifest's before and come from another now although that one is
// still there: it may not have them any more, and what another has under the name can be anybody's.
func (s *session) warnMoved(old, l *lockfile.Lock) {
	was := map[string]string{}
	for _, p := range old.Packages {
		if !p.Direct() {
			was[p.Name] = p.Index
		}
	}
	for _, p := range l.Packages {
		before, there := was[p.Name]
		if !there || p.Direct() || before == "" || before == p.Index || !slices.ContainsFunc(l.Indexes, func(x lockfile.Index) bool { return x.Name == before }) {
			continue
		}
		s.warnOnce(fmt.Sprintf("%s comes from %s now, and came from the index %s before, which the manifest still has\n"+
			"if it is to come from there alone, write into the table of that index:\n    packages = [%q]", p.Name, p.Origin(), before, p.Name))
	}
}
