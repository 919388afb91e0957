package undeclared

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/importer/modules"
	"github.com/envpack/envpack/resolver/pep508"
)

// World is where packages are looked up.
type World interface {
	// Newest is the newest release of a project that meets a requirement, for the Python and day that are meant; nil if there is
	// none. Errors are those of asking.
	Newest(ctx context.Context, req pep508.Requirement) (*Release, error)
	// Requires are a release's requirements that hold for the target, with those of the extras.
	Requires(ctx context.Context, r *Release, extras []string) ([]pep508.Requirement, error)
	// Paths are the files of a release's wheel, or else of its source distribution; nil if it has none that can be looked into.
	Paths(ctx context.Context, r *Release) ([]string, error)
}

// Release is a version of a project.
type Release struct {
	Name    string // normalised
	Version string
	Wheel   bool // it has one for the target
}

// Module is a module that nothing declared provides.
type Module struct {
	Name    string
	Uses    []Use // in the order of files; those that need it first
	Needed  bool  // the program does not go on without: an import that is not optional, in a file that is no test
	Tests   bool  // it is needed by tests alone
	Package string
	Version string // the newest for the day
	// Why says how the package was found, or why none was.
	Why string
	// Checked: the package's wheel has the module.
	Checked bool
}

// Options say what is looked for.
type Options struct {
	// Warn is told where something could not be found out that is not needed. May be nil.
	Warn func(error)

	Python   string               // "3.8"
	Declared []pep508.Requirement // of the project
	Own      string               // the project's own name, normalised; "" if it has none
}

// parallel is how many projects are asked for at once.
const parallel = 16

// maxClosure is how many projects are looked at for what declared ones bring.
const maxClosure = 400

// Find finds the modules of a usage that nothing provides. World may be nil: then facts alone tell, nothing is checked, and what
// declared packages bring is not known.
func Find(ctx context.Context, u *Usage, o Options, w World) ([]Module, error) {
	names, by := groups(u.Uses)
	f := &search{ctx: ctx, o: o, w: w, declared: map[string]bool{}}
	for _, r := range o.Declared {
		f.declared[r.Name] = true
	}
	var open []Module
	for _, name := range names {
		if name = strings.TrimSpace(name); name == "" || modules.Standard(name, o.Python) {
			continue
		}
		if !slices.ContainsFunc(by[name], func(u Use) bool { return u.Aside != Tool }) {
			continue // how the project is packaged or documented is no matter of its environment
		}
		m := Module{Name: name, Uses: by[name]}
		m.judge()
		if f.known(name, f.declared) || o.Own != "" && modules.SameName(name) == o.Own {
			continue
		}
		open = append(open, m)
	}
	if len(open) == 0 {
		return nil, nil
	}
	if w != nil {
		if err := f.close(); err != nil {
			return nil, err
		}
		if f.failed != nil && o.Warn != nil {
			o.Warn(f.failed)
		}
		open = slices.DeleteFunc(open, func(m Module) bool { return f.known(m.Name, f.brought) })
		var err error
		if open, err = f.provided(open); err != nil {
			return nil, err
		}
	}
	var out []Module
	for _, m := range open {
		drop, err := f.settle(&m)
		if err != nil {
			return nil, err
		}
		if !drop {
			out = append(out, m)
		}
	}
	return out, nil
}

// judge says whether a module is needed, and puts the uses first that need it.
func (m *Module) judge() {
	weight := func(u Use) int {
		n := int(u.Aside) * 4
		if u.Optional || u.Conditional {
			n += 2
		}
		if u.Lazy {
			n++
		}
		return n
	}
	slices.SortStableFunc(m.Uses, func(a, b Use) int { return weight(a) - weight(b) })
	for _, u := range m.Uses {
		if u.Optional || u.Conditional {
			continue
		}
		switch u.Aside {
		case Proper:
			m.Needed = true
		case Test:
			m.Tests = true
		}
	}
	m.Tests = m.Tests && !m.Needed
}

type search struct {
	ctx      context.Context
	o        Options
	w        World
	declared map[string]bool
	brought  map[string]bool // what declared packages require, and what that requires
	releases []*Release      // of both, the declared first
	failed   error           // why it is not known what a declared package brings
}

// known tells whether one of some packages is known to have a module.
func (f *search) known(name string, packages map[string]bool) bool {
	for _, p := range modules.Packages(name) {
		if packages[p] {
			return true
		}
	}
	same := pep508.NormalizeName(strings.ReplaceAll(name, ".", "-"))
	return packages[same] || packages[modules.SameName(name)]
}

// close finds what the declared packages bring. It takes the newest release of each, which is near to what a lock will have, and
// for which modules there are hardly ever another answer.
func (f *search) close() error {
	f.brought = map[string]bool{}
	level := f.o.Declared
	extras := map[string]bool{}
	for len(level) > 0 && len(f.brought) < maxClosure {
		var ask []pep508.Requirement
		first := map[int]bool{}
		for _, q := range level {
			fresh := !f.brought[q.Name]
			for _, e := range q.Extras {
				fresh = fresh || !extras[q.Name+"["+e]
				extras[q.Name+"["+e] = true
			}
			if fresh && q.URL == "" {
				first[len(ask)] = !f.brought[q.Name]
				ask = append(ask, q)
			}
			f.brought[q.Name] = true
		}
		answers := make([]struct {
			release  *Release
			requires []pep508.Requirement
			err      error
		}, len(ask))
		g, ctx := errgroup.WithContext(f.ctx)
		g.SetLimit(parallel)
		for i, q := range ask {
			g.Go(func() (err error) {
				a := &answers[i]
				if a.release, err = f.w.Newest(ctx, q); err == nil && a.release != nil {
					a.requires, err = f.w.Requires(ctx, a.release, q.Extras)
				}
				a.err = err
				return ctx.Err()
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		level = nil
		for i, a := range answers {
			if a.err != nil && f.failed == nil { // an index may be out of reach that others can do without
				f.failed = fmt.Errorf("what %s brings is not known: %w", ask[i].Name, a.err)
			}
			if a.release != nil && first[i] {
				f.releases = append(f.releases, a.release)
			}
			level = append(level, a.requires...)
		}
	}
	return nil
}

// provided takes away modules that the wheels of declared packages, or of what these bring, turn out to have.
func (f *search) provided(open []Module) ([]Module, error) {
	left := slices.DeleteFunc(slices.Clone(open), func(m Module) bool { return modules.Packages(m.Name) != nil || modules.Elsewhere(m.Name) != "" })
	if len(left) == 0 {
		return open, nil
	}
	releases := f.releases[:min(len(f.releases), len(f.o.Declared)+60)]
	lists := make([][]string, len(releases))
	g, ctx := errgroup.WithContext(f.ctx)
	g.SetLimit(parallel)
	for i, r := range releases {
		g.Go(func() (err error) {
			lists[i], err = f.w.Paths(ctx, r)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, paths := range lists {
		tops := map[string]bool{}
		for _, p := range paths {
			top, rest, _ := strings.Cut(p, "/")
			if rest == "" {
				top, _, _ = strings.Cut(top, ".")
			}
			tops[top] = true
		}
		for _, m := range left {
			if tops[strings.SplitN(m.Name, ".", 2)[0]] && hasModule(paths, m.Name) {
				has[m.Name] = true
			}
		}
	}
	return slices.DeleteFunc(open, func(m Module) bool { return has[m.Name] }), nil
}

// settle finds the package that has a module. drop: it is nobody's business.
func (f *search) settle(m *Module) (drop bool, err error) {
	if when := modules.EverStandard(m.Name); when != "" && len(modules.Packages(m.Name)) == 0 {
		same, err := f.check(m, modules.SameName(m.Name), false)
		if err != nil || same {
			m.Why = fmt.Sprintf("Python has it in %s; the package is its backport", when)
			return false, err
		}
		m.Package, m.Version = "", ""
		m.Why = fmt.Sprintf("a module of Python %s, which %s does not have", when, f.o.Python)
		return !m.Needed, nil
	}
	if from := modules.Elsewhere(m.Name); from != "" {
		m.Why = "no package of the index has it: it is from " + from
		return false, nil
	}
	candidates := modules.Packages(m.Name)
	for _, c := range candidates {
		ok, err := f.check(m, c, true)
		if err != nil || ok {
			return false, err
		}
	}
	if len(candidates) > 0 {
		m.Package, m.Version = "", ""
		m.Why = fmt.Sprintf("%s had no release with it for Python %s then", strings.Join(candidates, ", "), f.o.Python)
		return false, nil
	}
	name := modules.SameName(m.Name)
	if dotted := group(m.Name); shared[strings.SplitN(m.Name, ".", 2)[0]] && strings.Contains(dotted, ".") {
		name = pep508.NormalizeName(strings.ReplaceAll(dotted, ".", "-"))
	}
	if modules.Generic(m.Name) || f.w == nil {
		m.Why = "which package has it is not known"
		return m.Uses[0].Near != "", nil
	}
	ok, err := f.check(m, name, false)
	switch {
	case err != nil || ok:
		return false, err
	case m.Uses[0].Near != "":
		return true, nil
	}
	m.Package, m.Version = "", ""
	if m.Why != "" {
		m.Why = "; " + m.Why
	}
	m.Why = "no package is known to have it" + m.Why
	return false, nil
}

// check looks whether a package has a module. A package that facts name may have no wheel to look into.
func (f *search) check(m *Module, name string, fact bool) (bool, error) {
	if f.w == nil {
		m.Package, m.Why = name, "as published lists of modules have it; no index was asked"
		return fact, nil
	}
	r, err := f.w.Newest(f.ctx, pep508.Requirement{Name: name})
	if err != nil || r == nil {
		return false, err
	}
	m.Package, m.Version = r.Name, r.Version
	paths, err := f.w.Paths(f.ctx, r)
	if err != nil {
		return false, err
	}
	what := "the wheel"
	if !r.Wheel {
		what = "the source distribution"
	}
	if len(paths) == 0 || !r.Wheel && fact && !hasModule(paths, m.Name) { // what is compiled is not there before it is built
		m.Why = fmt.Sprintf("%s of %s %s does not show what is in it", what, r.Name, r.Version)
		if fact {
			m.Why += "; published lists name it"
		}
		return fact, nil
	}
	for _, u := range m.Uses {
		// What facts name has to have the module; what is guessed by its name has to have all that is imported of it.
		if want := u.Module; !hasModule(paths, m.Name) || !fact && !u.Optional && !hasModule(paths, want) {
			m.Why = fmt.Sprintf("%s %s has no module %s", r.Name, r.Version, want)
			return false, nil
		}
	}
	m.Checked = true
	m.Why = fmt.Sprintf("%s of %s %s has it", what, r.Name, r.Version)
	return true, nil
}

// hasModule tells whether a wheel's files have a module: a file of Python's, a compiled one, or a folder with such.
func hasModule(paths []string, module string) bool {
	at := strings.ReplaceAll(module, ".", "/")
	for _, p := range paths {
		for _, lib := range []string{"purelib/", "platlib/"} { // in the data folder
			if _, rest, ok := strings.Cut(p, ".data/"+lib); ok {
				p = rest
			}
		}
		rest, ok := strings.CutPrefix(p, at)
		if !ok || rest == "" {
			continue
		}
		switch {
		case rest[0] == '/':
			return true
		case rest == ".py" || rest == ".pyc":
			return true
		case rest[0] == '.' && (strings.HasSuffix(rest, ".so") || strings.HasSuffix(rest, ".pyd")) && !strings.Contains(rest, "/"):
			return true
		}
	}
	return false
}
