package steps

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/internal/pattern"
)

// condaValues are conda's options that take a value.
var condaValues = map[string]bool{
	"-n": true, "--name": true, "-p": true, "--prefix": true, "-c": true, "--channel": true, "-f": true, "--file": true, "--solver": true, "--subdir": true, "--platform": true,
	"--repodata-fn": true, "--channel-priority": true, "-r": true, "--root-prefix": true,
}

// conda reads conda install, conda create and conda env.
func (r *Reader) conda(c shell.Command, args []shell.Word, depth int) error {
	for len(args) > 0 && strings.HasPrefix(args[0].Text, "-") {
		if condaValues[args[0].Text] && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return nil
	}
	verb := args[0].Text
	args = args[1:]
	if verb == "env" && len(args) > 0 {
		verb, args = "env "+args[0].Text, args[1:]
	}
	switch verb {
	case "install", "create", "env create", "env update":
	case "run":
		for len(args) > 0 && strings.HasPrefix(args[0].Text, "-") {
			if condaValues[args[0].Text] && len(args) > 1 {
				args = args[1:]
			}
			args = args[1:]
		}
		c.Words = args
		if len(args) == 0 || depth > 4 {
			return nil
		}
		return r.command(c, depth+1)
	case "remove", "uninstall":
		r.note(c, draft.Left, "it takes a package away again: leave it out of the dependencies, or see [resolver] exclude")
		return nil
	default:
		r.note(c, draft.Passed, "a setting of conda's")
		return nil
	}
	var specs []shell.Word
	var channels, files []string
	for i := 0; i < len(args); i++ {
		w := args[i]
		if !strings.HasPrefix(w.Text, "-") {
			if w.Unknown {
				r.leave(c, "%s has a part that only running it tells: write the version into the manifest", w.Text)
				continue
			}
			specs = append(specs, w)
			continue
		}
		option, value, joined := strings.Cut(w.Text, "=")
		if condaValues[option] && !joined {
			if i+1 == len(args) {
				break
			}
			i++
			value = args[i].Text
		}
		switch option {
		case "-c", "--channel":
			channels = append(channels, value)
		case "-f", "--file":
			files = append(files, value)
		}
	}
	if strings.HasPrefix(verb, "env") && len(files) == 0 {
		files = []string{"environment.yml"}
	}
	for _, f := range files {
		if err := r.condaFile(c, f, verb); err != nil {
			return err
		}
	}
	if len(specs) == 0 {
		if len(files) == 0 {
			r.note(c, draft.Passed, "%s", venv)
		}
		return nil
	}
	if slices.ContainsFunc(specs, func(w shell.Word) bool { return w.Text == "conda" || w.Text == "mamba" }) {
		specs = slices.DeleteFunc(specs, func(w shell.Word) bool { return w.Text == "conda" || w.Text == "mamba" })
		if len(specs) == 0 {
			r.note(c, draft.Passed, "it is conda itself, which an image does not need")
			return nil
		}
	}
	return r.condaSpecs(c, channels, specs)
}

// condaFile reads the file that conda is given.
func (r *Reader) condaFile(c shell.Command, name, verb string) error {
	found, ok := r.locate(name)
	if !ok {
		r.leave(c, "%s is no file of the project", name)
		return nil
	}
	data, err := r.Open(found)
	if err != nil {
		return err
	}
	if r.Conda == nil {
		r.leave(c, "%s is not read here", found)
		return nil
	}
	if strings.HasSuffix(found, ".txt") && !strings.Contains(string(data), "@EXPLICIT") && verb != "env create" { // specs, one a line
		var specs []shell.Word
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				specs = append(specs, shell.Word{Text: line, Line: c.Line})
			}
		}
		return r.condaSpecs(c, nil, specs)
	}
	d, err := r.Conda(found, data, r.Open)
	if err != nil {
		return err
	}
	r.note(c, draft.Taken, "%s is read", found)
	r.add(c, d)
	return nil
}

// condaSpecs reads packages as conda's command has them: as those of an environment file.
func (r *Reader) condaSpecs(c shell.Command, channels []string, specs []shell.Word) error {
	if r.Conda == nil {
		r.leave(c, "what conda installs is not read here")
		return nil
	}
	var b strings.Builder
	lines := map[int]int{} // of the file that is made up, to those of the command
	at := 1
	write := func(text string, line int) {
		b.WriteString(text + "\n")
		lines[at] = line
		at++
	}
	if len(channels) > 0 {
		write("channels:", c.Line)
		for _, ch := range channels {
			write("- "+quoted(ch), c.Line)
		}
	}
	write("dependencies:", c.Line)
	for _, s := range specs {
		write("- "+quoted(s.Text), s.Line)
	}
	name := r.File + ".yml"
	d, err := r.Conda(name, []byte(b.String()), r.Open)
	if err != nil {
		return err
	}
	move := func(o *draft.Origin) {
		if o.File == name {
			*o = r.from(max(lines[o.Line], c.Line))
		}
	}
	for i := range d.Requirements {
		move(&d.Requirements[i].From)
	}
	for i := range d.Pythons {
		move(&d.Pythons[i].From)
	}
	for i := range d.System {
		move(&d.System[i].From)
	}
	for i := range d.CUDA {
		move(&d.CUDA[i].From)
	}
	for i := range d.Indexes {
		move(&d.Indexes[i].From)
	}
	for i := range d.Env {
		move(&d.Env[i].From)
	}
	for i := range d.Constraints {
		move(&d.Constraints[i].From)
	}
	for i := range d.Lines {
		move(&d.Lines[i].From)
	}
	r.add(c, d)
	return nil
}

// quoted is a text as YAML has it.
func quoted(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}

// miniconda are the names of conda's installers, with the Python that they bring: Miniconda3-py38_4.9.2-Linux-x86_64.sh.
var miniconda = pattern.New(`(?i)^((mini|ana)conda|mambaforge|miniforge)[0-9]?-?.*\.(sh|exe)$`)

var minicondaPython = pattern.New(`(?i)-py([23])([0-9]{1,2})_`)

func (r *Reader) minicondaScript(c shell.Command, name string) {
	if m := minicondaPython().FindStringSubmatch(path.Base(name)); m != nil {
		r.pythonVersion(c, m[1]+"."+m[2], "conda's installer brings it")
		return
	}
	r.note(c, draft.Passed, "envpack brings Python itself")
}

// pythonVersion notes a version of Python.
func (r *Reader) pythonVersion(c shell.Command, version, comment string) {
	if !pythonForm().MatchString(version) {
		r.note(c, draft.Left, "%s is no version of Python", version)
		return
	}
	parts := strings.SplitN(version, ".", 3)
	minor := parts[0] + "." + parts[1]
	r.Draft.Pythons = append(r.Draft.Pythons, draft.Python{Specifier: "==" + minor + ".*", From: r.from(c.Line), Comment: comment})
	r.note(c, draft.Mapped, "Python %s", minor)
}

var pythonForm = pattern.New(`^[23]\.[0-9]{1,2}(\.[0-9]+)?$`)
