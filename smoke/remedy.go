package smoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/modules"
	"github.com/envpack/envpack/internal/pattern"
)

// Lab makes locks and images of a manifest that is changed, and tries them.
type Lab interface {
	// Libraries are packages of the distribution that have a shared library, the best first.
	Libraries(ctx context.Context, file string) ([]string, error)
	// Versions are those of a project that may be chosen by their date and kind, the newest first, and which of them is locked.
	Versions(ctx context.Context, project string) (all []string, locked string, err error)
	// Try imports modules in the image of the manifest with the changes. Errors: one that wraps [ErrNoLock] where there is none.
	Try(ctx context.Context, changes []Change, modules []string) (*Tried, error)
}

// ErrNoLock says that a manifest cannot be locked.
var ErrNoLock = errors.New("there is no lock of it")

// Tried is what came of a try.
type Tried struct {
	Trial    *Trial
	Owners   *Owners
	Python   string // its version
	Outcomes []Outcome
}

// Finding is what is known of a module that cannot be imported.
type Finding struct {
	Outcome Outcome  `json:"-"`
	Causes  []Cause  `json:"causes"`
	Changes []Change `json:"changes,omitempty"` // with them, and those of the findings before, it is imported: that was tried
	Notes   []string `json:"notes,omitempty"`   // what is known where no change was found, or beside it
	Cut     bool     `json:"cut_short,omitempty"`
}

// Report is what was found of all modules.
type Report struct {
	Findings []Finding
	Changes  []Change  // all that helped some module
	Outcomes []Outcome // of all modules with all changes; none: that was not tried
}

const (
	mostTries = 12 // of one module
	mostSteps = 6  // changes that one module takes
)

// Remedies looks for changes with which modules can be imported that cannot now. first is what came of them; tell is told what is
// tried.
//
// Errors: those of the lab, and of ctx.
func Remedies(ctx context.Context, lab Lab, first *Tried, tell func(string)) (*Report, error) {
	s := &search{lab: lab, tell: tell}
	r := &Report{}
	for _, o := range first.Outcomes {
		if o.Result == Imported {
			continue
		}
		f, err := s.module(ctx, first, o)
		if err != nil {
			return r, err
		}
		r.Findings = append(r.Findings, f)
	}
	if len(s.changes) == 0 {
		return r, nil
	}
	var names []string
	for _, o := range first.Outcomes {
		names = append(names, o.Module)
	}
	s.tell("all with " + Written(s.changes))
	got, err := lab.Try(ctx, s.changes, names)
	if err != nil && !errors.Is(err, ErrNoLock) {
		return r, err
	}
	r.Changes = merged(s.changes)
	if got != nil {
		r.Outcomes = got.Outcomes
	}
	return r, nil
}

type search struct {
	lab     Lab
	tell    func(string)
	changes []Change // that helped so far
	tries   int
}

// module looks for what helps one module.
func (s *search) module(ctx context.Context, now *Tried, o Outcome) (Finding, error) {
	f := Finding{Outcome: o, Causes: now.Trial.Causes(o)}
	s.tries = 0
	if len(s.changes) > 0 {
		// What helped another module may be all that this one lacks.
		got, err := s.try(ctx, nil, o.Module)
		if err != nil || got == nil {
			return f, err
		}
		now, o = got, got.Outcomes[0]
	}
	before := len(s.changes)
	for range mostSteps {
		if o.Result == Imported {
			f.Changes = slices.Clone(s.changes[before:])
			if len(f.Changes) == 0 {
				f.Notes = append(f.Notes, "the changes above help here too")
			}
			return f, nil
		}
		next, err := s.step(ctx, now, o, &f)
		if err != nil {
			return f, err
		}
		if next == nil {
			break
		}
		now, o = next, next.Outcomes[0]
	}
	if n := len(s.changes) - before; n > 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("with %s it gets further, and ends with %s", Written(s.changes[before:]), o.Says()))
		s.changes = s.changes[:before]
	}
	return f, nil
}

// step makes one change that helps or brings the import further; nil: there is none.
func (s *search) step(ctx context.Context, now *Tried, o Outcome, f *Finding) (*Tried, error) {
	for _, c := range now.Trial.Causes(o) {
		proposals, note, err := s.proposals(ctx, now, o, c)
		if err != nil {
			return nil, err
		}
		if note != "" && !slices.Contains(f.Notes, note) {
			f.Notes = append(f.Notes, note)
		}
		for _, p := range proposals {
			got, err := s.follow(ctx, p, o, c)
			if err != nil || got != nil {
				return got, err
			}
			if s.tries >= mostTries {
				f.Cut = true
				return nil, nil
			}
			switch {
			case p.Kind == Constrain && p.Bound == "<=":
				f.Notes = append(f.Notes, fmt.Sprintf("no other version of %s was found with which it can be imported", p.Package))
			case p.Kind == AddPackage:
				f.Notes = append(f.Notes, fmt.Sprintf("no package that has %s was found: %s does not help", c.Module, p.Package))
			case p.Kind == AddSystem:
				f.Notes = append(f.Notes, fmt.Sprintf("it cannot be imported with the package %s either", p.Package))
			}
		}
	}
	return nil, nil
}

// proposal is one change, or one of a project's versions.
type proposal struct {
	Change
	versions []string // of Constrain: those to choose among, the newest first
}

// follow tries a proposal; nil: it does not help.
func (s *search) follow(ctx context.Context, p proposal, o Outcome, c Cause) (*Tried, error) {
	if p.Kind != Constrain {
		got, err := s.try(ctx, []Change{p.Change}, o.Module)
		if err != nil || got == nil || !further(got, c) {
			return nil, err
		}
		s.changes = append(s.changes, p.Change)
		return got, nil
	}
	return s.nearest(ctx, p, o, c)
}

// nearest finds the newest of a project's versions that helps: away from the locked one in growing steps, as long as the cause is the
// same, and back from where it is not, or where there is no lock.
func (s *search) nearest(ctx context.Context, p proposal, o Outcome, c Cause) (*Tried, error) {
	bad, end := -1, len(p.versions) // what lies between is not known
	var best *Tried
	good := -1
	for step := 1; end-bad > 1 && s.tries < mostTries; {
		i := (bad + end) / 2
		if end == len(p.versions) {
			i = min(bad+step, end-1)
			step *= 2
		}
		got, err := s.try(ctx, []Change{p.at(i)}, o.Module)
		switch {
		case err != nil:
			return nil, err
		case got != nil && further(got, c):
			best, good, end = got, i, i
		case got != nil:
			bad = i
		default:
			end = i
		}
	}
	if best != nil {
		s.changes = append(s.changes, p.at(good))
	}
	return best, nil
}

// at is the change that gives one of the versions.
func (p proposal) at(i int) Change {
	c := p.Change
	c.Version = p.versions[i]
	c.Bound += c.Version
	return c
}

// try imports a module with further changes; nil: there is no lock with them.
func (s *search) try(ctx context.Context, more []Change, module string) (*Tried, error) {
	s.tries++
	changes := append(slices.Clone(s.changes), more...)
	s.tell(fmt.Sprintf("%s with %s", module, Written(changes)))
	got, err := s.lab.Try(ctx, changes, []string{module})
	if errors.Is(err, ErrNoLock) {
		return nil, nil
	}
	return got, err
}

// further tells whether a cause is gone.
func further(got *Tried, c Cause) bool {
	o := got.Outcomes[0]
	if o.Result == Imported {
		return true
	}
	for _, now := range got.Trial.Causes(o) {
		if now.Kind == c.Kind && now.Library == c.Library && now.Symbol == c.Symbol && now.Module == c.Module && now.Name == c.Name {
			return false
		}
		if now.Kind == Died || c.Kind == OtherRaised && now.Kind == OtherRaised {
			return false // nothing tells whether that is further
		}
	}
	return true
}

// graphics are libraries that come with NVIDIA's driver, and so from the host.
var graphics = []string{"libcuda.so.", "libnvidia-ml.so.", "libnvcuvid.so.", "libnvidia-encode.so.", "libnvoptix.so.", "libnvidia-ptxjitcompiler.so."}

// ofCUDA are libraries of NVIDIA's toolkit and of what is installed with it.
var ofCUDA = pattern.New(`^lib(cuda[a-z]|cu(dart|blas|blasLt|fft|rand|solver|sparse|pti|dnn|file|tensor)|nv(rtc|JitLink|ToolsExt|infer|jpeg|blas)|npp|nccl)`)

// proposals are what may help against a cause, with what there is to say of it.
func (s *search) proposals(ctx context.Context, now *Tried, o Outcome, c Cause) (list []proposal, note string, err error) {
	switch c.Kind {
	case NoLibrary:
		for _, prefix := range graphics {
			if strings.HasPrefix(c.Library+".", prefix) {
				return nil, c.Library + " comes with NVIDIA's driver, which is the host's and not in the sandbox: except = [\"" + o.Module + "\"] below [smoke] has the module left out here", nil
			}
		}
		packages, err := s.lab.Libraries(ctx, c.Library)
		if err != nil {
			return nil, "", err
		}
		if len(packages) == 0 && ofCUDA().MatchString(c.Library) {
			return nil, c.Library + " is of CUDA, and neither a wheel nor the base brings it: with [gpu] in the manifest, locking chooses both for one version of CUDA", nil
		}
		if len(packages) == 0 {
			return nil, "no package of the distribution has " + c.Library, nil
		}
		for _, p := range packages[:min(3, len(packages))] {
			list = append(list, proposal{Change: Change{Kind: AddSystem, Package: p}})
		}
		return list, "", nil
	case NoModule:
		return s.forModule(ctx, now, c)
	case NoName:
		pkg, _ := now.Owners.OfModule(c.Module)
		if pkg == "" {
			return nil, fmt.Sprintf("nobody knows which package %s is from", c.Module), nil
		}
		return s.otherVersions(ctx, pkg)
	case NoSymbol:
		return nil, c.Library + " has another version than the file was made for: the packages do not belong together, or the distribution is too old", nil
	case BadSyntax:
		pkg := now.Owners.OfFile(c.File)
		if pkg == "" {
			return nil, "", nil
		}
		list, _, err := s.otherVersions(ctx, pkg)
		return list, fmt.Sprintf("%s is not for Python %s", pkg, now.Python), err
	case OtherRaised:
		// Where a library refuses what another does with it, it is mostly a newer one than that was written for.
		if pkg := now.Owners.OfFile(c.File); pkg != "" && pkg != o.Package {
			list, _, err := s.otherVersions(ctx, pkg)
			return list, "", err
		}
	}
	return nil, "", nil
}

// split are packages of Debian's and Ubuntu's that have parts of Python's standard library.
var split = map[string]string{
	"tkinter": "python3-tk", "_tkinter": "python3-tk", "turtle": "python3-tk", "distutils": "python3-distutils", "lib2to3": "python3-lib2to3",
	"_gdbm": "python3-gdbm", "dbm": "python3-gdbm", "venv": "python3-venv", "ensurepip": "python3-venv", "idlelib": "idle",
}

// forModule are proposals for a module that is not there.
func (s *search) forModule(ctx context.Context, now *Tried, c Cause) (list []proposal, note string, err error) {
	top, _, dotted := strings.Cut(c.Module, ".")
	if pkg, _ := now.Owners.OfModule(c.Module); pkg != "" && dotted {
		return s.otherVersions(ctx, pkg) // the package is there, and this part of it is not
	}
	if modules.Standard(top, now.Python) {
		if pkg := split[top]; pkg != "" {
			return []proposal{{Change: Change{Kind: AddSystem, Package: pkg}}}, "", nil
		}
		return nil, fmt.Sprintf("%s is of Python's own library, and this Python was built without it", top), nil
	}
	if once := modules.EverStandard(top); once != "" {
		note = fmt.Sprintf("%s was of Python's own library in Python %s, and the image has Python %s", top, once, now.Python)
		if top == "distutils" {
			list = append(list, proposal{Change: Change{Kind: AddPackage, Package: "setuptools"}})
		}
	}
	if from := modules.Elsewhere(c.Module); from != "" {
		return list, fmt.Sprintf("%s is not on the index: %s", top, from), nil
	}
	names := modules.Packages(c.Module)
	if len(names) == 0 && note == "" && !modules.Generic(top) && !strings.HasPrefix(top, "_") {
		names = []string{modules.SameName(top)}
	}
	for _, name := range names[:min(2, len(names))] {
		list = append(list, proposal{Change: Change{Kind: AddPackage, Package: name}})
	}
	if len(list) == 0 && note == "" {
		note = fmt.Sprintf("which package has the module %s is not known", c.Module)
	}
	return list, note, nil
}

// otherVersions are proposals for a package that is of another version than its users were written for: older ones, since the newest
// is what is locked as a rule; and the newest, if it is not.
func (s *search) otherVersions(ctx context.Context, pkg string) ([]proposal, string, error) {
	all, locked, err := s.lab.Versions(ctx, pkg)
	if err != nil {
		return nil, "", err
	}
	at := slices.Index(all, locked)
	var list []proposal
	if at > 0 {
		list = append(list, proposal{Change{Kind: Constrain, Package: pkg, Bound: ">="}, all[:1]})
	}
	if at >= 0 && at < len(all)-1 {
		list = append(list, proposal{Change{Kind: Constrain, Package: pkg, Bound: "<="}, series(all[at+1:])})
	}
	note := ""
	if len(list) == 0 {
		note = fmt.Sprintf("there is no other version of %s to try", pkg)
	}
	return list, note, nil
}

// series are the newest versions of each release series: names go with those, and not with fixes. The versions are in order, the newest
// first.
func series(versions []string) []string {
	var list []string
	last := ""
	for _, v := range versions {
		parts := strings.SplitN(v, ".", 3)
		key := strings.Join(parts[:min(2, len(parts))], ".")
		if key != last {
			list = append(list, v)
		}
		last = key
	}
	return list
}
