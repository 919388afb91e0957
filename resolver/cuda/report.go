package cuda

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// Hosts is what an environment is to run on.
type Hosts struct {
	Driver  Driver   // the oldest; zero: not given
	Devices []Device // none: not given
	// Various: they are hosts of several kinds, so that those with a GPU which the oldest driver does not know have a newer one.
	Various bool
}

// DriverOf is the oldest driver of the hosts that have a GPU; zero: not given.
func (h Hosts) DriverOf(d Device) Driver {
	if first, _ := DriversFor(d.Capability); h.Various && !h.Driver.IsZero() && !h.Driver.Meets(first) {
		return first
	}
	return h.Driver
}

// Verdict answers a question.
type Verdict string

const (
	Yes     Verdict = "yes"
	No      Verdict = "no"
	Unknown Verdict = "unknown" // something that was asked for could not be judged
	None    Verdict = "none"    // there is nothing to judge: no GPU was named, or no CUDA is there
)

// Question is one of the four.
type Question string

const (
	Code     Question = "code"      // is there code for the GPUs?
	Runs     Question = "driver"    // does the driver run this CUDA?
	Provider Question = "libraries" // who brings the libraries of CUDA?
	CLibrary Question = "glibc"     // is the C library new enough?
)

// Answer is the answer to a question.
type Answer struct {
	Question Question `json:"question"`
	Verdict  Verdict  `json:"verdict"`
	Why      []string `json:"why"`      // sentences without a full stop
	Remedies []string `json:"remedies"` // what to do about a no
	// Device is the index in Hosts.Devices of the first GPU that the no is about; -1: none.
	Device int `json:"-"`
}

func (a *Answer) say(format string, args ...any) { a.Why = append(a.Why, fmt.Sprintf(format, args...)) }

func (a *Answer) remedy(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(a.Remedies, text) {
		a.Remedies = append(a.Remedies, text)
	}
}

// worsen makes the verdict at least as bad.
func (a *Answer) worsen(v Verdict) {
	order := []Verdict{None, Yes, Unknown, No}
	if slices.Index(order, v) > slices.Index(order, a.Verdict) {
		a.Verdict = v
	}
}

// Report is what is known of an environment on hosts.
type Report struct {
	Platform string
	CUDA     Version // that its packages bring; zero: none
	By       string  // the package that says so
	// Driver is the oldest that runs it on the GPUs that are named, and Requires the CUDA that a driver must bring for that.
	// Both are zero where that is not known.
	Driver   Driver
	Requires Version
	// PTX are the packages of which the GPUs that are named run compiled PTX, which Driver and Requires count in.
	PTX []string
	// Frameworks is the number of packages whose code is judged; Processor are builds without code for GPUs, with the reason.
	Frameworks int
	Processor  []string
	// Instead are what has code for GPUs in place of builds that have none, as far as that is known: "onnxruntime-gpu".
	Instead []string
	Mixed   bool     // packages are for several major versions of CUDA
	Answers []Answer // to the four questions, in their order
}

// OK tells whether nothing speaks against running it, and everything that was asked for could be judged.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Answers, func(a Answer) bool { return a.Verdict == No || a.Verdict == Unknown })
}

// examiner makes a report.
type examiner struct {
	Environment
	hosts      Hosts
	frameworks []Item
	report     Report
	ptx        Coverage // the most demanding that is relied on
	covered    []string // what runs on the GPU that is being judged
	unread     []Item   // frameworks of which nothing is known
	idle       []Item   // frameworks without code, of which it is not known whether they make some
}

// Examine judges an environment for hosts.
func Examine(e Environment, hosts Hosts) Report {
	x := &examiner{Environment: e, hosts: hosts, frameworks: e.Frameworks()}
	x.report.Platform, x.report.Frameworks = e.Platform, len(x.frameworks)
	for _, i := range e.Items {
		if i.brought.Role == Processor {
			x.report.Processor = append(x.report.Processor, fmt.Sprintf("%s is a build without code for GPUs: %s", i, i.brought.Reason))
		} else if instead := facts().without(i, e); instead != "" && len(i.Libraries) == 0 {
			x.report.Processor = append(x.report.Processor, fmt.Sprintf("%s is without code for GPUs, which %s has", i, instead))
			x.report.Instead = append(x.report.Instead, instead)
		}
	}
	v, by := e.Toolkit()
	if x.report.CUDA = v; !v.IsZero() {
		x.report.By = by.String()
	}
	code := x.code()
	x.floor()
	x.report.Answers = []Answer{code, x.runs(), x.provider(), x.cLibrary()}
	return x.report
}

// floor finds the oldest driver.
func (x *examiner) floor() {
	r := &x.report
	if r.CUDA.IsZero() {
		return
	}
	floor, known := Floor(r.CUDA)
	if !known {
		return
	}
	r.Driver, r.Requires = floor, Version{r.CUDA.Major, 0}
	if k, ok := facts().toolkit(r.CUDA); ok && k.Floor.IsZero() {
		r.Requires = k.CUDA // before CUDA 11 minor versions count
	}
	if !x.ptx.Driver.IsZero() && !floor.Meets(x.ptx.Driver) {
		r.Driver = x.ptx.Driver
		if x.ptx.CUDA.Compare(r.Requires) > 0 {
			r.Requires = x.ptx.CUDA
		}
	}
}

// runs answers whether the driver runs this CUDA.
func (x *examiner) runs() Answer {
	a := Answer{Question: Runs, Verdict: Yes, Device: -1}
	r := x.report
	driver := x.hosts.Driver
	switch {
	case r.CUDA.IsZero():
		a.Verdict = None
		a.say("no package brings CUDA")
		return a
	case r.Driver.IsZero():
		a.Verdict = Unknown
		a.say("CUDA %s (%s) is not in envpack's table, so neither is the driver that it needs", r.CUDA, r.By)
		return a
	}
	needs := fmt.Sprintf("CUDA %s (%s) runs with driver %s or newer", r.CUDA, r.By, r.Driver)
	if len(r.PTX) > 0 {
		needs = fmt.Sprintf("CUDA %s (%s) and the PTX of %s, which the driver compiles, need driver %s or newer", r.CUDA, r.By, strings.Join(r.PTX, ", "), r.Driver)
	}
	a.say("%s", needs)
	if driver.IsZero() {
		a.Verdict = None
		a.say("no driver was named")
		return a
	}
	if !driver.Meets(r.Driver) {
		a.Verdict = No
		a.Why[0] += fmt.Sprintf(", and driver %s, which brings CUDA %s, is older", driver, orUnknown(MaxCUDA(driver)))
		a.remedy("use hosts with driver %s or newer", r.Driver)
		known := func(d Device) bool { first, _ := DriversFor(d.Capability); return x.hosts.DriverOf(d).Meets(first) }
		if runs := MaxCUDA(driver); runs.Major < r.CUDA.Major && !runs.IsZero() && !slices.ContainsFunc(x.hosts.Devices, func(d Device) bool { return !known(d) }) {
			a.remedy(`lock with min-driver = "%s" below [gpu], which chooses packages for CUDA %d`, driver, runs.Major)
		}
	}
	for i, d := range x.hosts.Devices {
		first, last := DriversFor(d.Capability)
		if !x.hosts.DriverOf(d).Meets(first) {
			a.Device = i
			a.worsen(No)
			a.say("%s is known to drivers from branch %s on, and driver %s is older", d, first, driver)
			a.remedy("use hosts with a driver of branch %s or newer", first)
		} else if !last.IsZero() && driver.Branch() > last.Branch() {
			a.Device = i
			a.worsen(No)
			a.say("%s is known to drivers up to branch %s, and driver %s is newer", d, last, driver)
			a.remedy("use hosts with a driver of branch %s", last)
		}
	}
	return a
}

func orUnknown(v Version) string {
	if v.IsZero() {
		return "?"
	}
	return v.String()
}

// provider answers who brings the libraries of CUDA.
func (x *examiner) provider() Answer {
	a := Answer{Question: Provider, Verdict: Yes, Device: -1}
	majors := x.majors()
	libraries := x.libraries()
	switch {
	case len(majors) == 0:
		a.Verdict = None
		a.say("no package needs CUDA")
		return a
	case len(majors) > 1:
		a.Verdict, x.report.Mixed = No, true
		a.say("%s", mixture(majors))
		a.remedy("choose versions for one CUDA; cuda below [gpu] asks for one")
		return a
	}
	major := slices.Sorted(maps.Keys(majors))[0]
	switch {
	case len(libraries) > 0 && x.BaseAsked:
		a.say("CUDA %d's libraries come in part with NVIDIA's wheels (%s); the base %s brings the others that wheels ask for", major, namesOf(libraries), x.Base)
	case len(libraries) > 0:
		a.say("CUDA %d's libraries come with NVIDIA's wheels (%s)", major, namesOf(libraries))
		for _, f := range x.frameworks {
			if does := First(f.Name); does != "" && x.BaseCUDA == "" {
				a.say("%s finds them if the program %s first, and runs on the processor otherwise", f, does)
			}
		}
		if x.BaseCUDA != "" {
			a.say("the base %s has it too, by %s, which is not needed: libraries that are opened at run time may come from there", x.Base, x.BaseCUDA)
			return a
		}
		alone := slices.DeleteFunc(slices.Clone(x.frameworks), func(f Item) bool { return f.Measured || x.requiresLibraries(f) })
		if len(alone) > 0 {
			a.worsen(Unknown)
			a.say("whether these are all is not known: nothing that %s requires names them, and what was not read may ask for others", namesOf(alone))
		}
	case x.BaseCUDA != "":
		a.say("the base %s brings CUDA, by %s", x.Base, x.BaseCUDA)
	default:
		x.nobody(&a, major)
	}
	return a
}

func (x *examiner) nobody(a *Answer, major int) {
	for _, f := range x.frameworks {
		switch {
		case slices.ContainsFunc(f.Libraries, func(l Binary) bool { return isNVIDIAFile(l.Path) }):
			a.say("%s has CUDA's libraries in its own wheel", f)
		case !f.Measured:
			a.worsen(Unknown)
			a.say("whether %s has CUDA's libraries in its own wheel is not known, since that was not read", f)
		case x.BaseDoubt != "":
			a.worsen(Unknown)
			a.say("whether the base %s has the libraries of CUDA %d, for which %s is, is not known: %s", x.Base, major, f, x.BaseDoubt)
		default:
			a.worsen(No)
			a.say("nobody brings the libraries of CUDA %d, for which %s is", major, f)
			if with := facts().brings(f.Name); with != "" {
				a.remedy("require %s, which brings them", with)
			} else {
				a.remedy("require NVIDIA's packages, or cuda-toolkit with the extras that are needed, or set system.image to an image of CUDA")
			}
		}
	}
}

// brings is the requirement that brings CUDA's libraries with a framework, "" if none is known.
func (t *table) brings(name string) string {
	for _, line := range t.with {
		pattern, requirement, _ := strings.Cut(line, " ")
		if named(name, pattern) {
			return strings.ReplaceAll(requirement, "NAME", name)
		}
	}
	return ""
}

// First is what a program does before it uses a framework that does not find CUDA's libraries in NVIDIA's wheels by itself; "" where
// nothing is known to be needed: "calls onnxruntime.preload_dlls() or imports torch".
func First(name string) string {
	for _, line := range facts().first {
		if of, does, _ := strings.Cut(line, " "); of == name {
			return does
		}
	}
	return ""
}

// named tells whether a name is of a pattern, in which a * at the end stands for anything.
func named(name, pattern string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	return name == pattern || wild && strings.HasPrefix(name, prefix)
}

// cLibrary answers whether the C library is new enough.
func (x *examiner) cLibrary() Answer {
	a := Answer{Question: CLibrary, Verdict: Yes, Device: -1}
	if x.Glibc == "" {
		a.Verdict = None
		a.say("the base has no glibc whose version is known")
		return a
	}
	most, by, all := "", Item{}, true
	for _, i := range x.Items {
		all = all && i.Measured
		if newer(i.Glibc, most) {
			most, by = i.Glibc, i
		}
	}
	switch {
	case most == "" || !all && !newer(most, x.Glibc): // what was not read may need more
		a.say("the base has glibc %s, and every wheel is tagged for it or an older one", x.Glibc)
	case newer(most, x.Glibc):
		a.Verdict = No
		a.say("%s needs glibc %s, whatever its wheel's name says, and the base has %s", by, most, x.Glibc)
		a.remedy("choose a newer base with system.distro")
	default:
		a.say("the base has glibc %s, and the newest that a wheel needs is %s (%s)", x.Glibc, most, by)
	}
	return a
}

// newer compares two versions of glibc; "" is older than any.
func newer(a, b string) bool {
	x, _ := dotted(a, 3)
	y, _ := dotted(b, 3)
	return slices.Compare(x, y) > 0
}

// mixture says that packages are for several major versions of CUDA, and which for which.
func mixture(majors map[int][]Item) string {
	var sides []string
	for _, major := range slices.Sorted(maps.Keys(majors)) {
		sides = append(sides, fmt.Sprintf("%s for CUDA %d", namesOf(majors[major]), major))
	}
	return "packages are for several versions of CUDA, whose libraries are loaded into one process: " + strings.Join(sides, "; ")
}

// mostNamed bounds what is named of one kind.
const mostNamed = 3

// namesOf names the first few packages.
func namesOf(items []Item) string {
	var names []string
	for _, i := range items[:min(mostNamed, len(items))] {
		names = append(names, i.String())
	}
	if n := len(items) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// contains tells whether specifiers have a version, which may be malformed.
func contains(s pep440.Specifiers, version string) bool {
	v, err := pep440.Parse(version)
	return err == nil && s.Contains(v)
}
