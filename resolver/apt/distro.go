package apt

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// distribution is a release of a distribution: data only, so that adding one is adding a row.
type distribution struct {
	name     string // "debian:12"
	codename string // also accepted after the colon
	alias    string // likewise; "" for none
	python   string // minor version of its command python3, "3.11"
	others   []string
	pockets  []pocket
	// apart is the package that holds parts of the standard library for all minor versions of the release at once:
	// python3-distutils (distutils, and lib2to3 in python3-lib2to3, on which it depends), or python3-lib2to3 where
	// the release's Python has no distutils; "" where it has neither.
	apart string
}

// pocket is a part of a release that is signed and updated on its own, or an archive of others.
type pocket struct {
	name, archive, suite string
	components           []string // none: a flat repository
	keys                 string   // beginning of the names of the embedded keys that sign it; "" for none
	// suiteOnly tells that all pockets have one codename, so that the field Codename proves nothing.
	suiteOnly bool
	extra     *Archive // of others
}

// root is a package that every base has, and why: the reason is shown to people.
type root struct {
	name, reason string
	python       bool // belongs to the interpreter: left out where another brings it
}

// baseRoots are a small ordinary userland, in which a shell, usual scripts and `dpkg -l` work. Most are
// what Debian calls essential, on which packages need not depend (policy 3.8); what essential has for
// booting and logging in is left out. Every known release has all of them.
var baseRoots = []root{
	{name: "base-files", reason: "the file system's top, /etc/os-release, licences"},
	{name: "base-passwd", reason: "users and groups"},
	{name: "bash", reason: "login shell"},
	{name: "ca-certificates", reason: "HTTPS"},
	{name: "coreutils", reason: "commands that scripts expect (essential)"},
	{name: "dash", reason: "/bin/sh"},
	{name: "debianutils", reason: "which, run-parts (essential)"},
	{name: "diffutils", reason: "diff, cmp (essential)"},
	{name: "dpkg", reason: "listing and checking what is installed"},
	{name: "findutils", reason: "find, xargs (essential)"},
	{name: "grep", reason: "commands that scripts expect (essential)"},
	{name: "gzip", reason: "commands that scripts expect (essential)"},
	{name: "hostname", reason: "commands that scripts expect (essential)"},
	{name: "libc-bin", reason: "the C.UTF-8 locale, ldconfig, getent"},
	{name: "libgomp1", reason: "OpenMP, which many compiled wheels load"},
	{name: "libstdc++6", reason: "C++ run-time library, which manylinux wheels expect"},
	{name: "mawk", reason: "awk"},
	{name: "netbase", reason: "/etc/protocols and /etc/services, for socket.getservbyname"},
	{name: "sed", reason: "commands that scripts expect (essential)"},
	{name: "tar", reason: "commands that scripts expect (essential)"},
	{name: "tzdata", reason: "time zones, for zoneinfo"},
}

func debian(number, codename, python string, others ...string) distribution {
	main := []string{"main"}
	return distribution{
		name: "debian:" + number, codename: codename, python: python, others: others,
		pockets: []pocket{
			{name: "release", archive: "debian", suite: codename, components: main, keys: "debian-"},
			{name: "updates", archive: "debian", suite: codename + "-updates", components: main, keys: "debian-"},
			{name: "security", archive: "debian-security", suite: codename + "-security", components: main, keys: "debian-"},
		},
	}
}

// ubuntu takes universe too: python3.N-venv is there, and the interpreters besides the default one.
func ubuntu(number, codename, python string, others ...string) distribution {
	both := []string{"main", "universe"}
	return distribution{
		name: "ubuntu:" + number, codename: codename, python: python, others: others,
		pockets: []pocket{
			{name: "release", archive: "ubuntu", suite: codename, components: both, keys: "ubuntu-", suiteOnly: true},
			{name: "updates", archive: "ubuntu", suite: codename + "-updates", components: both, keys: "ubuntu-", suiteOnly: true},
			{name: "security", archive: "ubuntu-security", suite: codename + "-security", components: both, keys: "ubuntu-", suiteOnly: true},
		},
	}
}

func (d distribution) called(alias string) distribution { d.alias = alias; return d }
func (d distribution) with(apart string) distribution   { d.apart = apart; return d }

// distributions are in the order of preference: Debian's stable releases, the newest first, Ubuntu's with
// long support, and testing, whose releases expire within a week. Python 3.11 of Ubuntu 22.04 is a
// release candidate, and therefore not listed. Ubuntu 26.10's indexes have no SHA-256, which locks need.
var distributions = []distribution{
	debian("13", "trixie", "3.13"),
	debian("12", "bookworm", "3.11").with("python3-distutils"),
	debian("11", "bullseye", "3.9").with("python3-distutils"),
	ubuntu("26.04", "resolute", "3.14"),
	ubuntu("24.04", "noble", "3.12").with("python3-lib2to3"),
	ubuntu("22.04", "jammy", "3.10").with("python3-distutils"),
	ubuntu("20.04", "focal", "3.8", "3.9").with("python3-distutils"),
	ubuntu("18.04", "bionic", "3.6", "3.7", "3.8").with("python3-distutils"),
	ubuntu("16.04", "xenial", "3.5"),
	debian("14", "forky", "3.14", "3.13", "3.15").called("testing"),
}

// Distribution is a release of a distribution that is known.
type Distribution struct {
	Name     string   // "debian:12"
	Codename string   // "bookworm"
	Python   string   // minor version of its command python3
	Pythons  []string // all minor versions that it has, Python first
	Testing  bool     // not released yet: it changes daily, and old states of it expire within a week
}

// Distributions lists what is known, in the order of preference.
func Distributions() []Distribution {
	var all []Distribution
	for i := range distributions {
		d := &distributions[i]
		all = append(all, d.exported())
	}
	return all
}

// WithPython finds the distribution for a minor version of Python: the first whose default it is, else the
// first that has it.
func WithPython(minor string) (Distribution, bool) {
	all := Distributions()
	for _, fits := range []func(Distribution) bool{
		func(d Distribution) bool { return d.Python == minor && !d.Testing },
		func(d Distribution) bool { return slices.Contains(d.Pythons, minor) },
	} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], true
		}
	}
	return Distribution{}, false
}

func (d *distribution) pythons() []string { return append([]string{d.python}, d.others...) }

// rootsOf lists the base's packages with the minor version of Python; "" is the default one.
func (d *distribution) rootsOf(python string) ([]root, error) {
	if python == "" {
		python = d.python
	}
	if !slices.Contains(d.pythons(), python) {
		err := diag.New(diag.Manifest, "%s has no Python %s, but %s", d.name, python, strings.Join(d.pythons(), ", "))
		if other, ok := WithPython(python); ok {
			err = err.Hint("%s has it", other.Name)
		}
		return nil, err
	}
	roots := append(slices.Clone(baseRoots), root{name: "python" + python, reason: "the interpreter", python: true})
	if python == d.python {
		roots = append(roots, root{name: "python3-minimal", reason: "the command python3", python: true})
	}
	roots = append(roots, root{name: "python" + python + "-venv", reason: "ensurepip and python -m venv", python: true})
	if d.apart != "" {
		roots = append(roots, root{name: d.apart, reason: "distutils and lib2to3, which the standard library had up to 3.11 and 3.12", python: true})
	}
	return roots, nil
}

// findDistribution accepts "debian:12" and "debian:bookworm".
func findDistribution(name string) (*distribution, error) {
	var known []string
	for i := range distributions {
		d := &distributions[i]
		family, _, _ := strings.Cut(d.name, ":")
		if name == d.name || name == family+":"+d.codename || d.alias != "" && name == family+":"+d.alias {
			return d, nil
		}
		known = append(known, d.name)
	}
	return nil, diag.New(diag.Manifest, "distribution %q is not known", name).
		Hint("known are %s", strings.Join(known, ", "))
}

// choose returns the wanted pockets in the distribution's order, for the architecture; none wanted is all.
func (d *distribution) choose(wanted []string, architecture string) ([]pocket, error) {
	want := map[string]bool{}
	for _, w := range wanted {
		want[w] = true
	}
	var chosen []pocket
	for _, p := range d.pockets {
		if len(wanted) == 0 || want[p.name] {
			p.archive = archiveFor(p.archive, architecture)
			chosen = append(chosen, p)
			delete(want, p.name)
		}
	}
	for _, w := range wanted {
		if want[w] {
			return nil, diag.New(diag.Manifest, "%s has no pocket %q", d.name, w).
				Hint("pockets are release, updates and security")
		}
	}
	return chosen, nil
}

// archiveFor is the archive that has the architecture: Ubuntu's has only two, all pockets of others are in its ports.
func archiveFor(archive, architecture string) string {
	if strings.HasPrefix(archive, "ubuntu") && architecture != "amd64" && architecture != "i386" {
		return "ubuntu-ports"
	}
	return archive
}
