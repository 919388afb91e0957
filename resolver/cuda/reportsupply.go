package cuda

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/elffile"
)

// provider answers who brings the libraries of CUDA: by what wheels ask for where that is known, else by which packages are there.
func (x *examiner) provider() Answer {
	a := Answer{Question: Provider, Verdict: Yes, Device: -1}
	majors := x.majors()
	uses := x.Supply != nil && len(x.Supply.Uses) > 0
	switch {
	case len(majors) == 0 && !uses:
		a.Verdict = None
		a.say("no package needs CUDA")
		x.caution(&a)
		return a
	case len(majors) > 1:
		a.Verdict, x.report.Mixed = No, true
		a.say("%s", mixture(majors))
		a.remedy("choose versions for one CUDA; cuda below [gpu] asks for one")
		return a
	}
	of := "CUDA"
	for major := range majors {
		of = fmt.Sprintf("CUDA %d", major)
	}
	libraries := x.libraries()
	switch {
	case x.Supply != nil || x.Locked:
		x.supplied(&a, of)
	case len(libraries) > 0 && x.BaseAsked:
		a.say("%s's libraries come in part with NVIDIA's wheels (%s); the base %s brings the others that wheels ask for", of, namesOf(libraries), x.Base)
	case len(libraries) > 0:
		a.say("%s's libraries come with NVIDIA's wheels (%s)", of, namesOf(libraries))
		x.first(&a)
		if x.BaseCUDA != "" {
			x.besides(&a)
			break
		}
		alone := slices.DeleteFunc(slices.Clone(x.frameworks), func(f Item) bool { return f.Measured || x.requiresLibraries(f) })
		if len(alone) > 0 {
			a.worsen(Unknown)
			a.say("whether these are all is not known: nothing that %s requires names them, and what was not read may ask for others", namesOf(alone))
		}
	case x.BaseCUDA != "":
		a.say("the base %s brings CUDA, by %s", x.Base, x.BaseCUDA)
	default:
		x.nobody(&a, of)
	}
	if older := x.olderCuDNN(); len(older) > 0 {
		a.Verdict, x.report.OldCuDNN = No, true
		a.Why = append(a.Why, older...)
		a.remedy("bring a newer cuDNN, or choose a release of the framework that was built with an older one")
	}
	x.caution(&a)
	return a
}

// supplied answers by what was read of the wheels, now or when they were locked.
func (x *examiner) supplied(a *Answer, of string) {
	libraries := x.libraries()
	var own, none []Item // that have what they ask for in their own wheels; that ask for nothing
	base := x.BaseAsked
	if x.Supply != nil {
		for _, f := range x.frameworks {
			asked := x.Supply.uses(f.Name, func(Use) bool { return true })
			switch {
			case len(asked) == 0 && x.ownCopies(f), len(asked) > 0 && len(x.Supply.uses(f.Name, func(u Use) bool { return u.From != f.Name })) == 0:
				own = append(own, f)
			case len(asked) == 0:
				none = append(none, f)
			}
		}
		base = slices.ContainsFunc(x.Supply.Uses, func(u Use) bool { return u.Base })
	}
	switch {
	case len(libraries) > 0 && base:
		a.say("%s's libraries come in part with NVIDIA's wheels (%s); the base %s brings the others that wheels ask for", of, namesOf(libraries), x.Base)
	case len(libraries) > 0 && len(x.Lacking)+len(x.askers(Use.nobodys)) > 0:
		a.say("%s's libraries come in part with NVIDIA's wheels (%s)", of, namesOf(libraries))
	case len(libraries) > 0:
		a.say("%s's libraries come with NVIDIA's wheels (%s)", of, namesOf(libraries))
	case base:
		a.say("the base %s brings CUDA%s", x.Base, by(x.BaseCUDA))
	case x.Supply == nil && len(x.Lacking) == 0:
		a.say("wheels bring what they ask for of %s's libraries, as was found when they were locked", of)
	}
	if len(own) > 0 {
		a.say("%s in %s", has(own, "CUDA's libraries"), wheels(own))
	}
	if len(none) > 0 && len(libraries) == 0 {
		a.say("%s no library of CUDA but the driver's: what is used is linked in, or opened by its own code", asks(none))
	}
	if len(libraries) > 0 {
		x.first(a)
	}
	if x.BaseCUDA != "" && !base {
		x.besides(a)
	}
	x.unmet(a)
}

// unmet tells of libraries that nobody brings, and of those that lie where nothing leads.
func (x *examiner) unmet(a *Answer) {
	for _, text := range x.Lacking {
		a.worsen(No)
		a.say("nobody brings %s", text)
		a.remedy("%s", anyBringer)
	}
	unreached := x.Stray
	if x.Supply != nil {
		for _, f := range x.askers(Use.nobodys) {
			names := some(x.Supply.uses(f.Name, Use.nobodys))
			if x.BaseDoubt != "" {
				a.worsen(Unknown)
				a.say("whether the base %s has %s, for which %s asks and which no wheel has, is not known: %s", x.Base, names, f, x.BaseDoubt)
				continue
			}
			a.worsen(No)
			a.say("nobody brings %s, for which %s asks", names, f)
			if with := facts().brings(f.Name); with != "" {
				a.propose(Try{Require: with}, "require %s, in a release that has it: it brings them", with)
			} else {
				a.remedy("%s", anyBringer)
			}
		}
		unreached = x.Unreached()
	}
	for _, text := range unreached {
		a.worsen(Unknown)
		a.say("%s, and neither a search path of its files nor what it requires leads there: it is not found unless the program opens it before", text)
		a.remedy("have the program open these libraries before it imports what asks for them (ctypes.CDLL with RTLD_GLOBAL)")
	}
}

const anyBringer = "require NVIDIA's packages, or cuda-toolkit with the extras that are needed, or set system.image to an image of CUDA"

// ownCopies tells whether a framework has libraries of NVIDIA's in its wheel.
func (x *examiner) ownCopies(f Item) bool {
	return slices.ContainsFunc(f.Libraries, func(l Binary) bool { return isNVIDIAFile(l.Path) })
}

// first says what has to come first.
func (x *examiner) first(a *Answer) {
	for _, f := range x.frameworks {
		lost := x.Supply == nil || len(x.Supply.uses(f.Name, Use.lost)) > 0
		if does := First(f.Name); does != "" && x.BaseCUDA == "" && lost {
			a.say("%s finds them if the program %s first, and runs on the processor otherwise", f, does)
		}
	}
}

// besides says that the base has CUDA as well.
func (x *examiner) besides(a *Answer) {
	a.say("the base %s has it too%s, which is not needed: libraries that are opened at run time may come from there", x.Base, by(x.BaseCUDA))
}

// caution adds what of the base may come in the way.
func (x *examiner) caution(a *Answer) { a.Why = append(a.Why, x.Cautions...) }

func by(what string) string {
	if what == "" {
		return ""
	}
	return ", by " + what
}

func has(items []Item, what string) string {
	if len(items) == 1 {
		return namesOf(items) + " has " + what
	}
	return namesOf(items) + " have " + what
}

func asks(items []Item) string {
	if len(items) == 1 {
		return namesOf(items) + " asks for"
	}
	return namesOf(items) + " ask for"
}

func wheels(items []Item) string {
	if len(items) == 1 {
		return "its own wheel"
	}
	return "their own wheels"
}

// nobody is for frameworks of which nothing but the packages is known.
func (x *examiner) nobody(a *Answer, of string) {
	for _, f := range x.frameworks {
		switch {
		case x.ownCopies(f):
			a.say("%s has CUDA's libraries in its own wheel", f)
		case x.BaseDoubt != "":
			a.worsen(Unknown)
			a.say("whether the base %s has the libraries of %s, for which %s is, is not known: %s", x.Base, of, f, x.BaseDoubt)
		default:
			a.worsen(Unknown)
			a.say("no package brings the libraries of %s, for which %s is: whether its wheel has what it asks for is not known, since that was not read", of, f)
			if with := facts().brings(f.Name); with != "" {
				a.propose(Try{Require: with}, "require %s, in a release that has it: it brings them", with)
			}
			a.remedy("lock with the wheels read (`envpack lock`, without --no-scan)")
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
	var untold []Item // of which neither the name nor the libraries say
	for _, i := range x.Items {
		all = all && i.Linked
		if !i.Linked && !x.Locked && i.untagged() {
			untold = append(untold, i)
		}
		if elffile.NewerLibc(i.Glibc, most) {
			most, by = i.Glibc, i
		}
	}
	switch {
	case elffile.NewerLibc(most, x.Glibc):
		a.Verdict = No
		a.say("%s needs glibc %s, whatever its wheel's name says, and the base has %s", by, most, x.Glibc)
		a.propose(Try{Glibc: most}, "choose a newer base with system.distro")
	case len(untold) > 0:
		a.Verdict = Unknown
		a.say("the base has glibc %s, and which one %s is not known: the tag linux_… of a wheel promises none, and it was not read", x.Glibc, needs(untold))
		a.remedy("lock with the wheels read (`envpack lock`, without --no-scan)")
	case most == "" || !all: // what was not read may need more
		a.say("the base has glibc %s, and every wheel is tagged for it or an older one", x.Glibc)
	default:
		a.say("the base has glibc %s, and the newest that a wheel needs is %s (%s)", x.Glibc, most, by)
	}
	return a
}

func needs(items []Item) string {
	if len(items) == 1 {
		return namesOf(items) + " needs"
	}
	return namesOf(items) + " need"
}

// untagged tells whether a wheel's platform tag says nothing of the C library, as linux_x86_64 does.
func (i Item) untagged() bool {
	name := strings.TrimSuffix(i.File, ".whl")
	tags := name[strings.LastIndex(name, "-")+1:]
	return slices.ContainsFunc(strings.Split(tags, "."), func(tag string) bool { return strings.HasPrefix(tag, "linux_") })
}

// mixture says that packages are for several major versions of CUDA, and which for which.
func mixture(majors map[int][]Item) string {
	var sides []string
	for _, major := range slices.Sorted(maps.Keys(majors)) {
		sides = append(sides, fmt.Sprintf("%s for CUDA %d", namesOf(majors[major]), major))
	}
	return "packages are for several versions of CUDA, whose libraries are loaded into one process: " + strings.Join(sides, "; ")
}
