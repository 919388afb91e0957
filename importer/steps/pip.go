package steps

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/internal/pattern"
)

var (
	pipName    = pattern.New(`^pip([23](\.[0-9]+)?)?$`)
	pythonName = pattern.New(`^python([23](\.[0-9]+)?)?$`)
)

// pipValues are pip's options that take a value, with whether a requirements file knows them too.
var pipValues = map[string]bool{
	"-r": true, "--requirement": true, "-c": true, "--constraint": true, "-e": true, "--editable": true, "-i": true, "--index-url": true,
	"--extra-index-url": true, "-f": true, "--find-links": true, "--no-binary": true, "--only-binary": true, "--pypi-url": true,
	"-t": false, "--target": false, "--prefix": false, "--root": false, "--src": false, "--python": false, "-p": false, "--platform": false, "--python-version": false,
	"--implementation": false, "--abi": false, "--global-option": false, "--install-option": false, "--build-option": false, "-C": false, "--config-settings": false, "--config-setting": false,
	"--timeout": false, "--default-timeout": false, "--retries": false, "--cache-dir": false, "--proxy": false, "--trusted-host": false, "--cert": false, "--client-cert": false,
	"--progress-bar": false, "--root-user-action": false, "--upgrade-strategy": false, "--report": false, "--log": false, "--exists-action": false, "-b": false, "--build": false,
	"--use-feature": false, "--use-deprecated": false, "--torch-backend": false, "--index": true, "--default-index": true, "--index-strategy": false, "--extra": false, "--group": false,
	// Those of uv's.
	"--requirements": true, "--constraints": true, "--only-group": false, "--no-group": false, "--no-extra": false, "--optional": false, "-m": false, "--marker": false, "--bounds": false,
	"--rev": false, "--tag": false, "--branch": false, "--package": false, "--script": false, "-P": false, "--upgrade-package": false, "--upgrade-group": false, "--resolution": false,
	"--prerelease": false, "--prerelease-package": false, "--fork-strategy": false, "--exclude-newer": false, "--exclude-newer-package": false, "--no-sources-package": false,
	"--reinstall-package": false, "--refresh-package": false, "--link-mode": false, "--config-settings-package": false, "--no-build-isolation-package": false, "--no-build-package": false,
	"--no-binary-package": false, "--no-editable-package": false, "--no-install-package": false, "--color": false, "--allow-insecure-host": false, "--directory": false, "--project": false,
	"--config-file": false, "--keyring-provider": false, "--python-platform": false, "--overrides": false, "--excludes": false, "--build-constraints": false, "--output-format": false,
	"--env-file": false, "-w": false, "--with": false, "--with-editable": false, "--with-requirements": false, "--with-executables-from": false, "--from": false,
}

const itself = "it is pip itself, which an image does not need"

// pip reads pip install.
func (r *Reader) pip(c shell.Command, args []shell.Word) error {
	for len(args) > 0 && strings.HasPrefix(args[0].Text, "-") { // options before the command
		if _, value := pipValues[args[0].Text]; value && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return nil
	}
	switch args[0].Text {
	case "install":
	case "uninstall":
		r.note(c, draft.Left, "it takes a package away again: leave it out of the dependencies, or see [resolver] exclude")
		return nil
	case "wheel", "download":
		r.leave(c, "what it makes of the packages does not show")
		return nil
	default:
		r.note(c, draft.Passed, nothing)
		return nil
	}
	lines, alone := r.pipLines(c, args[1:])
	if len(lines) == 0 {
		if alone {
			r.note(c, draft.Passed, "%s", itself)
		}
		return nil
	}
	return r.read(c, lines)
}

// pipLines are the words of pip install as lines of a requirements file. alone: there was nothing but pip itself.
func (r *Reader) pipLines(c shell.Command, args []shell.Word) (lines []requirements.Entry, alone bool) {
	add := func(text string, line int) { lines = append(lines, requirements.Entry{Text: text, Line: line}) }
	installer := false
	for i := 0; i < len(args); i++ {
		w := args[i]
		if !strings.HasPrefix(w.Text, "-") || w.Text == "-" {
			name := strings.ToLower(w.Text)
			if i := strings.IndexAny(name, "=<>!~[ ;@"); i >= 0 {
				name = name[:i]
			}
			switch {
			case name == "pip" || (name == "setuptools" || name == "wheel") && name == strings.ToLower(w.Text):
				installer = true // in its newest version, for installing what follows
			case w.Unknown:
				r.leave(c, "%s has a part that only running it tells: write the version into the manifest", w.Text)
			case pathLike(w.Text):
				if line, ok := r.folder(c, w.Text); ok {
					add(line, w.Line)
				}
			default:
				add(w.Text, w.Line)
			}
			continue
		}
		option, value, joined := strings.Cut(w.Text, "=")
		if !strings.HasPrefix(option, "--") {
			option, value, joined = w.Text, "", false
			if len(option) > 2 {
				if _, ok := pipValues[option[:2]]; ok { // -rrequirements.txt
					option, value, joined = w.Text[:2], w.Text[2:], true
				}
			}
		}
		known, takes := pipValues[option]
		if takes && !joined {
			if i+1 == len(args) {
				break
			}
			i++
			value = args[i].Text
			w.Unknown = w.Unknown || args[i].Unknown
		}
		switch {
		case takes && known && w.Unknown:
			r.leave(c, "%s has a part that only running it tells", value)
		case takes && known:
			if line, ok := r.pipOption(c, option, value); ok {
				add(line, w.Line)
			}
		case changes[option] != "":
			r.note(c, draft.Left, "%s: %s", option, changes[option])
		case option == "--pre" || option == "--no-index":
			add(option, w.Line)
		case option == "--no-deps":
			r.note(c, draft.Left, "--no-deps: what the packages require is taken all the same, as [overrides] can change")
		}
	}
	return lines, len(lines) == 0 && installer
}

// pipOption is a line for an option that requirements files know too.
func (r *Reader) pipOption(c shell.Command, option, value string) (string, bool) {
	if name := uvOptions[option]; name != "" {
		if label, address, ok := strings.Cut(value, "="); ok && strings.HasSuffix(name, "index-url") && !strings.Contains(label, "/") {
			value = address // --index NAME=ADDRESS
		}
		option = name
	}
	switch option {
	case "-r", "--requirement", "-c", "--constraint":
		if strings.Contains(value, "://") {
			r.leave(c, "the file %s is somewhere else: put it into the project", value)
			return "", false
		}
		found, ok := r.locate(value)
		if !ok {
			r.leave(c, "%s is no file of the project", value)
			return "", false
		}
		return option + " " + r.relative(found), true
	case "-e", "--editable":
		if !pathLike(value) {
			return "-e " + value, true
		}
		return r.folder(c, value)
	case "-f", "--find-links":
		if !strings.Contains(value, "://") {
			found, ok := r.locate(value)
			if !ok {
				r.leave(c, "%s is no folder of the project", value)
				return "", false
			}
			value = r.relative(found)
		}
	}
	return option + " " + value, true
}

// pathLike tells whether a word means a folder or file, and not a project of an index.
func pathLike(w string) bool {
	name, _, _ := strings.Cut(w, "[")
	return name == "." || name == ".." || strings.HasPrefix(w, "./") || strings.HasPrefix(w, "../") || strings.HasPrefix(w, "/") || strings.HasPrefix(w, "~") ||
		strings.HasSuffix(name, "/") || !strings.Contains(w, "@") && strings.Contains(name, "/") && !strings.Contains(name, "://")
}

// folder is the line for a folder that is installed: the project, or a part of it; of a clone of something else it is left.
func (r *Reader) folder(c shell.Command, w string) (string, bool) {
	name, extras, _ := strings.Cut(w, "[")
	if extras != "" {
		extras = "[" + extras
	}
	full := r.join(name)
	for dir, address := range r.cloned {
		if full == dir || strings.HasPrefix(full, dir+"/") {
			inner := strings.TrimPrefix(strings.TrimPrefix(full, dir), "/")
			sub := ""
			if inner != "" {
				sub = "#subdirectory=" + inner
			}
			r.leave(c, "it is a clone of another repository: add NAME @ git+%s%s to the dependencies, where NAME is what the project calls itself", address, sub)
			return "", false
		}
	}
	found, ok := full, r.Locate == nil && r.Dir != "?"
	if r.Locate != nil {
		found, ok = r.Locate(full)
	}
	switch {
	case ok && !path.IsAbs(found):
		return "-e " + dotted(r.relative(found)) + extras, true
	case r.has("setup.py") || r.has("pyproject.toml"): // a copy or clone of the project itself
		return "-e " + dotted(r.relative(".")) + extras, true
	}
	r.leave(c, "%s is no folder of the project", w)
	return "", false
}

func (r *Reader) easyInstall(c shell.Command, args []shell.Word) error {
	var lines []requirements.Entry
	for _, w := range args {
		if !strings.HasPrefix(w.Text, "-") && w.Text != "install" && w.Text != "pip" && !w.Unknown {
			lines = append(lines, requirements.Entry{Text: w.Text, Line: w.Line})
		}
	}
	if len(lines) == 0 {
		r.note(c, draft.Passed, "%s", itself)
		return nil
	}
	return r.read(c, lines)
}

// runPython reads python -m pip, and python setup.py.
func (r *Reader) runPython(c shell.Command, args []shell.Word) error {
	for len(args) > 0 && strings.HasPrefix(args[0].Text, "-") && args[0].Text != "-m" && args[0].Text != "-c" {
		args = args[1:]
	}
	switch {
	case len(args) > 1 && args[0].Text == "-m" && args[1].Text == "pip":
		return r.pip(c, args[2:])
	case len(args) > 1 && args[0].Text == "-m" && (args[1].Text == "venv" || args[1].Text == "virtualenv" || args[1].Text == "ensurepip"):
		r.note(c, draft.Passed, venv)
	case len(args) > 2 && args[0].Text == "-m" && args[1].Text == "spacy" && args[2].Text == "download", len(args) > 2 && args[0].Text == "-m" && args[1].Text == "nltk.downloader":
		r.leave(c, "it downloads data: put it beside the project, or let the program fetch it")
	case len(args) > 1 && path.Base(args[0].Text) == "setup.py" && slices.ContainsFunc(args, func(w shell.Word) bool {
		return w.Text == "install" || w.Text == "develop" || w.Text == "build_ext" || w.Text == "build"
	}):
		line, ok := r.folder(c, "./"+path.Dir(args[0].Text))
		if ok {
			return r.read(c, []requirements.Entry{{Text: line, Line: c.Line}})
		}
	case r.Prose:
	case len(args) > 0 && path.Base(args[0].Text) == "get-pip.py":
		r.note(c, draft.Passed, "%s", itself)
	default:
		r.note(c, draft.Left, "what the program does when the image is made does not show")
	}
	return nil
}

// read has lines read as those of a requirements file.
func (r *Reader) read(c shell.Command, lines []requirements.Entry) error {
	d, err := requirements.List(r.File, lines, r.Open)
	if err != nil {
		return err
	}
	r.add(c, d)
	return nil
}

// add puts what a reader made of a command into the draft.
func (r *Reader) add(c shell.Command, d *draft.Draft) {
	for i := range d.Requirements {
		if q := &d.Requirements[i]; c.Conditional && q.From.File == r.File && q.Comment == "" {
			q.Comment = "installed under a condition"
		}
	}
	d.Name = "" // the file's own says it
	r.Draft.Add(d)
}

// relative is a path of the project as seen from the file's folder, as lines of that file have it.
func (r *Reader) relative(name string) string {
	dir := path.Dir(path.Clean(r.File))
	if dir == "." {
		return name
	}
	from, to := strings.Split(dir, "/"), strings.Split(path.Clean(name), "/")
	for len(from) > 0 && len(to) > 0 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	return path.Join(strings.Repeat("../", len(from)), path.Join(to...))
}

// dotted is a folder as pip knows it from a project's name.
func dotted(dir string) string {
	if dir == "." || strings.HasPrefix(dir, "../") {
		return dir
	}
	return "./" + dir
}
