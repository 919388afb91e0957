package cuda

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// code answers whether there is code for the GPUs.
func (x *examiner) code() Answer {
	a := Answer{Question: Code, Verdict: None, Device: -1}
	switch {
	case len(x.frameworks) == 0 && (x.report.CUDA.IsZero() || len(x.report.Processor) > 0 && x.allRead()):
		a.say("no package has code for GPUs")
		if len(x.hosts.Devices) > 0 {
			a.Verdict, a.Device = No, 0
			for _, text := range x.report.Processor {
				a.say("%s", text)
			}
		}
		return a
	case len(x.hosts.Devices) == 0:
		a.say("no GPU was named")
		for _, f := range x.frameworks {
			if text := x.has(f); text != "" {
				a.say("%s has %s", f, text)
			}
		}
		return a
	}
	covered := map[string][]string{} // GPUs by what runs there
	var lines []string               // of these, in the order of the GPUs
	for i, d := range x.hosts.Devices {
		before := a.Verdict
		a.worsen(Yes)
		x.covered, x.idle = nil, nil
		x.device(&a, d)
		if len(x.covered) == 0 && len(x.idle) > 0 && a.Verdict == Yes {
			a.worsen(Unknown)
			a.say("%s: no wheel has code for GPUs, and whether %s makes some while it runs is not known", d, namesOf(x.idle))
		}
		if a.Verdict == No && before != No {
			a.Device = i
		}
		if line := strings.Join(x.covered, ", "); line != "" {
			if covered[line] == nil {
				lines = append(lines, line)
			}
			covered[line] = append(covered[line], d.String())
		}
	}
	for _, i := range x.Items {
		if x.mayHaveCode(i) {
			a.worsen(Unknown)
			x.unread = append(x.unread, i)
		}
	}
	if len(x.frameworks)+len(x.unread) == 0 && a.Verdict == Yes {
		a.Verdict = None
		a.say("no package but NVIDIA's libraries has code for GPUs")
	}
	var why []string
	for _, line := range lines {
		why = append(why, strings.Join(covered[line], ", ")+": "+line)
	}
	a.Why = append(why, a.Why...)
	if len(x.unread) > 0 {
		verb, wheels := "has", "its wheel was not read"
		if len(x.unread) > 1 {
			verb, wheels = "have", "their wheels were not read"
		}
		a.say("which GPUs %s %s code for is not known, since %s", namesOf(x.unread), verb, wheels)
		a.remedy("lock with the wheels read (`envpack lock`, without --no-scan)")
	}
	return a
}

// allRead tells whether every wheel was read, so that what has code for GPUs is known.
func (x *examiner) allRead() bool {
	return !slices.ContainsFunc(x.Items, func(i Item) bool { return !i.Measured })
}

// mayHaveCode tells whether a package that was not read, and of which nothing is known, may have code for GPUs: its wheel is for
// a machine, and it requires a framework or NVIDIA's libraries.
func (x *examiner) mayHaveCode(i Item) bool {
	if i.Measured || i.brought.Role != NoRole || IsNVIDIA(i.Name) || strings.HasSuffix(i.File, "-any.whl") {
		return false
	}
	return slices.ContainsFunc(x.Items, func(of Item) bool {
		return slices.Contains(i.Requires, of.Name) && (of.brought.Role == Framework || of.brought.Role == Library)
	})
}

// run notes what of a framework runs on the GPU that is judged.
func (x *examiner) run(format string, args ...any) {
	x.covered = append(x.covered, fmt.Sprintf(format, args...))
}

// device judges one GPU.
func (x *examiner) device(a *Answer, d Device) {
	if serves, oldest := Serves(x.report.CUDA, d.Capability); !x.report.CUDA.IsZero() && !serves {
		a.worsen(No)
		a.say("%s: CUDA %s is for GPUs from %s on", d, x.report.CUDA, oldest.SM())
		last := LastFor(d.Capability)
		a.propose(Try{CUDA: strconv.Itoa(last.Major)}, `set cuda = "%d" below [gpu] and lock again: CUDA %s is the last for %s`, last.Major, last, d)
	}
	if !x.report.CUDA.IsZero() && precedes(x.report.CUDA, d.Capability) {
		if without := x.librariesWithout(d); len(without) > 0 {
			a.worsen(Unknown)
			a.say("%s: CUDA %s is older than it, and %s has nothing for it: what uses that fails", d, x.report.CUDA, namesOf(without))
			a.remedy("choose packages for CUDA %s or newer, the first for %s", facts().oldest(d.Capability), d)
		}
	}
	for _, t := range facts().trimmed {
		lib, ok := x.item(func(name string) bool { return name == t.Name })
		if ok && contains(t.specifiers, lib.Version) && d.Capability.Compare(t.Oldest) < 0 {
			a.worsen(No)
			a.say("%s: %s has nothing for GPUs before %s", d, lib, t.Oldest.SM())
			a.propose(Try{Constraint: t.Name + t.Before}, `bound it: %s = "%s" below [constraints]`, t.Name, t.Before)
		}
	}
	for _, f := range x.frameworks {
		x.judge(a, f, d)
		for _, t := range facts().troubles {
			if t.Name == f.Name && t.GPUs == d.Capability && contains(t.specifiers, f.Version) {
				a.worsen(No)
				a.say("%s: %s fails there all the same, with %s (%s)", d, f, t.What, t.Source)
				a.remedy("choose another release of %s than %s", f.Name, t.Versions)
			}
		}
	}
}

// librariesWithout are NVIDIA's packages that were read and have code for GPUs, and none that a GPU runs.
func (x *examiner) librariesWithout(d Device) []Item {
	return slices.DeleteFunc(x.libraries(), func(i Item) bool {
		return len(i.Libraries) == 0 || slices.ContainsFunc(i.Libraries, func(l Binary) bool { return Covers(l.Code, d, x.hosts.DriverOf(d)).Runs() > 0 })
	})
}

// judge judges a framework for a GPU: by its code, else by the table.
func (x *examiner) judge(a *Answer, f Item, d Device) {
	j, ok := Judge(f.Libraries, d, x.hosts.DriverOf(d), x.report.CUDA)
	switch {
	case !ok && len(f.Faults) > 0:
		a.worsen(Unknown)
		a.say("%s: what %s has code for could not be read: %s", d, f, strings.Join(f.Faults, "; "))
		return
	case !ok && f.Measured && facts().compiling(f):
		x.run("%s has no code of its own, and compiles what it needs while it runs", f)
		return
	case !ok && f.Measured:
		x.idle = append(x.idle, f)
		return
	case !ok:
		x.byTable(a, f, d)
		return
	}
	file := path.Base(j.Main.Path)
	if j.Of.needsPTX() {
		x.rely(f, d, j.Of)
	}
	switch {
	case j.Covered && j.Of.PTX > j.Of.Cubin:
		x.run("%s has PTX that the driver compiles (%s, %s)", f, file, share(j.Of))
	case j.Covered:
		x.run("%s has code (%s, %s)", f, file, share(j.Of))
	case j.Of.Unknown:
		a.worsen(Unknown)
		a.say("%s: %s has PTX alone, of a version that is newer than envpack's table (%s)", d, f, file)
	case j.Of.TooNew > 0:
		a.worsen(No)
		a.say("%s: %s has PTX alone, and driver %s does not compile it: CUDA %s came with %s (%s)", d, f, x.hosts.DriverOf(d), j.Of.CUDA, j.Of.Driver, file)
		a.remedy("use hosts with driver %s or newer", j.Of.Driver)
	case !j.Other.IsZero():
		a.worsen(No)
		a.say("%s: %s has no code for CUDA %d: %s", d, f, x.report.CUDA.Major, j.Lacks())
		a.remedy("choose another release of %s, or packages for the CUDA that it has libraries for", f.Name)
	default:
		a.worsen(No)
		a.say("%s: %s has no code for it (%s has %s)", d, f, file, x.has(f))
		x.elsewhere(a, f, d)
	}
	if j.Covered && j.Of.TooNew > 0 {
		a.say("%s: but %d of %d parts of %s's %s are PTX alone, which the driver is too old for", d, j.Of.TooNew, j.Of.Total, f.Name, file)
	}
	for _, p := range j.Partial {
		if j.Covered {
			a.say("%s: but %s of %s's %s", d, share(p.Of), f.Name, path.Base(p.Binary.Path))
		}
	}
}

// share is what part runs, for people.
func share(c Coverage) string {
	switch s := c.Share(); {
	case s == 100 && c.Total == 1:
		return "its only part"
	case s == 0:
		return "nothing"
	case s == 100:
		return fmt.Sprintf("all %d parts", c.Total)
	default:
		return fmt.Sprintf("%d of %d parts", c.Runs(), c.Total)
	}
}

// rely notes a package of which PTX is compiled.
func (x *examiner) rely(f Item, d Device, of Coverage) {
	if first, _ := DriversFor(d.Capability); x.hosts.Various && first.Meets(of.Driver) {
		return // every host that has the GPU has a driver that compiles it, and the others do not need to
	}
	if !slices.Contains(x.report.PTX, f.String()) {
		x.report.PTX = append(x.report.PTX, f.String())
	}
	if x.ptx.Driver.IsZero() || !x.ptx.Driver.Meets(of.Driver) {
		x.ptx = of
	}
}

// byTable judges a framework whose wheel was not read.
func (x *examiner) byTable(a *Answer, f Item, d Device) {
	b, ok := facts().known(f)
	switch {
	case ok && !b.Oldest.isZero():
		if d.Capability.Compare(b.Oldest) < 0 {
			a.worsen(No)
			a.say("%s: %s compiles for GPUs from %s on", d, f, b.Oldest.SM())
		} else {
			x.run("%s compiles for it", f)
		}
	case ok && b.lists(x.Platform):
		if b.serves(d.Capability) {
			x.run("%s has code, by envpack's table: its wheel was not read", f)
		} else {
			a.worsen(No)
			a.say("%s: %s has no code for it, by envpack's table: its wheel was not read", d, f)
			x.elsewhere(a, f, d)
		}
	default:
		a.worsen(Unknown)
		if !slices.ContainsFunc(x.unread, func(i Item) bool { return i.Name == f.Name }) {
			x.unread = append(x.unread, f)
		}
	}
}

// elsewhere names the newest release in the table that has code for the GPU.
func (x *examiner) elsewhere(a *Answer, f Item, d Device) {
	builds := facts().builds[f.Name]
	for _, b := range slices.Backward(builds) {
		if b.serves(d.Capability) {
			a.propose(Try{Constraint: f.Name + b.Versions}, "%s %s for CUDA %s has code for %s, by envpack's table", f.Name, strings.TrimPrefix(b.Versions, "=="), b.CUDA, d)
			break
		}
	}
	a.remedy("take %s out of the devices", d)
}

// serves tells whether a build has code that a GPU runs.
func (b build) serves(c Capability) bool {
	for _, g := range b.gpus {
		if g.runsOn(c) {
			return true
		}
	}
	for _, p := range b.ptx {
		if p.Compare(c) <= 0 {
			return true
		}
	}
	return false
}

// known is the build in the table that a package is: that for its CUDA, of those for its version. Where the package says which minor
// version it is for, another build's GPUs say nothing.
func (t *table) known(i Item) (build, bool) {
	var found build
	ok := false
	for _, b := range t.builds[i.Name] {
		switch of := i.brought.Version; {
		case !contains(b.specifiers, i.Version):
		case b.CUDA == of:
			return b, true
		case !ok && (of.IsZero() || of.Major == b.CUDA.Major && (of.Minor < 0 || b.CUDA.Minor < 0)):
			found, ok = b, true
		}
	}
	return found, ok
}

// compiling tells whether a package is known to compile what it needs while it runs.
func (t *table) compiling(i Item) bool {
	if b, ok := t.known(i); ok && !b.Oldest.isZero() {
		return true
	}
	return slices.ContainsFunc(t.compiles, func(pattern string) bool { return named(i.Name, pattern) })
}

func (c Capability) isZero() bool { return c == Capability{} }

// has names what a framework has code for.
func (x *examiner) has(f Item) string {
	main := Main(f.Libraries)
	if len(main) == 0 {
		if b, ok := facts().known(f); ok && !f.Measured && b.lists(x.Platform) {
			return list(b.gpus, b.ptx) + ", by envpack's table"
		}
		return ""
	}
	cubin, ptx := Has(main[0].Code)
	return list(cubin, ptx)
}

// list names capabilities: "sm_80, sm_90 and PTX for sm_90".
func list(cubin, ptx []Capability) string {
	var names, texts []string
	for _, c := range cubin {
		names = append(names, c.SM())
	}
	for _, c := range ptx {
		texts = append(texts, c.SM())
	}
	switch {
	case len(names) == 0 && len(texts) == 0:
		return "code for certain GPUs alone"
	case len(texts) == 0:
		return "code for " + strings.Join(names, ", ") + " and no PTX"
	case len(names) == 0:
		return "PTX for " + strings.Join(texts, ", ")
	}
	return "code for " + strings.Join(names, ", ") + " and PTX for " + strings.Join(texts, ", ")
}
