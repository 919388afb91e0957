package steps

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
)

// uvOptions are uv's names for pip's options.
var uvOptions = map[string]string{"--index": "--extra-index-url", "--default-index": "--index-url", "--requirements": "--requirement", "--constraints": "--constraint"}

// changes are options that no requirements file knows and that change what is installed, with what to do instead.
var changes = map[string]string{
	"-t": elsewhere, "--target": elsewhere, "--prefix": elsewhere, "--root": elsewhere,
	"--platform": wheels, "--python-version": wheels, "--implementation": wheels, "--abi": wheels, "--python-platform": wheels,
	"--global-option": building, "--install-option": building, "--build-option": building, "-C": building, "--config-settings": building,
	"--config-setting": building, "--config-settings-package": building, "--build-constraints": building,
	"--torch-backend": "which builds of torch are taken, an [[index]] says that has them",
	"--extra":         "write the extra behind the project's name: NAME[EXTRA]", "--all-extras": "write the extras behind the project's name: NAME[EXTRA]",
	"--group": groups, "--only-group": groups, "--no-group": groups, "--all-groups": groups, "--optional": groups,
	"--overrides": "put what the file says into [overrides]", "--excludes": "put what the file says into [resolver] exclude",
	"--exclude-newer": "as-of says until when packages count", "--exclude-newer-package": "as-of says until when packages count",
	"--prerelease": solving, "--prerelease-package": solving, "--resolution": solving, "--index-strategy": "[[index]] says which packages an index is asked for",
	"--marker": "write the marker behind each package", "-m": "write the marker behind each package",
	"--rev": revision, "--tag": revision, "--branch": revision,
	"--script": "the packages are for that file: its own list of them counts", "--package": "the packages are for that member of a workspace",
}

const (
	elsewhere = "the packages are in the environment of the image, and not in another folder"
	wheels    = "wheels are for the platforms and the Python that the manifest names"
	building  = "it changes how a package is built: [build.NAME] says what can be said"
	groups    = "`envpack import --group NAME` takes what is in a group"
	solving   = "[resolver] says which versions are taken"
	revision  = "write it behind the address: git+https://…@REVISION"
)

// harmless are commands of uv's that install nothing.
var harmless = map[string]bool{
	"lock": true, "export": true, "tree": true, "init": true, "version": true, "cache": true, "self": true, "help": true, "auth": true,
	"format": true, "check": true, "audit": true, "build": true, "publish": true, "workspace": true,
}

// uv reads what uv's commands install.
func (r *Reader) uv(c shell.Command, args []shell.Word, depth int) error {
	args, _ = skipOptions(args)
	if len(args) == 0 {
		r.note(c, draft.Passed, nothing)
		return nil
	}
	name, rest := args[0].Text, args[1:]
	sub := ""
	if len(rest) > 0 {
		sub = rest[0].Text
	}
	switch {
	case name == "pip" && sub == "sync":
		return r.uvSync(c, rest[1:])
	case name == "pip":
		return r.pip(c, rest)
	case name == "add":
		return r.uvAdd(c, rest)
	case name == "tool" && sub == "install":
		if slices.ContainsFunc(rest, func(w shell.Word) bool { return w.Text == "--from" || strings.HasPrefix(w.Text, "--from=") }) {
			r.leave(c, "add what --from names to the dependencies")
			return nil
		}
		return r.uvAdd(c, rest[1:])
	case name == "tool" && sub == "run":
		r.note(c, draft.Passed, "it runs a program that is not kept")
	case name == "run":
		return r.uvRun(c, rest, depth)
	case name == "remove":
		r.note(c, draft.Left, "it takes a package away again: leave it out of the dependencies, or see [resolver] exclude")
	case name == "sync" || name == "venv":
		left := false
		for _, w := range rest {
			if option, _, _ := strings.Cut(w.Text, "="); changes[option] != "" {
				r.note(c, draft.Left, "%s: %s", option, changes[option])
				left = true
			}
		}
		if version, ok := valueOf(rest, "--python", "-p"); ok {
			r.pythonVersion(c, version, "")
		} else if !left {
			r.note(c, draft.Passed, venv)
		}
	case name == "python" && (sub == "install" || sub == "pin"):
		if versions, _ := skipOptions(rest[1:]); len(versions) == 1 && !versions[0].Unknown {
			r.pythonVersion(c, versions[0].Text, "")
			return nil
		}
		r.note(c, draft.Passed, "envpack brings the Python that the manifest names")
	case harmless[name] || name == "python" || name == "tool":
		r.note(c, draft.Passed, nothing)
	default:
		r.note(c, draft.Left, "what it installs is not known")
	}
	return nil
}

// skipOptions gives the words from the first one that is neither an option nor the value of one, and those before it.
func skipOptions(args []shell.Word) (rest, options []shell.Word) {
	i := 0
	for i < len(args) && strings.HasPrefix(args[i].Text, "-") {
		_, value := pipValues[args[i].Text]
		if i++; value {
			i++
		}
	}
	i = min(i, len(args))
	return args[i:], args[:i]
}

// valueOf gives the value of an option.
func valueOf(args []shell.Word, names ...string) (string, bool) {
	for i, w := range args {
		option, value, joined := strings.Cut(w.Text, "=")
		switch {
		case !slices.Contains(names, option):
		case joined:
			return value, true
		case i+1 < len(args):
			return args[i+1].Text, true
		}
	}
	return "", false
}

// uvAdd reads uv add and uv tool install, whose words are those of pip install but for --with.
func (r *Reader) uvAdd(c shell.Command, args []shell.Word) error {
	lines, alone := r.pipLines(c, r.with(c, args))
	if len(lines) == 0 {
		if alone {
			r.note(c, draft.Passed, "%s", itself)
		}
		return nil
	}
	return r.read(c, lines)
}

// uvSync reads uv pip sync, whose words are requirements files.
func (r *Reader) uvSync(c shell.Command, args []shell.Word) error {
	var words []shell.Word
	for len(args) > 0 {
		var options []shell.Word
		args, options = skipOptions(args)
		words = append(words, options...)
		if len(args) > 0 {
			words = append(words, shell.Word{Text: "-r", Line: args[0].Line}, args[0])
			args = args[1:]
		}
	}
	return r.uvAdd(c, words)
}

// uvRun reads uv run: what it is run with, and what is run.
func (r *Reader) uvRun(c shell.Command, args []shell.Word, depth int) error {
	var options []shell.Word
	module := false
	for len(args) > 0 && strings.HasPrefix(args[0].Text, "-") {
		if text := args[0].Text; text == "--" || text == "-m" || text == "--module" || text == "-s" || text == "--script" {
			module, args = text == "-m" || text == "--module", args[1:]
			break // -m and --script have no value in uv run
		}
		n := 1
		if _, value := pipValues[args[0].Text]; value {
			n = min(2, len(args))
		}
		options, args = append(options, args[:n]...), args[n:]
	}
	if depth++; depth > 3 {
		r.leave(c, "it is run by too many others")
		return nil
	}
	if err := r.uvAdd(c, options); err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		r.note(c, draft.Passed, nothing)
		return nil
	case module:
		args = append([]shell.Word{{Text: "python", Line: c.Line}, {Text: "-m", Line: c.Line}}, args...)
	case strings.HasSuffix(path.Base(args[0].Text), ".py"):
		args = append([]shell.Word{{Text: "python", Line: c.Line}}, args...)
	}
	c.Words = args
	return r.command(c, depth)
}

// with puts what --with and its like name in the place of those options.
func (r *Reader) with(c shell.Command, args []shell.Word) (words []shell.Word) {
	for i := 0; i < len(args); i++ {
		w := args[i]
		option, value, joined := strings.Cut(w.Text, "=")
		as, ok := map[string]string{"--with": "", "-w": "", "--with-editable": "-e", "--with-requirements": "-r", "--with-executables-from": ""}[option]
		if !ok {
			if words = append(words, w); i+1 < len(args) {
				if _, takes := pipValues[w.Text]; takes {
					i++
					words = append(words, args[i])
				}
			}
			continue
		}
		if !joined {
			if i++; i == len(args) {
				break
			}
			value, w.Unknown = args[i].Text, w.Unknown || args[i].Unknown
		}
		for _, v := range separated(value) {
			if as != "" {
				words = append(words, shell.Word{Text: as, Line: w.Line})
			}
			words = append(words, shell.Word{Text: v, Line: w.Line, Unknown: w.Unknown})
		}
	}
	return words
}

// separated takes a list of requirements apart at its commas, other than those of extras and of versions.
func separated(list string) (parts []string) {
	inside := false
	for _, p := range strings.Split(list, ",") {
		more := inside || len(parts) > 0 && strings.IndexAny(strings.TrimSpace(p), "=<>!~") == 0
		if more {
			parts[len(parts)-1] += "," + p
		} else {
			parts = append(parts, strings.TrimSpace(p))
		}
		inside = strings.Count(parts[len(parts)-1], "[") > strings.Count(parts[len(parts)-1], "]")
	}
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}
