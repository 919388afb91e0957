package cudabase

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/pep440"
)

//go:embed facts.toml
var factsText string

// group is libraries that come together.
type group struct {
	Names []string `toml:"names"`
	Part  string   `toml:"part"`
	Deb   string   `toml:"deb"`
	Wheel string   `toml:"wheel"`
	// Sonames are what follows ".so." in a version of CUDA: a minor one, "11.0", or all others of a major one.
	Sonames map[string][]string `toml:"sonames"`
}

// habit says which libraries a framework opens by name, or does without.
type habit struct {
	Projects  []string `toml:"projects"`
	Versions  string   `toml:"versions"`  // specifiers; "": all
	Libraries []string `toml:"libraries"` // names without ".so"
	Files     []string `toml:"files"`     // file names
	// Architecture is the only one whose wheels do, as Debian names it; "": all.
	Architecture string `toml:"architecture"`
	Source       string `toml:"source"`

	specifiers pep440.Specifiers
}

// release is NVIDIA's images of a release of CUDA.
type release struct {
	Version string   `toml:"version"`
	CuDNN   string   `toml:"cudnn"`   // how tags call it
	Distros []string `toml:"distros"` // as tags call them, ascending
	Kept    bool     `toml:"kept"`

	cuda cuda.Version
}

type table struct {
	groups     []group
	byName     map[string]*group // by name of a library, without ".so"
	opens      []habit
	spares     []habit
	repository string
	releases   []release // ascending
}

// facts reads the embedded table, once. A mistake in it is one in envpack.
var facts = sync.OnceValue(func() *table {
	t, err := readFacts(factsText)
	if err != nil {
		panic("reading the table of CUDA's images: " + err.Error())
	}
	return t
})

func readFacts(text string) (*table, error) {
	var raw struct {
		Libraries struct {
			Source []string `toml:"source"`
			Group  []group  `toml:"group"`
		} `toml:"libraries"`
		Opens  []habit `toml:"opens"`
		Spares []habit `toml:"spares"`
		Images struct {
			Repository string    `toml:"repository"`
			Source     []string  `toml:"source"`
			Release    []release `toml:"release"`
		} `toml:"images"`
	}
	meta, err := toml.Decode(text, &raw)
	if err != nil {
		return nil, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("unknown key %s", unknown[0])
	}
	t := &table{groups: raw.Libraries.Group, byName: map[string]*group{}, opens: raw.Opens, spares: raw.Spares, repository: raw.Images.Repository, releases: raw.Images.Release}
	for i := range t.groups {
		g := &t.groups[i]
		if !slices.Contains(parts, g.Part) {
			return nil, fmt.Errorf("%s: no image begins with %q", g.Names[0], g.Part)
		}
		for _, name := range g.Names {
			t.byName[name] = g
		}
	}
	for _, list := range [][]habit{t.opens, t.spares} {
		for i := range list {
			if list[i].specifiers, err = pep440.ParseSpecifiers(list[i].Versions); err != nil {
				return nil, fmt.Errorf("%s: %w", list[i].Projects[0], err)
			}
			for _, name := range list[i].Libraries {
				if t.byName[name] == nil {
					return nil, fmt.Errorf("%s: no group has %s", list[i].Projects[0], name)
				}
			}
		}
	}
	for i := range t.releases {
		if t.releases[i].cuda, err = cuda.ParseVersion(t.releases[i].Version); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// library finds the group of a file name such as libcublas.so.12, and what follows ".so.". nil: it is none of CUDA's.
func (t *table) library(soname string) (g *group, number string) {
	name, number, ok := strings.Cut(soname, ".so.")
	if !ok {
		return nil, ""
	}
	return t.byName[name], number
}

// in is what follows ".so." in a version of CUDA. Of a major version alone it is that of the last minor versions.
func (g *group) in(v cuda.Version) []string {
	if numbers, ok := g.Sonames[v.String()]; ok {
		return numbers
	}
	return g.Sonames[strconv.Itoa(v.Major)]
}

// majors are the major versions of CUDA that have a library of this number, ascending. cuDNN and NCCL have numbers of their own.
func (g *group) majors(number string) []int {
	var list []int
	for version, numbers := range g.Sonames {
		v, err := cuda.ParseVersion(version)
		if err == nil && slices.Contains(numbers, number) && !slices.Contains(list, v.Major) {
			list = append(list, v.Major)
		}
	}
	slices.Sort(list)
	return list
}

// soname is a library's file name in a version of CUDA, of cuDNN that of its own version. "" if that CUDA has none.
func (t *table) soname(name string, v, cudnn cuda.Version) string {
	g := t.byName[name]
	numbers := g.in(v)
	switch {
	case g.Part == cudnnPart && !cudnn.IsZero():
		return name + ".so." + strconv.Itoa(cudnn.Major)
	case len(numbers) == 0:
		return ""
	}
	return name + ".so." + numbers[len(numbers)-1]
}

// of finds what a list says of a wheel for an architecture. Errors: a version that is none.
func of(list []habit, name, version, architecture string) ([]habit, error) {
	var found []habit
	for _, h := range list {
		if !slices.Contains(h.Projects, name) || h.Architecture != "" && h.Architecture != architecture {
			continue
		}
		v, err := pep440.Parse(version)
		if err != nil {
			return nil, fmt.Errorf("wheel %s: %w", name, err)
		}
		if h.specifiers.Contains(v) {
			found = append(found, h)
		}
	}
	return found, nil
}
