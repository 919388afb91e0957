package cuda

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/resolver/pep440"
)

//go:embed facts.toml
var factsText string

// toolkit is what is known of a minor version of the toolkit.
type toolkit struct {
	CUDA   Version `toml:"cuda"`
	Driver Driver  `toml:"driver"` // that came with its first release: the oldest that compiles its PTX
	Floor  Driver  `toml:"floor"`  // the oldest that runs what it compiled; zero: Driver
	PTX    Version `toml:"ptx"`    // version of the instruction set that its compiler writes
	GPUs   string  `toml:"gpus"`

	gpus []Capability // ascending
}

// floor is the oldest driver that runs what the toolkit compiled for a GPU.
func (t toolkit) floor() Driver {
	if t.Floor.IsZero() {
		return t.Driver
	}
	return t.Floor
}

// build is a build of a framework.
type build struct {
	Versions string     `toml:"versions"` // specifiers; "": all
	CUDA     Version    `toml:"cuda"`
	CuDNN    Version    `toml:"cudnn"`
	GPUs     string     `toml:"gpus"`
	PTX      string     `toml:"ptx"`
	Oldest   Capability `toml:"oldest"`

	specifiers pep440.Specifiers
	gpus, ptx  []Capability
}

// table is the embedded facts.
type table struct {
	toolkits      []toolkit // ascending
	branches      []branch  // ascending
	dropped       []dropped
	devices       map[string]Capability // by plain name
	deviceNames   []string              // in the table's order
	architectures []architecture
	builds        map[string][]build // by package
	architecture  map[string]string  // by package: the only one, as platforms name it, whose builds have code for GPUs
	with          []string           // "PATTERN REQUIREMENT"
	first         []string           // "PACKAGE WHAT A PROGRAM DOES"
	compiles      []string           // patterns
	trimmed       []trimmed
	troubles      []trouble
	processor     []processor
}

// processor is a package without code for GPUs that has a counterpart with some.
type processor struct {
	Name    string   `toml:"name"`
	Beside  []string `toml:"beside"`  // patterns of packages that have it, where they are there
	Instead string   `toml:"instead"` // for people: the requirement
	Source  string   `toml:"source"`
}

// without is what has code for GPUs in place of a package of an environment, "" if it is there or none is known.
func (t *table) without(i Item, e Environment) string {
	for _, p := range t.processor {
		there := func(name string) bool {
			return slices.ContainsFunc(p.Beside, func(pattern string) bool { return named(name, pattern) })
		}
		if _, found := e.item(there); p.Name == i.Name && !found {
			return p.Instead
		}
	}
	return ""
}

// Instead are what has code for GPUs in place of a package without, by the table, as requirements: "jax[cuda13]"; the best first.
func Instead(name string) []string {
	for _, p := range facts().processor {
		if p.Name == name {
			return strings.Split(p.Instead, " or ")
		}
	}
	return nil
}

// trouble is about releases that fail on GPUs for which they have code.
type trouble struct {
	Name     string     `toml:"name"`
	Versions string     `toml:"versions"`
	GPUs     Capability `toml:"gpus"`
	What     string     `toml:"what"`
	Source   string     `toml:"source"`

	specifiers pep440.Specifiers
}

// trimmed is a library that leaves out older GPUs from a version on.
type trimmed struct {
	Name     string     `toml:"name"`
	Versions string     `toml:"versions"`
	Oldest   Capability `toml:"oldest"`
	Before   string     `toml:"before"` // specifiers of the versions that do not
	Source   string     `toml:"source"`

	specifiers pep440.Specifiers
}

// branch is a branch of the driver.
type branch struct {
	driver Driver
	cuda   Version // that it brings
}

type dropped struct {
	Below Capability `toml:"below"`
	Last  Driver     `toml:"last"`
}

type architecture struct {
	name   string
	groups []gpuGroup
}

type gpuGroup struct {
	Number       Capability `toml:"number"`
	Architecture string     `toml:"architecture"`
	Names        []string   `toml:"names"`
}

// examples names each capability with a GPU or two that have it.
func (a architecture) examples() string {
	var list []string
	for _, g := range a.groups {
		list = append(list, fmt.Sprintf("%s (%s)", g.Number.SM(), strings.Join(g.Names[:min(2, len(g.Names))], ", ")))
	}
	return strings.Join(list, ", ")
}

// facts reads the embedded table, once. A test holds it against its own rules; a mistake in it is one in envpack.
var facts = sync.OnceValue(func() *table {
	t, err := readFacts(factsText)
	if err != nil {
		panic("reading the table of CUDA facts: " + err.Error())
	}
	return t
})

func readFacts(text string) (*table, error) {
	var raw struct {
		Toolkits struct {
			Source  []string  `toml:"source"`
			Release []toolkit `toml:"release"`
		} `toml:"toolkits"`
		Drivers struct {
			Source   []string `toml:"source"`
			Branches []string `toml:"branches"`
			Dropped  []struct {
				dropped
				Source string `toml:"source"`
			} `toml:"dropped"`
		} `toml:"drivers"`
		GPUs struct {
			Source     []string   `toml:"source"`
			Capability []gpuGroup `toml:"capability"`
		} `toml:"gpus"`
		Framework []struct {
			Name         string  `toml:"name"`
			Architecture string  `toml:"architecture"`
			Source       string  `toml:"source"`
			Builds       []build `toml:"builds"`
		} `toml:"framework"`
		Libraries struct {
			Source []string `toml:"source"`
			With   []string `toml:"with"`
			First  []string `toml:"first"`
		} `toml:"libraries"`
		Compiles struct {
			Source   []string `toml:"source"`
			Packages []string `toml:"packages"`
		} `toml:"compiles"`
		Trimmed   []trimmed   `toml:"trimmed"`
		Trouble   []trouble   `toml:"trouble"`
		Processor []processor `toml:"processor"`
	}
	meta, err := toml.Decode(text, &raw)
	if err != nil {
		return nil, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("unknown key %s", unknown[0])
	}
	t := &table{
		toolkits: raw.Toolkits.Release, devices: map[string]Capability{}, builds: map[string][]build{}, architecture: map[string]string{}, with: raw.Libraries.With, first: raw.Libraries.First, compiles: raw.Compiles.Packages, trimmed: raw.Trimmed, troubles: raw.Trouble, processor: raw.Processor,
	}
	for i := range t.troubles {
		if t.troubles[i].specifiers, err = pep440.ParseSpecifiers(t.troubles[i].Versions); err != nil {
			return nil, err
		}
	}
	for i := range t.trimmed {
		if t.trimmed[i].specifiers, err = pep440.ParseSpecifiers(t.trimmed[i].Versions); err != nil {
			return nil, err
		}
	}
	for i := range t.toolkits {
		if t.toolkits[i].gpus, err = capabilities(t.toolkits[i].GPUs); err != nil {
			return nil, err
		}
	}
	for _, text := range raw.Drivers.Branches {
		name, version, _ := strings.Cut(text, " ")
		var b branch
		if b.driver, err = ParseDriver(name); err == nil {
			b.cuda, err = ParseVersion(version)
		}
		if err != nil {
			return nil, err
		}
		t.branches = append(t.branches, b)
	}
	for _, d := range raw.Drivers.Dropped {
		t.dropped = append(t.dropped, d.dropped)
	}
	for _, g := range raw.GPUs.Capability {
		if n := len(t.architectures); n == 0 || t.architectures[n-1].name != g.Architecture {
			t.architectures = append(t.architectures, architecture{name: g.Architecture})
		}
		a := &t.architectures[len(t.architectures)-1]
		a.groups = append(a.groups, g)
		for _, name := range g.Names {
			t.devices[plain(name)] = g.Number
			t.deviceNames = append(t.deviceNames, name)
		}
	}
	for _, f := range raw.Framework {
		t.architecture[f.Name] = f.Architecture
		for _, b := range f.Builds {
			if b.specifiers, err = pep440.ParseSpecifiers(b.Versions); err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			if b.gpus, err = capabilities(b.GPUs); err == nil {
				b.ptx, err = capabilities(b.PTX)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			t.builds[f.Name] = append(t.builds[f.Name], b)
		}
	}
	return t, nil
}

func capabilities(text string) ([]Capability, error) {
	var list []Capability
	for _, word := range strings.Fields(text) {
		c, ok := parseCapability(word)
		if !ok {
			return nil, fmt.Errorf("%q is no capability", word)
		}
		list = append(list, c)
	}
	return list, nil
}

// toolkit finds a minor version of the toolkit. Of a major version it is the first.
func (t *table) toolkit(v Version) (toolkit, bool) {
	for _, k := range t.toolkits {
		if k.CUDA.Major == v.Major && (k.CUDA.Minor == v.Minor || v.Minor < 0) {
			return k, true
		}
	}
	return toolkit{}, false
}

// oldest and newest are the first and the last toolkit whose compiler knows a capability; zero: none does.
func (t *table) oldest(c Capability) Version { return t.edge(c, slices.All(t.toolkits)) }
func (t *table) newest(c Capability) Version { return t.edge(c, slices.Backward(t.toolkits)) }

func (t *table) edge(c Capability, order func(func(int, toolkit) bool)) Version {
	for _, k := range order {
		if slices.Contains(k.gpus, c) {
			return k.CUDA
		}
	}
	return Version{}
}

// capabilityNames are all that are known, ascending, as sm_90.
func (t *table) capabilityNames() []string {
	all := map[Capability]bool{}
	for _, k := range t.toolkits {
		for _, c := range k.gpus {
			all[c] = true
		}
	}
	var names []string
	for _, c := range slices.SortedFunc(maps.Keys(all), Capability.Compare) {
		names = append(names, c.SM())
	}
	return names
}
