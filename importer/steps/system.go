package steps

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/internal/pattern"
)

// managers are package managers of distributions that an image cannot be of.
var managers = map[string]string{"yum": "a distribution with RPM", "dnf": "a distribution with RPM", "microdnf": "a distribution with RPM", "zypper": "a distribution with RPM", "apk": "Alpine Linux", "pacman": "Arch Linux", "brew": "Homebrew"}

func (r *Reader) manager(c shell.Command, name string, args []shell.Word) {
	words := operands(args)
	if len(words) == 0 || !slices.Contains([]string{"install", "add", "-S", "localinstall", "groupinstall"}, words[0].Text) {
		r.note(c, draft.Passed, "%s", nothing)
		return
	}
	if name == "brew" {
		r.note(c, draft.Passed, "it is for another system")
		return
	}
	r.leave(c, "it is of %s: an image has Debian's or Ubuntu's packages, which may have other names", managers[name])
}

// aptValues are apt-get's options that take a value.
var aptValues = map[string]bool{"-o": true, "--option": true, "-t": true, "--target-release": true, "-c": true, "--config-file": true, "-a": true}

// operands are the words that are no options.
func operands(args []shell.Word) []shell.Word {
	var list []shell.Word
	for i := 0; i < len(args); i++ {
		switch w := args[i].Text; {
		case aptValues[w]:
			i++
		case !strings.HasPrefix(w, "-"):
			list = append(list, args[i])
		}
	}
	return list
}

var aptPython = pattern.New(`^python([23]\.[0-9]+)(-(minimal|dev|venv|distutils|full|tk|dbg|lib2to3))?$`)

// installers are packages that Python comes with, or that installing takes.
var installers = map[string]string{
	"python": has, "python3": has, "python3-minimal": has, "python-minimal": has, "python-is-python3": has, "python3-pip": itself, "python-pip": itself, "python3-wheel": itself, "python3-setuptools": itself,
	"python-setuptools": itself, "python3-venv": venv, "virtualenv": venv, "python3-virtualenv": venv, "python3-dev": compile, "python-dev": compile, "python3-distutils": has, "python3.10-distutils": has,
	"build-essential": compile, "gcc": compile, "g++": compile, "cmake": compile, "make": compile, "ninja-build": compile, "pkg-config": compile, "autoconf": compile, "automake": compile, "libtool": compile,
	"apt-utils": fetch, "apt-transport-https": fetch, "software-properties-common": fetch, "gnupg": fetch, "gnupg2": fetch, "lsb-release": fetch, "ca-certificates": "an image has certificates", "dirmngr": fetch, "debconf-utils": fetch,
	"sudo": "a program in an image runs as the user that it is for", "locales": "C.UTF-8 needs no locales", "tzdata": "",
}

const (
	has     = "envpack brings the Python that the manifest names"
	compile = "what is built is built before the image is made; a program that compiles as it runs needs it in system.packages"
	fetch   = "it is for installing packages"
)

// renamed are packages by names that newer releases do not have, with what those of all releases call them.
var renamed = map[string]string{"libgl1-mesa-glx": "libgl1", "libgl1-mesa-swx11": "libgl1"}

// aptName is a package's name as apt-get install takes it, with a version or release.
var aptName = pattern.New(`^([a-z0-9][a-z0-9+.-]*)(:[a-z0-9-]+)?([=/].*)?$`)

// apt reads apt-get install.
func (r *Reader) apt(c shell.Command, args []shell.Word) {
	words := operands(args)
	if len(words) == 0 || words[0].Text != "install" && words[0].Text != "build-dep" {
		r.note(c, draft.Passed, "packages are those of the day that the lock is of")
		return
	}
	if words[0].Text == "build-dep" {
		r.note(c, draft.Passed, "%s", compile)
		return
	}
	if len(words) == 1 {
		r.note(c, draft.Passed, "%s", nothing)
	}
	for _, w := range words[1:] {
		r.aptPackage(c, w)
	}
}

func (r *Reader) aptPackage(c shell.Command, w shell.Word) {
	from := r.from(w.Line)
	m := aptName().FindStringSubmatch(w.Text)
	switch {
	case strings.HasSuffix(w.Text, ".deb"):
		r.Draft.Leave(from, w.Text, "a package of its own: put its archive into [[apt]]")
		return
	case w.Unknown || m == nil:
		r.Draft.Leave(from, w.Text, "which package this is does not show")
		return
	}
	name := m[1]
	if p := aptPython().FindStringSubmatch(name); p != nil {
		minor := p[1]
		if minor != r.python {
			r.python = minor
			r.Draft.Pythons = append(r.Draft.Pythons, draft.Python{Specifier: "==" + minor + ".*", From: from, Comment: "the distribution's package " + name})
		}
		r.Draft.Note(from, w.Text, draft.Mapped, "Python %s", minor)
		return
	}
	if why, ok := installers[name]; ok && why != "" {
		r.Draft.Note(from, w.Text, draft.Passed, "%s", why)
		return
	}
	note := ""
	if m[3] != "" {
		note = "without " + m[3] + ": the lock pins the version of its day"
	}
	if to := renamed[name]; to != "" && to != name {
		note = "as " + to + ", the name that newer releases have as well"
		name = to
	}
	if strings.HasPrefix(name, "cuda-") || strings.HasPrefix(name, "libcudnn") || strings.HasPrefix(name, "nvidia-") || strings.HasPrefix(name, "libnccl") {
		r.Draft.Note(from, w.Text, draft.Left, "NVIDIA's packages are in none of the distribution's archives: [gpu] finds what the wheels need")
		return
	}
	r.Draft.System = append(r.Draft.System, draft.System{Package: name, From: from})
	v := draft.Taken
	if note != "" {
		v = draft.Mapped
	}
	r.Draft.Note(from, w.Text, v, "%s", note)
}

// git reads git clone, for what is installed of clones.
func (r *Reader) git(c shell.Command, args []shell.Word) {
	var words []string
	for i := 0; i < len(args); i++ {
		switch w := args[i].Text; {
		case w == "-b" || w == "--branch" || w == "--depth" || w == "-C" || w == "-j" || w == "-o" || w == "--jobs":
			i++
		case !strings.HasPrefix(w, "-"):
			words = append(words, w)
		}
	}
	if len(words) < 2 || words[0] != "clone" {
		r.note(c, draft.Passed, "%s", files)
		return
	}
	address := words[1]
	dir := strings.TrimSuffix(path.Base(strings.TrimSuffix(address, "/")), ".git")
	if len(words) > 2 {
		dir = words[2]
	}
	if r.cloned == nil {
		r.cloned = map[string]string{}
	}
	r.cloned[r.join(dir)] = strings.TrimSuffix(address, "/")
	if !r.Prose {
		r.note(c, draft.Left, "a clone of another repository: what is needed of it goes into the dependencies, as NAME @ git+%s, or beside the project", strings.TrimSuffix(address, "/"))
	}
}

// download reads what is fetched by hand.
func (r *Reader) download(c shell.Command, args []shell.Word) {
	for _, w := range args {
		base := path.Base(w.Text)
		switch {
		case !strings.Contains(w.Text, "://"):
		case miniconda().MatchString(base):
			r.minicondaScript(c, base)
			return
		case base == "get-pip.py":
			r.note(c, draft.Passed, "%s", itself)
			return
		case strings.HasSuffix(base, ".whl") && !r.Prose:
			r.leave(c, "a wheel from somewhere: add NAME @ and its address to the dependencies")
			return
		}
	}
	if !r.Prose {
		r.note(c, draft.Left, "a download: put the file beside the project, or let the program fetch it")
	}
}
