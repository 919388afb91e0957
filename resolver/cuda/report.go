package cuda

import (
	"fmt"
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
	// Tries are changes of a manifest that remedies propose, by their texts: whether they give an answer is for who can resolve.
	Tries map[string]Try `json:"-"`
	// Device is the index in Hosts.Devices of the first GPU that the no is about; -1: none.
	Device int `json:"-"`
}

func (a *Answer) say(format string, args ...any) { a.Why = append(a.Why, fmt.Sprintf(format, args...)) }

func (a *Answer) remedy(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(a.Remedies, text) {
		a.Remedies = append(a.Remedies, text)
	}
}

// propose adds a remedy that changes the manifest.
func (a *Answer) propose(t Try, format string, args ...any) {
	if a.Tries == nil {
		a.Tries = map[string]Try{}
	}
	a.Tries[fmt.Sprintf(format, args...)] = t
	a.remedy(format, args...)
}

// Try is a change of a manifest: one of these.
type Try struct {
	CUDA       string // another range below [gpu]
	Driver     Driver // min-driver
	Constraint string // a further bound
	Require    string // a further requirement, or a requirement with further extras
	Glibc      string // a base with this version or a newer one
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
	// OnProcessor are the names of these packages, in their order.
	OnProcessor []string
	// Vain: one of these requires CUDA's libraries all the same.
	Vain bool
	// Instead are what has code for GPUs in place of builds that have none, as far as that is known: "onnxruntime-gpu".
	Instead []string
	Mixed   bool // packages are for several major versions of CUDA
	// OldCuDNN: the cuDNN that is there is older than what a framework was built with.
	OldCuDNN bool
	Answers  []Answer // to the four questions, in their order
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
			x.report.OnProcessor, x.report.Vain = append(x.report.OnProcessor, i.Name), x.report.Vain || x.requiresLibraries(i)
		} else if instead := facts().without(i, e); instead != "" && len(i.Libraries) == 0 {
			x.report.Processor = append(x.report.Processor, fmt.Sprintf("%s is without code for GPUs, which %s has", i, instead))
			x.report.OnProcessor = append(x.report.OnProcessor, i.Name)
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
			a.propose(Try{Driver: driver}, `lock with min-driver = "%s" below [gpu], which chooses packages for CUDA %d`, driver, runs.Major)
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
