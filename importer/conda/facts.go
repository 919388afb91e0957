package conda

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

//go:embed facts.toml
var factsText string

//go:embed names.txt
var namesText string

// release is a project of the index from its first release on.
type release struct {
	Index string `toml:"index"`
	First string `toml:"first"` // PEP 440; "": whatever there is
	Since string `toml:"since"` // the day of the upload, 2006-01-02
}

// has tells whether one of the versions was on the index on a day (2006-01-02; "" is any).
func (r *release) has(b Bounds, day string) bool {
	if r.First == "" {
		return true
	}
	from := pep440.FromSpecifiers(pep440.MustParseSpecifiers(">=" + r.First))
	return !b.Set.Disjoint(from) && (day == "" || day >= r.Since)
}

// project is one of [[project]] in facts.toml, which says what the keys mean.
type project struct {
	Conda    []string `toml:"conda"`
	Versions string   `toml:"versions"`
	Earlier  *release `toml:"earlier"`
	Part     bool     `toml:"part"`
	GPU      *struct {
		Index string `toml:"index"`
		Below string `toml:"below"`
	} `toml:"gpu"`
	ByCUDA  string   `toml:"by-cuda"`
	With    []string `toml:"with"`
	Note    string   `toml:"note"`
	Instead string   `toml:"instead"`
	Frozen  string   `toml:"frozen"`
	Source  string   `toml:"source"`
	release
}

type kindOf struct {
	Why   string   `toml:"why"`
	Names []string `toml:"names"`
}

type formOf struct {
	Match  string `toml:"match"`
	Left   string `toml:"left"`
	Passed string `toml:"passed"`
	re     *regexp.Regexp
}

// facts are facts.toml and names.txt, as they are looked up.
type facts struct {
	Project []*project        `toml:"project"`
	Names   map[string]string `toml:"names"`
	CUDA    struct {
		Version  []string `toml:"version"`
		Passed   []string `toml:"passed"`
		Patterns []string `toml:"patterns"`
		CPU      []string `toml:"cpu"`
		Users    []string `toml:"users"`
	} `toml:"cuda"`
	System   map[string][]string `toml:"system"`
	Newer    map[string][]string `toml:"newer"`
	Passed   []kindOf            `toml:"passed"`
	Left     []kindOf            `toml:"left"`
	Pattern  []formOf            `toml:"pattern"`
	Channels struct {
		Known []string `toml:"known"`
	} `toml:"channels"`

	projects map[string]*project
	passed   map[string]string
	left     map[string]string
	ofCUDA   []*regexp.Regexp
	// usersOfCUDA are projects of the index that compute on GPUs.
	usersOfCUDA []*regexp.Regexp
}

var table = sync.OnceValue(func() *facts {
	f, err := readFacts(factsText, namesText)
	if err != nil {
		panic("importer/conda: facts.toml: " + err.Error())
	}
	return f
})

func readFacts(text, names string) (*facts, error) {
	f := &facts{projects: map[string]*project{}, passed: map[string]string{}, left: map[string]string{}}
	meta, err := toml.Decode(text, f)
	if err != nil {
		return nil, err
	}
	if keys := meta.Undecoded(); len(keys) > 0 {
		return nil, fmt.Errorf("unknown key %s", keys[0])
	}
	for _, p := range f.Project {
		for _, name := range p.Conda {
			if f.projects[name] != nil {
				return nil, fmt.Errorf("%s stands in two projects", name)
			}
			f.projects[name] = p
		}
	}
	add := func(to map[string]string, list []kindOf) error {
		for _, k := range list {
			for _, name := range k.Names {
				if to[name] != "" || f.projects[name] != nil {
					return fmt.Errorf("%s stands here twice", name)
				}
				to[name] = k.Why
			}
		}
		return nil
	}
	if err := add(f.passed, f.Passed); err != nil {
		return nil, err
	}
	if err := add(f.left, f.Left); err != nil {
		return nil, err
	}
	for i := range f.Pattern {
		if f.Pattern[i].re, err = regexp.Compile(f.Pattern[i].Match); err != nil {
			return nil, err
		}
	}
	if f.ofCUDA, err = compiled(f.CUDA.Patterns); err != nil {
		return nil, err
	}
	if f.usersOfCUDA, err = compiled(f.CUDA.Users); err != nil {
		return nil, err
	}
	for line := range strings.Lines(names) {
		conda, index, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			return nil, fmt.Errorf("names.txt: %q", line)
		}
		if _, ok := f.Names[conda]; !ok && f.projects[conda] == nil {
			f.Names[conda] = index
		}
	}
	return f, nil
}

func compiled(patterns []string) ([]*regexp.Regexp, error) {
	var list []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, err
		}
		list = append(list, re)
	}
	return list, nil
}

// kind is what a package of conda is.
type kind int

const (
	ofIndex kind = iota
	ofCUDA       // its version is the toolkit's
	ofCPU        // it says that no GPU is wanted
	ofSystem
	ofNothing
	ofConda // only conda has it
)

// what a name is, and why. For ofIndex, sure tells whether a fact says so: else it is what was left.
func (f *facts) what(s Spec) (k kind, why string, sure bool) {
	name := s.Name
	_, named := f.Names[name]
	switch {
	case f.projects[name] != nil, named:
		return ofIndex, "", true
	case slices.Contains(f.CUDA.Version, name):
		return ofCUDA, "", true
	case slices.Contains(f.CUDA.CPU, name):
		return ofCPU, "", true
	case f.left[name] != "":
		return ofConda, f.left[name], true
	case len(f.Newer[name]) > 0 && !isPythonBuild(s.Build):
		return ofConda, "newer releases of the distributions have it: system.packages = [\"" + strings.Join(f.Newer[name], `", "`) + "\"]", true
	case f.passed[name] != "":
		return ofNothing, f.passed[name], true
	case slices.Contains(f.CUDA.Passed, name), matches(f.ofCUDA, name):
		return ofNothing, "wheels or the base bring CUDA's libraries", true
	case isPythonBuild(s.Build):
		return ofIndex, "", false
	case len(f.System[name]) > 0:
		return ofSystem, "", true
	}
	for _, p := range f.Pattern {
		switch {
		case !p.re.MatchString(name):
		case p.Left != "":
			return ofConda, p.Left, true
		default:
			return ofNothing, p.Passed, true
		}
	}
	if isOtherBuild(s.Build) {
		return ofNothing, "its build, " + s.Build + ", is for no Python: it is a library or a tool", false
	}
	return ofIndex, "", false
}

func matches(list []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(name) })
}

// name is what the index calls a package that no [[project]] is about.
func (f *facts) name(conda string) string {
	if index, ok := f.Names[conda]; ok {
		return index
	}
	return conda
}

// isPythonBuild tells whether a build string names Python, as py38h578d9bd_0, pyhd8ed1ab_0 and py_1 do. The rest of a build is
// a hash in hexadecimal digits.
func isPythonBuild(build string) bool { return strings.Contains(build, "py") }

// isOtherBuild tells whether a build string is nothing but a hash and a number, as h7f98852_4 is.
func isOtherBuild(build string) bool {
	hash, number, ok := strings.Cut(build, "_")
	return ok && len(hash) == 8 && hash[0] == 'h' && strings.Trim(hash[1:], "0123456789abcdef") == "" &&
		number != "" && strings.Trim(number, "0123456789") == ""
}

// normal is a project's name for comparisons, without extras.
func normal(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return pep508.NormalizeName(name)
}

// known tells whether a channel is one that many use, so that a name in it means what it means elsewhere. It may be an address, and
// have a platform behind it.
func (f *facts) known(channel string) bool {
	channel = strings.TrimRight(channel, "/")
	if channel == "" || strings.Contains(channel, "/pkgs/") {
		return true
	}
	for _, part := range strings.Split(channel, "/") {
		if slices.Contains(f.Channels.Known, part) {
			return true
		}
	}
	return false
}
