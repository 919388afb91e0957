// Package repository finds which of a project's files describe its environment, and says why these and not others.
//
// It reads names, and of some files as much as tells what they are; what they say is for the readers of their forms. Files of the
// root go before those of folders, what the README tells people to install before what it does not name, and locks before what
// they were made of.
package repository

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// Tree is a project's files.
type Tree struct {
	Names []string // relative to the project, with slashes, sorted
	Open  func(name string) ([]byte, error)
}

// Kind is what a file is for.
type Kind int

// The kinds, in the order in which they are looked at.
const (
	Lock        Kind = iota // exact versions of everything: uv.lock, poetry.lock, Pipfile.lock, pylock.toml, conda-lock.yml
	Environment             // an environment: environment.yml, requirements.txt
	Project                 // what a package requires: pyproject.toml, setup.py, setup.cfg, Pipfile
	Container               // a Dockerfile
	Detail                  // one thing of an environment: apt.txt, runtime.txt, .python-version
	Readme                  // a README
	Notebook                // a notebook
)

// Choice is a file with why it is taken or not.
type Choice struct {
	Name string
	Kind Kind
	Why  string
}

// Found is what was found.
type Found struct {
	Main    []Choice // say which packages: the first decides
	Details []Choice // say other things, in the order in which they count
	Others  []Choice // are not taken
}

var (
	environmentName  = pattern.New(`(?i)(env|conda)[\w.-]*\.ya?ml$`)
	requirementsName = pattern.New(`(?i)^(requirements?|reqs?|pip-requirements|pip_requirements)([._-][\w.-]*)?\.(txt|in|pip)$`)
	// aside are words in names of files that are for something else than running the project.
	aside = pattern.New(`(?i)(^|[._/-])(dev|devel|develop|development|tests?|testing|docs?|documentation|lint|linting|ci|build|style|format|mypy|types|optional|extras?|examples?|demo|web_demo|colab|tpu|cpu|mac|macos|osx|windows|win|m1|arm|arm64|rtd|readthedocs|notebooks?|tutorials?|benchmarks?|min|minimal|minimum|deploy|release|tools)([._/-]|$)`)
	// vendored are folders whose files are not the project's own.
	vendored = pattern.New(`(?i)(^|/)(node_modules|site-packages|dist-packages|third[_-]?party|3rdparty|vendor|vendors|external|externals|submodules|\.git|\.github|\.tox|\.venv|venv|\.eggs|build|dist)/`)
)

// Find chooses among a project's files. isConda tells whether a YAML file is one of conda's.
func Find(t Tree, isConda func(name string, data []byte) bool) *Found {
	f := &finder{tree: t, isConda: isConda, found: &Found{}}
	f.collect()
	f.choose()
	f.details()
	return f.found
}

// maxYAML is how many YAML files of any name are looked into.
const maxYAML = 200

type finder struct {
	tree    Tree
	isConda func(string, []byte) bool
	found   *Found
	all     []Choice // all that were found, by kind and place
	readme  string   // its text, in lower case
	yaml    int      // files that were looked into for being conda's
}

func dirOf(name string) string { return path.Dir(name) }

func depth(name string) int { return strings.Count(name, "/") }

// home tells whether a folder counts as the root: the project's own, and those that people keep descriptions of environments in.
func home(dir string) bool {
	switch strings.ToLower(dir) {
	case ".", "env", "envs", "environment", "environments", "conda", "conda_env", "requirements", "reqs", "docker", "binder", ".binder", "install", "setup", "config", "configs", ".devcontainer":
		return true
	}
	return false
}

// kindOf tells what a file is by its name.
func (f *finder) kindOf(name string) (Kind, bool) {
	base := strings.ToLower(path.Base(name))
	switch base {
	case "uv.lock", "poetry.lock", "pdm.lock", "pipfile.lock", "pylock.toml", "conda-lock.yml", "pixi.lock":
		return Lock, true
	case "pyproject.toml", "setup.py", "setup.cfg", "pipfile", "pixi.toml":
		return Project, true
	case "apt.txt", "runtime.txt", ".python-version", "postbuild":
		return Detail, true
	case "tox.ini":
		return Detail, dirOf(name) == "."
	case "containerfile":
		return Container, true
	}
	stem, _, _ := strings.Cut(base, ".")
	switch end := path.Ext(base); {
	case base == "dockerfile" || strings.HasPrefix(base, "dockerfile.") || end == ".dockerfile":
		return Container, true
	case stem == "readme" && (end == "" || end == ".md" || end == ".rst" || end == ".txt"):
		return Readme, dirOf(name) == "."
	case end == ".ipynb":
		return Notebook, true
	case requirementsName().MatchString(base), end == ".txt" && strings.EqualFold(path.Base(dirOf(name)), "requirements"):
		return Environment, true
	case (end == ".yml" || end == ".yaml") && (environmentName().MatchString(base) && depth(name) <= 2 || home(dirOf(name)) && f.yaml < maxYAML):
		f.yaml++
		data, err := f.tree.Open(name)
		return Environment, err == nil && len(data) < 1<<20 && f.isConda(name, data)
	}
	return 0, false
}

// collect finds all files that could say something.
func (f *finder) collect() {
	for _, name := range f.tree.Names {
		if vendored().MatchString(name) || depth(name) > 3 {
			continue
		}
		kind, ok := f.kindOf(name)
		if !ok {
			continue
		}
		if kind == Readme && f.readme == "" {
			if data, err := f.tree.Open(name); err == nil {
				f.readme = strings.ToLower(string(data[:min(len(data), 1<<20)]))
			}
		}
		f.all = append(f.all, Choice{Name: name, Kind: kind})
	}
}

// rank orders files that could say which packages there are: the first is the one.
type rank struct {
	Choice
	place int // 0 the root, 1 a folder for such files, then by depth
	aside bool
	named int // where the README names it, -1 nowhere
	usual bool
}

var usualNames = map[string]bool{"environment.yml": true, "environment.yaml": true, "requirements.txt": true, "conda_env.yml": true, "env.yml": true, "env.yaml": true, "conda.yml": true, "conda.yaml": true, "conda_environment.yml": true, "conda_environment.yaml": true, "base.txt": true, "main.txt": true}

func (f *finder) ranks(kinds ...Kind) []rank {
	var list []rank
	for _, c := range f.all {
		if !slices.Contains(kinds, c.Kind) {
			continue
		}
		base := strings.ToLower(path.Base(c.Name))
		r := rank{Choice: c, named: -1, usual: usualNames[base]}
		r.aside = c.Kind == Environment && aside().MatchString(strings.ToLower(c.Name)) && !strings.HasPrefix(base, "environment.") // binder/environment.yml is no aside
		switch dir := dirOf(c.Name); {
		case dir == ".":
		case home(dir):
			r.place = 1
		default:
			r.place = 2 + depth(c.Name)
		}
		if at := f.mentioned(c.Name); at >= 0 {
			r.named = at
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b rank) int { return a.compare(b) })
	return list
}

// compare puts the better first.
func (a rank) compare(b rank) int {
	order := func(x, y bool) int {
		switch {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	}
	if c := order(!a.aside, !b.aside); c != 0 {
		return c
	}
	if near, far := a.place <= 1, b.place <= 1; near != far {
		return order(near, far)
	}
	if c := order(a.named >= 0, b.named >= 0); c != 0 {
		return c
	}
	if a.named >= 0 && a.named != b.named {
		return a.named - b.named
	}
	if a.place != b.place {
		return a.place - b.place
	}
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	if c := order(a.usual, b.usual); c != 0 {
		return c
	}
	if c := order(conda(a.Name), conda(b.Name)); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

func conda(name string) bool {
	return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")
}

// mentioned is where the README tells to install a file, -1 if it does not.
func (f *finder) mentioned(name string) int {
	name = strings.ToLower(name)
	base := path.Base(name)
	switch base {
	case "setup.py", "pyproject.toml", "setup.cfg":
		if dirOf(name) != "." {
			return -1
		}
		return first(f.readme, "pip install -e .", "pip install .", "pip3 install -e .", "pip3 install .", "python setup.py install", "python setup.py develop", "pip install --editable .", "uv pip install -e .")
	case "uv.lock":
		return first(f.readme, "uv sync", "uv run")
	case "poetry.lock":
		return first(f.readme, "poetry install")
	case "pipfile.lock", "pipfile":
		return first(f.readme, "pipenv install", "pipenv sync")
	}
	at := -1
	for from := 0; from < len(f.readme); {
		i := strings.Index(f.readme[from:], base)
		if i < 0 {
			break
		}
		i += from
		from = i + len(base)
		line := f.readme[strings.LastIndexByte(f.readme[:i], '\n')+1 : i]
		if !strings.Contains(line, "install") && !strings.Contains(line, "conda") && !strings.Contains(line, "mamba") && !strings.Contains(line, "env ") && !strings.Contains(line, "create") {
			continue
		}
		word := line[strings.LastIndexAny(line, " \t`='\"(")+1:] // the folder before it
		if dir := dirOf(name); dir != "." && word != "" && !strings.HasSuffix(strings.TrimPrefix(word, "./"), dir+"/") {
			continue
		} else if dir == "." && strings.Trim(word, "./") != "" {
			continue
		}
		at = i
		break
	}
	return at
}

// first is where the first of some texts stands.
func first(text string, parts ...string) int {
	at := -1
	for _, p := range parts {
		if i := strings.Index(text, p); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at
}

// other notes a file that is not taken.
func (f *finder) other(c Choice, format string, args ...any) {
	c.Why = fmt.Sprintf(format, args...)
	f.found.Others = append(f.found.Others, c)
}
