package repository

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

var (
	staticProject = pattern.New(`(?m)^\s*(dependencies\s*=|\[tool\.poetry\.dependencies\]|\[tool\.flit\.metadata\]|requires\s*=)`)
	staticSetup   = pattern.New(`install_requires|requirements|extras_require`)
)

// declares tells whether a project's own file says what the project requires.
func (f *finder) declares(name string) bool {
	data, err := f.tree.Open(name)
	if err != nil {
		return false
	}
	switch path.Base(strings.ToLower(name)) {
	case "pyproject.toml":
		text := string(data)
		for _, table := range []string{"[project]", "[tool.poetry", "[tool.pdm", "[tool.flit"} {
			if strings.Contains(text, table) {
				return staticProject().Match(data)
			}
		}
		return false
	case "setup.py", "setup.cfg":
		return staticSetup().Match(data)
	}
	return true
}

// sources are the locks' own files, which say of the Python what locks do not.
var sources = map[string]string{"uv.lock": "pyproject.toml", "poetry.lock": "pyproject.toml", "pdm.lock": "pyproject.toml", "pipfile.lock": "Pipfile", "pixi.lock": "pixi.toml"}

// choose finds the files that say which packages there are.
func (f *finder) choose() {
	list := f.ranks(Lock, Environment, Project)
	list = slices.DeleteFunc(list, func(r rank) bool {
		if r.Kind != Project || f.declares(r.Name) {
			return false
		}
		if r.place == 0 {
			f.other(r.Choice, "it does not say what the project requires")
		}
		return true
	})
	// A lock of the root is exact, and stands for what it was made of.
	if i := slices.IndexFunc(list, func(r rank) bool { return r.Kind == Lock && r.place == 0 }); i >= 0 && list[0].named < 0 {
		r := list[i]
		list = append([]rank{r}, slices.Delete(list, i, i+1)...)
	}
	if len(list) == 0 {
		return
	}
	best := list[0]
	if best.aside { // nothing else says it
		best.Why = "no other file says which packages there are"
	}
	best.Why = f.why(best, list)
	f.found.Main = append(f.found.Main, best.Choice)
	taken := map[string]bool{best.Name: true}
	if best.Kind == Lock {
		own := path.Join(dirOf(best.Name), sources[strings.ToLower(path.Base(best.Name))])
		for _, r := range list[1:] {
			if strings.EqualFold(r.Name, own) {
				taken[r.Name] = true
				f.other(r.Choice, "%s has the versions that it was locked to", best.Name)
			}
		}
	}
	included := f.includes(best.Name)
	if best.Kind == Project && dirOf(best.Name) == "." { // the files of a package say it together
		for _, r := range list[1:] {
			if r.Kind == Project && r.place == 0 && together(best.Name, r.Name) {
				r.Why = "it belongs to " + best.Name
				f.found.Main = append(f.found.Main, r.Choice)
				taken[r.Name] = true
			}
		}
	}
	for _, r := range list[1:] {
		switch {
		case taken[r.Name]:
		case included[r.Name]:
			f.other(r.Choice, "%s includes it", best.Name)
		default:
			f.other(r.Choice, "%s", f.whyNot(r, best))
		}
	}
}

// together tells whether two files describe one package: setup.py reads setup.cfg.
func together(a, b string) bool {
	return a == "setup.py" && b == "setup.cfg" || a == "setup.cfg" && b == "setup.py"
}

// why says what made a file the first.
func (f *finder) why(best rank, list []rank) string {
	rivals, projects := false, false
	included := f.includes(best.Name)
	for _, r := range list {
		if r.Name != best.Name && r.place <= 1 && !r.aside && !included[r.Name] {
			rivals = true
			projects = projects || r.Kind == Project
		}
	}
	switch {
	case best.aside:
		return "no other file says which packages there are"
	case best.Kind == Lock:
		return "it has exact versions of everything"
	case best.named >= 0 && rivals:
		return "the README tells to install it"
	case !rivals && best.place == 0:
		return "it says which packages there are"
	case best.place > 1:
		return "the root has no such file"
	case best.Kind == Environment && conda(best.Name) && rivals:
		return "it describes the whole environment, with its Python"
	case best.Kind == Environment && projects:
		return "it describes an environment, and the others what a package requires"
	}
	if best.place == 0 {
		return "it says which packages there are"
	}
	return "it is nearest to the root"
}

// whyNot says why another one is first.
func (f *finder) whyNot(r, best rank) string {
	switch {
	case r.aside && !best.aside:
		word := strings.Trim(aside().FindString(strings.ToLower(r.Name)), "._-/")
		return fmt.Sprintf("it is for something else: %s", word)
	case r.place > 1 && best.place <= 1:
		return "it is of a folder, and the root has " + best.Name
	case r.place > 1:
		return fmt.Sprintf("it is another environment than that of %s", best.Name)
	case best.named >= 0 && r.named < 0:
		return "the README tells to install " + best.Name
	case best.named >= 0:
		return fmt.Sprintf("the README tells to install %s first", best.Name)
	case best.Kind == Lock:
		return best.Name + " has exact versions"
	case best.Kind == Environment && r.Kind == Project:
		return best.Name + " describes the environment"
	case conda(best.Name) && !conda(r.Name):
		return best.Name + " describes the whole environment, with its Python"
	}
	return best.Name + " goes before it"
}

var includeForm = pattern.New(`(?m)^\s*(?:-r|--requirement|-c|--constraint)[ =]*([^\s#]+)`)

// includes are the files that a requirements file names.
func (f *finder) includes(name string) map[string]bool {
	out := map[string]bool{}
	if !strings.HasSuffix(name, ".txt") && !strings.HasSuffix(name, ".in") {
		return out
	}
	queue := []string{name}
	for len(queue) > 0 && len(out) < 100 {
		data, err := f.tree.Open(queue[0])
		dir := dirOf(queue[0])
		queue = queue[1:]
		if err != nil {
			continue
		}
		for _, m := range includeForm().FindAllSubmatch(data, 100) {
			inner := path.Join(dir, string(m[1]))
			if !out[inner] {
				out[inner] = true
				queue = append(queue, inner)
			}
		}
	}
	return out
}

// details finds the files that say other things of the environment.
func (f *finder) details() {
	var containers []rank
	for _, r := range f.ranks(Container) {
		if r.place > 1 && len(f.found.Main) > 0 && dirOf(r.Name) != dirOf(f.found.Main[0].Name) || aside().MatchString(strings.ToLower(r.Name)) {
			f.other(r.Choice, "it is for something else")
			continue
		}
		containers = append(containers, r)
	}
	for i, r := range containers {
		if i > 0 {
			f.other(r.Choice, "%s goes before it", containers[0].Name)
			continue
		}
		r.Why = "it says what the packages stand on"
		if len(f.found.Main) == 0 {
			r.Why = "it installs the packages, and no other file says which"
			f.found.Main = append(f.found.Main, r.Choice)
			continue
		}
		f.found.Details = append(f.found.Details, r.Choice)
	}
	binder := ""
	for _, c := range f.all { // Binder looks into one folder alone
		if dir := dirOf(c.Name); c.Kind == Detail && (dir == "binder" || dir == ".binder") {
			binder = dir
		}
	}
	for _, c := range f.all {
		if c.Kind != Detail {
			continue
		}
		dir, base := dirOf(c.Name), strings.ToLower(path.Base(c.Name))
		switch {
		case dir != "." && dir != binder, binder != "" && dir == "." && base != ".python-version" && base != "tox.ini":
			f.other(c, "it is of a folder that is not this environment's")
		case base == "tox.ini":
			c.Why = "it says which Pythons the project is tested with"
			f.found.Details = append(f.found.Details, c)
		case base == ".python-version", base == "runtime.txt":
			c.Why = "it says which Python"
			f.found.Details = append(f.found.Details, c)
		default:
			c.Why = "Binder reads it"
			f.found.Details = append(f.found.Details, c)
		}
	}
	slices.SortStableFunc(f.found.Details, func(a, b Choice) int { return detailRank(a) - detailRank(b) })
	for _, c := range f.all {
		if c.Kind == Readme {
			c.Why = "it is read for the Python, CUDA and command that it names"
			if len(f.found.Main) == 0 {
				c.Why = "no other file says which packages there are"
				f.found.Main = append(f.found.Main, c)
			} else {
				f.found.Details = append(f.found.Details, c)
			}
			break
		}
	}
	if len(f.found.Main) == 0 || f.found.Main[0].Kind == Readme {
		for _, r := range f.ranks(Notebook) {
			if r.place <= 2 {
				r.Why = "it installs what it imports"
				f.found.Main = append(f.found.Main, r.Choice)
			}
		}
	}
}

// detailRank puts first what counts more.
func detailRank(c Choice) int {
	switch base := strings.ToLower(path.Base(c.Name)); {
	case base == ".python-version" || base == "runtime.txt":
		return 0
	case c.Kind == Container:
		return 1
	case base == "tox.ini":
		return 3
	}
	return 2
}
