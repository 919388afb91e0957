package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/pep440"
)

// distros is a source of every known distribution, each of which has the last number 3 of its Pythons. What is
// wanted besides is a package, unless it is called "nowhere".
type distros struct {
	fakeBase
	asked     []string // "debian:12 3.11 amd64: tool"
	published string   // version of what is published; "" for nothing
	own       string   // version of the manifest's own archive
	needed    []string // of either
	notBefore []string
}

func (d *distros) Base(ctx context.Context, want apt.Options) (*apt.Result, error) {
	asked := want.Distro + " " + want.Python + " " + want.Architecture
	if want.OmitPython {
		asked += " without Python"
	}
	if len(want.System) > 0 {
		asked += ": " + strings.Join(want.System, ", ")
	}
	d.asked = append(d.asked, asked)
	for key := range want.NotBefore {
		d.notBefore = append(d.notBefore, key)
	}
	r, err := fakeBase{want.Python + ".3"}.Base(ctx, want)
	for _, text := range want.System {
		if text == "nowhere" {
			return nil, &apt.WantError{Want: text, Err: diag.New(diag.NoAnswer, "there is no package %s", text)}
		}
		name, rest, _ := strings.Cut(text, " ")
		version := strings.TrimSuffix(strings.TrimPrefix(rest, "(= "), ")")
		if version == "" {
			version = "1.0"
		}
		r.Debs = append(r.Debs, apt.Deb{
			Name: name, Version: version, Architecture: want.Architecture, Archive: "debian", Path: "pool/" + name + want.Architecture + ".deb",
			SHA256: hashOf(text + want.Architecture), Size: 1, System: true,
		})
	}
	return r, err
}

func (d *distros) interpreter(version, platform string) (*Interpreter, error) {
	if version == "" {
		return nil, nil
	}
	return &Interpreter{Interpreter: lockfile.Interpreter{
		Target: platform, Version: version, Path: "python.tar.gz", SHA256: hashOf(version + platform), Size: 1,
	}, Needed: d.needed}, nil
}

func (d *distros) Published(_ context.Context, python manifest.Python, platform string) (*Interpreter, error) {
	if v, err := pep440.Parse(d.published); err != nil || !python.Specifiers.Contains(v) {
		return nil, nil
	}
	return d.interpreter(d.published, platform)
}

func (d *distros) Interpreter(_ context.Context, _ manifest.PythonArchive, platform string) (*Interpreter, error) {
	return d.interpreter(d.own, platform)
}

// scanner finds that every wheel needs the libraries, and which package has which.
type scanner struct {
	needed []string
	none   error // of the index of files
}

func (s scanner) Objects(_ context.Context, wheels []Wheel) ([][]elffile.Object, error) {
	all := make([][]elffile.Object, len(wheels))
	for i := range all {
		all[i] = []elffile.Object{{Path: "w/_w.abi3.so", Type: 3, Class: 2, Machine: 62, Needed: s.needed}}
	}
	return all, nil
}

func (scanner) Knows(Wheel) bool { return true }

func (s scanner) Contents(context.Context, apt.Options) (*apt.Contents, error) {
	if s.none != nil {
		return nil, s.none
	}
	return &apt.Contents{}, nil
}

func python(m *manifest.Manifest, text string) *manifest.Manifest {
	specs := text
	if !strings.ContainsAny(text, "<>=~!") {
		specs = "==" + text
		if strings.Count(text, ".") < 2 {
			specs += ".*"
		}
	}
	m.Python = manifest.Python{Text: text, Specifiers: pep440.MustParseSpecifiers(specs)}
	return m
}

func lockOn(d *distros, m *manifest.Manifest, scan Scanner, o Options) (*lockfile.Lock, error) {
	o.Now = published.AddDate(1, 0, 0)
	w := newWorld()
	w.add("a", "1.0", rel{})
	return Resolve(context.Background(), m, Sources{Packages: w, Base: d, Scan: scan}, o)
}

// lockedOn is a lock with nothing but a distribution.
func lockedOn(distro string) *lockfile.Lock {
	return &lockfile.Lock{Base: lockfile.Base{Distro: distro}}
}

// TestPythonPicksTheBase: the wanted Python picks the distribution, or an archive on the best of them.
func TestPythonPicksTheBase(t *testing.T) {
	for name, c := range map[string]struct {
		python, distro string
		published      string
		own            bool
		options        Options
		want           string // distribution, Python, and whether it is of an archive; else the beginning of the error
	}{
		"the newest of Debian":               {python: ">=3.9", want: "debian:13 3.13.3"},
		"Debian's own":                       {python: "3.11", want: "debian:12 3.11.3"},
		"Ubuntu's own":                       {python: "3.10", want: "ubuntu:22.04 3.10.3"},
		"not of Debian's testing":            {python: "3.14", want: "ubuntu:26.04 3.14.3"},
		"Debian's testing alone":             {python: "3.15", want: "debian:14 3.15.3"},
		"one's own before a further one":     {python: "3.9", want: "debian:11 3.9.3"},
		"a further one":                      {python: "3.7", want: "ubuntu:18.04 3.7.3"},
		"the last number counts":             {python: "3.11.3", want: "debian:12 3.11.3"},
		"another last number":                {python: "3.11.9", published: "3.11.9", want: "debian:13 3.11.9 archive"},
		"another last number, nowhere":       {python: "3.11.9", want: `no base has a Python that "3.11.9" allows`},
		"a range between":                    {python: ">3.11.3,<3.12", published: "3.11.9", want: "debian:13 3.11.9 archive"},
		"a minor that no distribution has":   {python: "3.4", want: `no base has a Python that "3.4" allows`},
		"the manifest's distribution":        {python: ">=3.9", distro: "ubuntu:22.04", want: "ubuntu:22.04 3.10.3"},
		"by its codename":                    {python: ">=3.9", distro: "ubuntu:jammy", want: "ubuntu:22.04 3.10.3"},
		"its further one":                    {python: "3.9", distro: "ubuntu:20.04", want: "ubuntu:20.04 3.9.3"},
		"what it lacks":                      {python: "3.12", distro: "debian:12", published: "3.12.4", want: "debian:12 3.12.4 archive"},
		"what it lacks, nowhere":             {python: "3.12", distro: "debian:12", want: `no base has a Python that "3.12" allows`},
		"testing, if it is named":            {python: ">=3.9", distro: "debian:testing", want: "debian:14 3.14.3"},
		"an unknown one":                     {python: "3.12", distro: "fedora:40", want: `distribution "fedora:40" is not known`},
		"one's own archive":                  {python: "3.12", own: true, want: "debian:13 3.12.7 archive"},
		"one's own archive, somewhere":       {python: "3.12", own: true, distro: "debian:12", want: "debian:12 3.12.7 archive"},
		"one's own archive of another":       {python: "3.11", own: true, want: "system.python-archive has Python 3.12.7, and the manifest wants 3.11"},
		"the lock's stays":                   {python: ">=3.9", options: Options{Previous: lockedOn("debian:12")}, want: "debian:12 3.11.3"},
		"the lock's further one stays":       {python: "3.9", options: Options{Previous: lockedOn("ubuntu:20.04")}, want: "ubuntu:20.04 3.9.3"},
		"the lock's testing stays":           {python: ">=3.14", options: Options{Previous: lockedOn("debian:14")}, want: "debian:14 3.14.3"},
		"the lock's with an archive stays":   {python: "3.11.9", published: "3.11.9", options: Options{Previous: lockedOn("ubuntu:22.04")}, want: "ubuntu:22.04 3.11.9 archive"},
		"the lock's does not fit":            {python: "3.13", options: Options{Previous: lockedOn("debian:12")}, want: "debian:13 3.13.3"},
		"the lock's is none":                 {python: "3.13", options: Options{Previous: lockedOn("none")}, want: "debian:13 3.13.3"},
		"upgrading chooses anew":             {python: ">=3.9", options: Options{Previous: lockedOn("debian:12"), Upgrade: true}, want: "debian:13 3.13.3"},
		"upgrading the base does not":        {python: ">=3.9", options: Options{Previous: lockedOn("debian:12"), UpgradeBase: true}, want: "debian:12 3.11.3"},
		"nor does looking for what is newer": {python: ">=3.9", options: Options{Previous: lockedOn("debian:12"), Upgrade: true, KeepDistro: true}, want: "debian:12 3.11.3"},
		"the manifest's before the lock's":   {python: ">=3.9", distro: "debian:11", options: Options{Previous: lockedOn("debian:12")}, want: "debian:11 3.9.3"},
	} {
		t.Run(name, func(t *testing.T) {
			m := python(project("a"), c.python)
			m.Distro = c.distro
			d := &distros{published: c.published}
			if c.own {
				d.own = "3.12.7"
				m.System.Pythons = []manifest.PythonArchive{{Path: "python.tar.gz"}}
			}
			l, err := lockOn(d, m, nil, c.options)
			got := ""
			if err != nil {
				got = strings.Split(err.Error(), "\n")[0]
				if diag.CodeOf(err) != diag.Manifest {
					t.Errorf("code %d", diag.CodeOf(err))
				}
			} else {
				got = l.Base.Distro + " " + l.Targets[0].Python
				if len(l.Base.Interpreters) == 1 && l.Base.Interpreters[0].Target == "linux/amd64" {
					got += " archive"
				}
			}
			if got != c.want {
				t.Errorf("%s, want %s; asked for %v", got, c.want, d.asked)
			}
			if err == nil && (len(l.Choices) != 1 || l.Choices[0].Kind != "python" || l.Choices[0].Value != l.Base.Distro) {
				t.Errorf("choices %+v", l.Choices)
			}
			if c.want != "" && strings.HasSuffix(c.want, "archive") && !strings.HasSuffix(d.asked[len(d.asked)-1], "without Python") {
				t.Errorf("asked for %v", d.asked)
			}
		})
	}
}

// TestReasons: why a base was chosen is true.
func TestReasons(t *testing.T) {
	for want, m := range map[string]*manifest.Manifest{
		`the distribution's own Python fits "3.11"`:         python(project("a"), "3.11"),
		`no distribution has a Python that "3.11.9" allows`: python(project("a"), "3.11.9"),
		`debian:12 has no Python that "==3.11.9" allows`:    python(project("a"), "==3.11.9"),
		`the manifest names the interpreter`:                python(project("a"), "3.11.9"),
	} {
		d := &distros{published: "3.11.9", own: "3.11.9"}
		switch {
		case strings.HasPrefix(want, "debian"):
			m.Distro = "debian:12"
		case strings.HasPrefix(want, "the manifest"):
			m.System.Pythons = []manifest.PythonArchive{{Path: "python.tar.gz"}}
		}
		l, err := lockOn(d, m, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Choices[0].Reason; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestInterpretersByPlatform: each platform has its own archive, and none may be without.
func TestInterpretersByPlatform(t *testing.T) {
	m := python(project("a"), "3.12")
	m.Platforms = []string{"linux/amd64", "linux/arm64"}
	m.System.Pythons = []manifest.PythonArchive{{Platform: "linux/arm64", Path: "arm.tar.gz"}, {Platform: "linux/amd64", Path: "amd.tar.gz"}}
	d := &distros{own: "3.12.7"}
	l, err := lockOn(d, m, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range l.Base.Interpreters {
		got = append(got, i.Target)
	}
	if diff := cmp.Diff(m.Platforms, got); diff != "" {
		t.Error(diff)
	}
	m.System.Pythons = m.System.Pythons[:1]
	if _, err := lockOn(d, m, nil, Options{}); diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), "names no interpreter for linux/amd64") {
		t.Error(err)
	}
}

// TestNone: without a distribution Python is stated in full, and nothing is asked of any.
func TestNone(t *testing.T) {
	m := python(project("a"), "3.12.4")
	m.Distro = lockfile.NoDistro
	d := &distros{own: "3.12.7"}
	l, err := lockOn(d, m, scanner{needed: []string{"libGL.so.1"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Base.Distro != lockfile.NoDistro || l.Targets[0].Python != "3.12.4" || l.Targets[0].Glibc != "2.28" || len(d.asked) != 0 || len(l.Choices) != 0 {
		t.Errorf("%+v, asked for %v", l, d.asked)
	}
	m = python(m, ">=3.12")
	if _, err := lockOn(d, m, nil, Options{}); diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), `and ">=3.12" is not`) {
		t.Error(err)
	}
	m.System.Pythons = []manifest.PythonArchive{{Path: "python.tar.gz"}}
	if l, err = lockOn(d, m, nil, Options{}); err != nil || l.Targets[0].Python != "3.12.7" || len(l.Base.Interpreters) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	m.System.Archives = []manifest.Archive{{Name: "vendor", Pos: diag.Position{File: "envpack.toml", Line: 7}}}
	if _, err := lockOn(d, m, nil, Options{}); diag.CodeOf(err) != diag.Manifest || diag.PositionOf(err).Line != 7 {
		t.Error(err)
	}
}

// TestSystemPackages: packages are asked for as Debian writes relations, and an error about one has its place.
func TestSystemPackages(t *testing.T) {
	m := python(project("a"), "3.11")
	m.Platforms = []string{"linux/amd64", "linux/arm64"}
	m.System.Packages = []manifest.SystemPackage{{Text: "tool"}, {Text: "ffmpeg=7:5.1.6-0+deb12u1"}}
	d := &distros{}
	l, err := lockOn(d, m, nil, Options{Previous: &lockfile.Lock{Base: lockfile.Base{
		Distro: "debian:12", Releases: []lockfile.Release{{Archive: "debian", Suite: "bookworm", Date: published}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"debian:12 3.11 amd64: tool, ffmpeg (= 7:5.1.6-0+deb12u1)", "debian:12 3.11 arm64: tool, ffmpeg (= 7:5.1.6-0+deb12u1)"}
	if diff := cmp.Diff(want, d.asked); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(d.notBefore, "debian bookworm") {
		t.Errorf("older releases are not refused: %v", d.notBefore)
	}
	var system []string
	for _, deb := range l.Base.Debs {
		if deb.System {
			system = append(system, deb.Name+" "+deb.Version)
		}
	}
	if diff := cmp.Diff([]string{"ffmpeg 7:5.1.6-0+deb12u1", "ffmpeg 7:5.1.6-0+deb12u1", "tool 1.0", "tool 1.0"}, system); diff != "" {
		t.Error(diff)
	}
	m.System.Packages = append(m.System.Packages, manifest.SystemPackage{Text: "nowhere", Pos: diag.Position{File: "envpack.toml", Line: 9, Col: 2}})
	if _, err := lockOn(d, m, nil, Options{}); diag.CodeOf(err) != diag.NoAnswer || diag.PositionOf(err).Line != 9 {
		t.Errorf("%v at %v", err, diag.PositionOf(err))
	}
}

// found is a lock that has a library.
func found(distro string) *lockfile.Lock {
	l := lockedOn(distro)
	l.Choices = []lockfile.Choice{{Kind: lockfile.LibraryChoice, Name: "libfoo.so.1", Value: "libfoo1", Target: "linux/amd64", Reason: "a: w needs libfoo.so.1"}}
	return l
}

// TestLibraries: what was found stays where nobody looks, or cannot look; what nobody has is said.
func TestLibraries(t *testing.T) {
	missing := diag.New(diag.NoAnswer, "no contents index")
	for name, c := range map[string]struct {
		scan    Scanner
		auto    bool
		options Options
		want    string // packages of the distribution that were found
		warning string
		fails   bool
	}{
		"nothing needed":               {scan: scanner{}, auto: true},
		"nobody has it":                {scan: scanner{needed: []string{"libfoo.so.1"}}, auto: true, warning: "a: no package of debian:12 has libfoo.so.1"},
		"gone from the distribution":   {scan: scanner{needed: []string{"libfoo.so.1"}}, auto: true, options: Options{Previous: found("debian:12")}, warning: "no package of debian:12 has libfoo.so.1"},
		"no index":                     {scan: scanner{needed: []string{"libfoo.so.1"}, none: missing}, auto: true, warning: "was not looked up"},
		"no index, found before":       {scan: scanner{needed: []string{"libfoo.so.1"}, none: missing}, auto: true, options: Options{Previous: found("debian:12")}, want: "libfoo1", warning: "what the lock had of them stays"},
		"another index than promised":  {scan: scanner{needed: []string{"libfoo.so.1"}, none: diag.New(diag.Mismatch, "another")}, auto: true, options: Options{Previous: found("debian:12")}, want: "libfoo1", warning: "another"},
		"the index cannot be fetched":  {scan: scanner{needed: []string{"libfoo.so.1"}, none: diag.New(diag.Fetch, "down")}, auto: true, fails: true},
		"not looked for":               {scan: scanner{needed: []string{"libfoo.so.1"}}, auto: true, options: Options{NoScan: true}},
		"not looked for, found before": {scan: scanner{}, auto: true, options: Options{NoScan: true, Previous: found("debian:12")}, want: "libfoo1"},
		"nobody to look":               {auto: true, options: Options{Previous: found("debian:12")}, want: "libfoo1"},
		"found elsewhere":              {scan: scanner{}, auto: true, options: Options{NoScan: true, Previous: found("debian:11")}, warning: "were found in debian:11, and the base is debian:12 now"},
		"not wanted":                   {scan: scanner{needed: []string{"libfoo.so.1"}}, options: Options{Previous: found("debian:12")}},
		"not needed any more":          {scan: scanner{}, auto: true, options: Options{Previous: found("debian:12")}},
	} {
		t.Run(name, func(t *testing.T) {
			m := python(project("a"), "3.11")
			m.System.Auto = c.auto
			var warnings []string
			c.options.Warn = func(text string) { warnings = append(warnings, text) }
			l, err := lockOn(&distros{}, m, c.scan, c.options)
			if (err != nil) != c.fails {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			var got, chosen []string
			for _, d := range l.Base.Debs {
				if d.System {
					got = append(got, d.Name)
				}
			}
			for _, x := range l.Choices {
				if x.Kind == lockfile.LibraryChoice {
					chosen = append(chosen, x.Value)
				}
			}
			if strings.Join(got, " ") != c.want || strings.Join(chosen, " ") != c.want {
				t.Errorf("packages %v, choices %v, want %q", got, chosen, c.want)
			}
			if text := strings.Join(warnings, "\n"); (text != "") != (c.warning != "") || !strings.Contains(text, c.warning) {
				t.Errorf("warned %q, want %q", text, c.warning)
			}
		})
	}
}

// TestInterpreterNeeds: the libraries of an interpreter from an archive are looked for like those of wheels, on either
// architecture.
func TestInterpreterNeeds(t *testing.T) {
	m := python(project("a"), "3.12")
	m.Platforms = []string{"linux/amd64", "linux/arm64"}
	m.System.Pythons = []manifest.PythonArchive{{Path: "python.tar.gz"}}
	m.System.Auto = true
	var warnings []string
	_, err := lockOn(&distros{own: "3.12.7", needed: []string{"libneeded.so.1"}}, m, scanner{}, Options{Warn: func(text string) { warnings = append(warnings, text) }})
	if err != nil {
		t.Fatal(err)
	}
	want := "python: no package of debian:13 has libneeded.so.1; what needs it does not work in the image"
	if diff := cmp.Diff([]string{want, want}, warnings); diff != "" {
		t.Error(diff)
	}
}

// TestBaseErrors: what a source says goes through, with its code.
func TestBaseErrors(t *testing.T) {
	for _, code := range []diag.Code{diag.Fetch, diag.Mismatch, diag.NoAnswer} {
		_, err := Resolve(context.Background(), python(project(), "3.11"), Sources{Packages: newWorld(), Base: failing{code: code}}, Options{Now: published})
		if diag.CodeOf(err) != code || !errors.Is(err, errBase) || !strings.Contains(err.Error(), "choosing the base debian:12 for linux/amd64") {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

var errBase = errors.New("a reason")

type failing struct {
	fakeBase
	code diag.Code
}

func (f failing) Base(context.Context, apt.Options) (*apt.Result, error) {
	return nil, fmt.Errorf("somewhere: %w", diag.Wrap(errBase, f.code, "a cause"))
}
