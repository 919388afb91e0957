package apt

import (
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// distribution is a release of a distribution: data only, so that adding one is adding a row.
type distribution struct {
	name     string // "debian:12"
	codename string // also accepted after the colon
	python   string // minor version of its Python, "3.11"
	pockets  []pocket
	roots    []root // besides baseRoots
}

// pocket is a part of a release that is signed and updated on its own.
type pocket struct {
	name, archive, suite string
}

// root is a package that every base has, and why: the reason is shown to people.
type root struct {
	name, reason string
	python       bool // belongs to the interpreter: left out where another brings it
}

var components = []string{"main"}

// baseRoots are a small ordinary userland, in which a shell, usual scripts and `dpkg -l` work. Most are
// what Debian calls essential, on which packages need not depend (policy 3.8); what essential has for
// booting and logging in is left out.
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

func debian(number, codename, python string, more ...root) distribution {
	return distribution{
		name:     "debian:" + number,
		codename: codename,
		python:   python,
		pockets: []pocket{
			{"release", "debian", codename},
			{"updates", "debian", codename + "-updates"},
			{"security", "debian-security", codename + "-security"},
		},
		roots: append([]root{
			{name: "python" + python, reason: "the interpreter", python: true},
			{name: "python3-minimal", reason: "the command python3", python: true},
			{name: "python" + python + "-venv", reason: "ensurepip and python -m venv", python: true},
		}, more...),
	}
}

// distutils was part of the standard library up to 3.11; Debian ships it apart.
var distutils = root{name: "python3-distutils", reason: "distutils, which the standard library had up to 3.11", python: true}

var distributions = []distribution{
	debian("11", "bullseye", "3.9", distutils),
	debian("12", "bookworm", "3.11", distutils),
	debian("13", "trixie", "3.13"),
}

// findDistribution accepts "debian:12" and "debian:bookworm".
func findDistribution(name string) (*distribution, error) {
	var known []string
	for i := range distributions {
		d := &distributions[i]
		family, _, _ := strings.Cut(d.name, ":")
		if name == d.name || name == family+":"+d.codename {
			return d, nil
		}
		known = append(known, d.name)
	}
	sort.Strings(known)
	return nil, diag.New(diag.Manifest, "distribution %q is not known", name).
		Hint("known are %s", strings.Join(known, ", "))
}

// choose returns the wanted pockets in the distribution's order; none wanted is all.
func (d *distribution) choose(wanted []string) ([]pocket, error) {
	if len(wanted) == 0 {
		return d.pockets, nil
	}
	want := map[string]bool{}
	for _, w := range wanted {
		want[w] = true
	}
	var chosen []pocket
	for _, p := range d.pockets {
		if want[p.name] {
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
