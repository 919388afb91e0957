package library

import (
	_ "embed"
	"fmt"
	"path"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/resolver/pep440"
)

//go:embed facts.toml
var factsText string

// fact says what a project's wheels open only at run time.
type fact struct {
	Project   string   `toml:"project"`   // normalised name
	Versions  string   `toml:"versions"`  // specifiers; "" is all
	Pure      bool     `toml:"pure"`      // only of wheels without ELF files
	Libraries []string `toml:"libraries"` // file names of libraries
	Commands  []string `toml:"commands"`
	Loads     []string `toml:"loads"` // patterns of paths in the wheel: plug-ins that are in fact needed
	Soft      bool     `toml:"soft"`  // the wheel does without, where the distribution has none
	Source    string   `toml:"source"`

	specifiers pep440.Specifiers
}

// facts reads the embedded table, once.
var facts = sync.OnceValues(func() ([]fact, error) {
	var table struct {
		Fact []fact `toml:"fact"`
	}
	meta, err := toml.Decode(factsText, &table)
	if err != nil {
		return nil, fmt.Errorf("reading the table of run-time libraries: %w", err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("reading the table of run-time libraries: unknown key %s", unknown[0])
	}
	for i := range table.Fact {
		f := &table.Fact[i]
		if f.specifiers, err = pep440.ParseSpecifiers(f.Versions); err != nil {
			return nil, fmt.Errorf("reading the table of run-time libraries: %s: %w", f.Project, err)
		}
	}
	return table.Fact, nil
})

// statedNeeds are the needs that the table knows for the wheels.
func statedNeeds(wheels []Wheel) ([]need, error) {
	all, err := facts()
	if err != nil {
		return nil, err
	}
	var needs []need
	for _, w := range wheels {
		for _, f := range all {
			if f.Project != w.Name || f.Pure && len(w.Objects) > 0 {
				continue
			}
			version, err := pep440.Parse(w.Version)
			if err != nil {
				return nil, fmt.Errorf("wheel %s: %w", w.Name, err)
			}
			if !f.specifiers.Contains(version) {
				continue
			}
			for _, file := range f.Libraries {
				needs = append(needs, need{Need: Need{File: file, Wheel: w.Name, By: f.Source}, soft: f.Soft})
			}
			for _, command := range f.Commands {
				needs = append(needs, need{Need: Need{File: command, Command: true, Wheel: w.Name, By: f.Source}, soft: f.Soft})
			}
		}
	}
	return needs, nil
}

// isStatedModule tells whether the table says that a wheel needs the file, though nothing links with it.
func isStatedModule(wheel, name string) bool {
	all, err := facts()
	if err != nil {
		return false // statedNeeds reports it
	}
	for _, f := range all {
		if f.Project != wheel {
			continue
		}
		for _, pattern := range f.Loads {
			if ok, _ := path.Match(pattern, name); ok {
				return true
			}
		}
	}
	return false
}
