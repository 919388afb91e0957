// Package steps reads what commands install: pip, conda, the distribution's package managers, and scripts that install Python
// itself, as Dockerfiles, READMEs, notebooks and shell scripts have them.
//
// It runs nothing. What a command gives to pip or conda is read by the readers of their files, so that a line means the same
// wherever it stands. Each command has a line in the draft: what installs nothing is passed, what cannot be told is left.
package steps

import (
	"io/fs"
	"path"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
)

// Read is how a file of a form is read.
type Read = func(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error)

// Reader puts what commands install into a draft.
type Reader struct {
	Draft *draft.Draft
	File  string // that the commands stand in, relative to the project
	Conda Read   // reads conda's environment files
	Open  func(name string) ([]byte, error)
	// Locate gives the project's file or folder, relative to the project, that a path means where the commands are run; false:
	// it is none of the project's. Nil takes paths as they are.
	Locate func(name string) (string, bool)
	// Dir is the folder that the commands are run in; cd changes it.
	Dir string
	// Prose says that most of the text is for people: commands that install nothing are no steps of a build then, and have no line.
	Prose bool

	cloned map[string]string // folders that git has put repositories in, with their addresses
	python string            // that a distribution's package named, "3.8"
}

// Run reads commands in their order. Errors are those of the files that commands name.
func (r *Reader) Run(commands []shell.Command) error {
	for _, c := range commands {
		if err := r.command(c, 0); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) from(line int) draft.Origin { return draft.Origin{File: r.File, Line: line} }

// note says what became of a command; of what is no step in prose, nothing.
func (r *Reader) note(c shell.Command, v draft.Verdict, format string, args ...any) {
	if r.Prose && v == draft.Passed {
		return
	}
	r.Draft.Note(r.from(c.Line), shown(c), v, format, args...)
}

// leave says that something could not be taken that is likely needed.
func (r *Reader) leave(c shell.Command, format string, args ...any) {
	r.Draft.Note(r.from(c.Line), shown(c), draft.Left, format, args...)
	r.Draft.Lines[len(r.Draft.Lines)-1].Needed = true
}

// shown is a command for reports, not longer than a line.
func shown(c shell.Command) string {
	text := c.Text()
	if r := []rune(text); len(r) > 120 {
		text = string(r[:119]) + "…"
	}
	return text
}

// command reads one command.
func (r *Reader) command(c shell.Command, depth int) error {
	c = unwrap(c)
	if len(c.Words) == 0 {
		return nil
	}
	name := strings.TrimLeft(path.Base(c.Words[0].Text), "!%")
	args := c.Words[1:]
	switch {
	case c.Words[0].Unknown:
		r.note(c, draft.Left, "what is run does not show")
		return nil
	case name == "cd" || name == "pushd":
		r.cd(args)
		return nil
	case name == "popd":
		r.Dir = ""
		return nil
	case shells[name]:
		return r.shell(c, args, depth)
	case pipName().MatchString(name):
		return r.pip(c, args)
	case name == "uv":
		return r.uv(c, args, depth)
	case name == "pipx", name == "easy_install":
		return r.easyInstall(c, args)
	case pythonName().MatchString(name):
		return r.runPython(c, args)
	case name == "conda" || name == "mamba" || name == "micromamba" || name == "mamba.exe":
		return r.conda(c, args, depth)
	case managers[name] != "":
		r.manager(c, name, args)
		return nil
	case name == "apt-get" || name == "apt" || name == "aptitude":
		r.apt(c, args)
		return nil
	case name == "git":
		r.git(c, args)
		return nil
	case name == "wget" || name == "curl" || name == "aria2c" || name == "gdown":
		r.download(c, args)
		return nil
	case name == "xargs" && installs(args):
		r.leave(c, "the names come from what runs: write them into the manifest")
		return nil
	case builds[name]:
		r.leave(c, "building is no part of an image's making: name a package that has it, or put the files that it makes into the project")
		return nil
	case passed[name] != "":
		r.note(c, draft.Passed, "%s", passed[name])
		return nil
	case miniconda().MatchString(name):
		r.minicondaScript(c, name)
		return nil
	}
	if !r.Prose {
		r.note(c, draft.Left, "it does something that does not show")
	}
	return nil
}

var shells = map[string]bool{"sh": true, "bash": true, "zsh": true, "dash": true, "source": true, ".": true}

// builds are programs that make something that an image would lack.
var builds = map[string]bool{"make": true, "cmake": true, "ninja": true, "./configure": true, "configure": true, "bazel": true, "gcc": true, "g++": true, "nvcc": true, "cargo": true, "npm": true, "yarn": true, "go": true}

// passed are commands that mean nothing for an image that is made of packages.
var passed = map[string]string{
	"rm": tidy, "mv": files, "cp": files, "mkdir": files, "ln": files, "chmod": files, "chown": files, "touch": files, "tar": files, "unzip": files, "find": files, "install": files,
	"echo": nothing, "printf": nothing, "true": nothing, ":": nothing, "false": nothing, "set": nothing, "export": "a setting of the shell that runs the steps", "unset": nothing, "cat": nothing,
	"ls": nothing, "pwd": nothing, "which": nothing, "sleep": nothing, "date": nothing, "uname": nothing, "nvidia-smi": nothing, "df": nothing, "env": nothing, "exit": nothing, "test": nothing, "[": nothing, "[[": nothing, "tee": files, "sed": files, "awk": files, "grep": nothing, "head": nothing, "tail": nothing, "tr": nothing, "cut": nothing, "wc": nothing, "declare": nothing, "local": nothing, "eval": "a setting of the shell that runs the steps", "ulimit": nothing, "wait": nothing, "return": nothing, "shift": nothing,
	"ldconfig": "the linker's cache is made with the image", "update-alternatives": "which program a name means is settled with the image", "locale-gen": "C.UTF-8 needs no locales", "update-locale": "C.UTF-8 needs no locales", "localedef": "C.UTF-8 needs no locales",
	"useradd": users, "adduser": users, "groupadd": users, "addgroup": users, "usermod": users, "passwd": users, "chpasswd": users, "su": users, "gosu": users,
	"apt-key": keys, "gpg": keys, "add-apt-repository": "the archive is not the distribution's: [[apt]] names another", "apt-add-repository": "the archive is not the distribution's: [[apt]] names another", "dpkg-reconfigure": nothing, "debconf-set-selections": nothing, "apt-mark": tidy,
	"virtualenv": venv, "pyenv": "envpack brings the Python that the manifest names", "activate": venv, "deactivate": venv, "workon": venv, "mkvirtualenv": venv,
	"jupyter": "a setting of Jupyter's", "systemctl": nothing, "service": nothing, "docker": "it is about containers themselves", "nvidia-docker": "it is about containers themselves",
}

const (
	tidy    = "nothing is left to tidy up"
	files   = "it moves files about"
	nothing = "it installs nothing"
	users   = "image.user says who runs the program"
	keys    = "keys are envpack's affair"
	venv    = "an image has one environment"
)

// prefixes are commands that run another one.
var prefixes = map[string]bool{"sudo": true, "exec": true, "command": true, "nohup": true, "time": true, "nice": true, "env": true, "eatmydata": true, "chroot": false, "yes": true, "stdbuf": true}

// unwrap takes away what runs the command proper: sudo, env with variables.
func unwrap(c shell.Command) shell.Command {
	for len(c.Words) > 1 && prefixes[path.Base(c.Words[0].Text)] {
		rest := c.Words[1:]
		for len(rest) > 1 && (strings.HasPrefix(rest[0].Text, "-") || strings.Contains(rest[0].Text, "=")) {
			if rest[0].Text == "-u" || rest[0].Text == "-g" || rest[0].Text == "-n" {
				rest = rest[1:]
			}
			rest = rest[1:]
		}
		c.Words = rest
	}
	return c
}

// installs tells whether words are those of a package manager.
func installs(words []shell.Word) bool {
	for _, w := range words {
		switch name := path.Base(w.Text); {
		case name == "apt-get", name == "apt", name == "conda", name == "mamba", pipName().MatchString(name):
			return true
		}
	}
	return false
}

func (r *Reader) cd(args []shell.Word) {
	if len(args) == 0 || args[0].Unknown {
		r.Dir = "?"
		return
	}
	r.Dir = r.join(args[0].Text)
}

// join is a path as seen from the folder that commands are run in.
func (r *Reader) join(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(r.Dir, name)
}

// locate gives the project's file or folder that a path means. A file that is not where the path says is looked for at the
// project's own root by what is left of the path: clones and copies of the project lie in folders that only running makes.
func (r *Reader) locate(name string) (string, bool) {
	full := r.join(name)
	if r.Locate != nil {
		if found, ok := r.Locate(full); ok {
			return found, true
		}
	} else if !path.IsAbs(full) && fs.ValidPath(full) && r.has(full) {
		return full, true
	}
	parts := strings.Split(strings.Trim(path.Clean(name), "/"), "/")
	for i := range parts {
		rest := path.Join(parts[i:]...)
		if rest != "." && fs.ValidPath(rest) && r.has(rest) {
			return rest, true
		}
	}
	return "", false
}

// has tells whether the project has a file.
func (r *Reader) has(name string) bool {
	if r.Open == nil {
		return false
	}
	_, err := r.Open(name)
	return err == nil
}

// shell reads what a shell is given: a text with -c, else a file.
func (r *Reader) shell(c shell.Command, args []shell.Word, depth int) error {
	for i, w := range args {
		if !strings.HasPrefix(w.Text, "-") {
			break
		}
		if !strings.Contains(w.Text, "c") || strings.HasPrefix(w.Text, "--") || i+1 >= len(args) {
			continue
		}
		if depth > 4 {
			r.leave(c, "shells stand too deep in each other")
			return nil
		}
		s, err := shell.Parse(args[i+1].Text, c.Line, nil)
		if err != nil {
			r.leave(c, "%v", err)
			return nil
		}
		dir := r.Dir
		for _, inner := range s.Commands {
			inner.Conditional = inner.Conditional || c.Conditional
			if err := r.command(inner, depth+1); err != nil {
				return err
			}
		}
		r.Dir = dir
		return nil
	}
	file := ""
	for _, w := range args {
		if !strings.HasPrefix(w.Text, "-") {
			file = w.Text
			break
		}
	}
	base := path.Base(file)
	switch {
	case miniconda().MatchString(base):
		r.minicondaScript(c, base)
	case strings.HasPrefix(file, "~") || base == "activate" || base == "conda.sh" || strings.HasPrefix(base, ".bash") || strings.HasPrefix(base, ".profile") || base == "setup.bash":
		r.note(c, draft.Passed, "a setting of the shell that runs the steps")
	case file == "" && c.Piped:
		r.leave(c, "it runs what it has downloaded")
	case file == "":
		r.note(c, draft.Passed, nothing)
	default:
		r.script(c, file, depth)
	}
	return nil
}

// script reads the project's own script.
func (r *Reader) script(c shell.Command, file string, depth int) {
	found, ok := r.locate(file)
	if r.Prose {
		return
	}
	if !ok || depth > 2 {
		r.note(c, draft.Left, "what the script does does not show")
		return
	}
	r.note(c, draft.Left, "envpack import %s reads what it installs", found)
}
