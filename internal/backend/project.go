package backend

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/pattern"
)

// legacyBackend runs setup.py as pip does where a project names no backend (PEP 517, Source trees).
const legacyBackend = "setuptools.build_meta:__legacy__"

// Project is what a project says of its build.
type Project struct {
	// Requires are the build requirements, PEP 508: of [build-system], or what a setup.py without it needs, with those
	// of its setup_requires that can be read.
	Requires []string
	// Backend is the object that has the hooks: "hatchling.build".
	Backend string
	// BackendPath are folders of the project that the backend is imported from.
	BackendPath []string
	// Legacy says that there is no [build-system]: the project was written to be built in the environment itself, with what
	// is installed there.
	Legacy bool
	// Compiles says that the build calls compilers.
	Compiles bool
	// Tools are what it calls, sorted: of "c", "c++", "cmake", "cuda", "fortran", "go", "meson", "pkg-config", "rust", "swig".
	Tools []string
	// Why tells what Compiles was seen by: "setup.py has ext_modules"; "" where it is false.
	Why string
}

// maxText bounds what is read of a file.
const maxText = 4 << 20

// Inspect reads what a project says of its build. Nothing is run. Links are followed as far as dir lets them: that of a source from
// elsewhere is of an [os.Root], which they do not lead out of.
//
// Errors: a pyproject.toml that is not TOML or does not keep to PEP 518; a folder with neither pyproject.toml nor setup.py.
func Inspect(dir fs.FS) (*Project, error) {
	setup, hasSetup, err := text(dir, "setup.py")
	if err != nil {
		return nil, err
	}
	config, _, err := text(dir, "setup.cfg")
	if err != nil {
		return nil, err
	}
	toml, hasTOML, err := text(dir, "pyproject.toml")
	if err != nil {
		return nil, err
	}
	if !hasSetup && !hasTOML {
		return nil, errors.New("it has neither a pyproject.toml nor a setup.py: nothing says how it is built")
	}
	p := &Project{Legacy: true, Backend: legacyBackend}
	doc, err := readPyProject(toml)
	if err != nil {
		return nil, fmt.Errorf("its pyproject.toml: %w", err)
	}
	if b := doc.BuildSystem; b != nil {
		if b.Requires == nil {
			return nil, errors.New("its pyproject.toml: [build-system] has no requires, which PEP 518 asks for")
		}
		p.Legacy, p.Requires, p.BackendPath = false, slices.Clone(*b.Requires), b.Path
		if b.Backend != "" {
			p.Backend = b.Backend
		}
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("its pyproject.toml: %w", err)
	}
	if p.Backend == legacyBackend {
		// PEP 517 has a project without a backend built with setuptools and wheel, whether it names them or not.
		p.need("setuptools")
		p.need("wheel")
		for _, r := range setupRequires(dir, setup, config) {
			p.need(r)
		}
	}
	p.compiles(dir, setup, config, doc)
	return p, nil
}

// text reads a file; ok tells whether it is there.
func text(dir fs.FS, name string) (content string, ok bool, err error) {
	f, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading %s: %w", name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return "", false, nil
	}
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return "", false, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > maxText {
		return "", false, fmt.Errorf("%s has more than %d bytes", name, maxText)
	}
	return string(data), true, nil
}

// pyproject is what counts of a pyproject.toml.
type pyproject struct {
	BuildSystem *struct {
		Requires *[]string `toml:"requires"`
		Backend  string    `toml:"build-backend"`
		Path     []string  `toml:"backend-path"`
	} `toml:"build-system"`
	Tool struct {
		Poetry struct {
			Build any `toml:"build"`
		} `toml:"poetry"`
		Setuptools struct {
			Extensions []any `toml:"ext-modules"`
		} `toml:"setuptools"`
	} `toml:"tool"`
}

func readPyProject(data string) (doc pyproject, err error) {
	if _, err := toml.Decode(data, &doc); err != nil {
		return doc, fmt.Errorf("not as PEP 518 has it: %w", err)
	}
	return doc, nil
}

var backendName = pattern.New(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?$`)

func (p *Project) check() error {
	if !backendName().MatchString(p.Backend) {
		return fmt.Errorf("build-backend is %q, which names no object of Python", p.Backend)
	}
	for _, dir := range p.BackendPath {
		if clean := path.Clean(dir); path.IsAbs(dir) || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(dir, `\`) {
			return fmt.Errorf("backend-path names %q, which is not in the project", dir)
		}
	}
	return nil
}

// need adds a requirement, unless there is one of the same project.
func (p *Project) need(requirement string) {
	name := nameOf(requirement)
	if !slices.ContainsFunc(p.Requires, func(r string) bool { return nameOf(r) == name }) {
		p.Requires = append(p.Requires, requirement)
	}
}

var (
	leadingName = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]*`)
	separators  = pattern.New(`[-_.]+`)
)

// nameOf is the normalised name at the beginning of a requirement, "" if there is none.
func nameOf(requirement string) string {
	name := leadingName().FindString(strings.TrimSpace(requirement))
	return separators().ReplaceAllString(strings.ToLower(strings.TrimRight(name, "-_.")), "-")
}
