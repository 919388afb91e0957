package parent

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// Distro is what os-release says.
type Distro struct {
	ID       string   `json:"id"`       // "debian", "ubuntu", "alpine"; "" if there is no os-release
	Version  string   `json:"version"`  // VERSION_ID: "12", "24.04"; "" in Debian's testing and unstable
	Codename string   `json:"codename"` // VERSION_CODENAME: "bookworm"
	Like     []string `json:"like"`     // ID_LIKE
	Name     string   `json:"name"`     // PRETTY_NAME
}

func (t *Tree) distro() Distro {
	for _, p := range []string{"etc/os-release", "usr/lib/os-release"} {
		if text, ok := t.Read(p); ok {
			v := osRelease(string(text))
			return Distro{v["ID"], v["VERSION_ID"], v["VERSION_CODENAME"], strings.Fields(v["ID_LIKE"]), v["PRETTY_NAME"]}
		}
	}
	return Distro{}
}

// osRelease reads os-release(5): assignments as a shell has them, without expansion.
func osRelease(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		values[key] = unquote(value)
	}
	return values
}

func unquote(s string) string {
	var out strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			out.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == ' ':
			return out.String() // a comment, or what a shell would take for a command
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// Package is an installed package of dpkg's database.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
}

// dpkg gives dpkg's database as one text in the form of its status file, from there or from the folder status.d of
// images without dpkg (distroless'), and tells whether it was the latter.
func (t *Tree) dpkg() (status []byte, parted bool) {
	if text, ok := t.Read(dpkgFolder + "status"); ok && len(strings.TrimSpace(string(text))) > 0 {
		return text, false
	}
	for _, name := range t.List(dpkgFolder + "status.d") {
		if strings.HasSuffix(name, ".md5sums") {
			continue
		}
		text, ok := t.Read(dpkgFolder + "status.d/" + name)
		if !ok {
			continue
		}
		for stanza := range stanzas(string(text)) {
			if field(stanza, "Status") == "" {
				stanza = "Status: install ok installed\n" + stanza
			}
			status = append(status, stanza+"\n"...)
		}
	}
	return status, len(status) > 0
}

// stanzas are the paragraphs of a control file, each with its final newline (deb-src-control(5)).
func stanzas(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var b strings.Builder
		for line := range strings.Lines(text + "\n\n") {
			if strings.TrimSpace(line) != "" {
				b.WriteString(strings.TrimRight(line, "\r\n") + "\n")
				continue
			}
			if b.Len() > 0 && !yield(b.String()) {
				return
			}
			b.Reset()
		}
	}
}

func field(stanza, name string) string {
	for line := range strings.Lines(stanza) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Installed lists the packages that are installed by dpkg's status file (dpkg(1): the third word of Status), sorted.
func Installed(status []byte) ([]Package, error) {
	var list []Package
	for s := range stanzas(string(status)) {
		state := strings.Fields(field(s, "Status"))
		if len(state) != 3 || state[2] != "installed" {
			continue
		}
		p := Package{field(s, "Package"), field(s, "Version"), field(s, "Architecture")}
		if p.Name == "" || p.Version == "" {
			return nil, fmt.Errorf("the package database has a package %q with the version %q", p.Name, p.Version)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Package) int {
		return strings.Compare(a.Name+" "+a.Architecture, b.Name+" "+b.Architecture)
	})
	return list, nil
}

// The C libraries.
const (
	Glibc = "glibc"
	Musl  = "musl"
)

// Libc is the C library that programs of the image are run with.
type Libc struct {
	Kind    string `json:"kind"`    // Glibc, Musl, or "" if there is none
	Version string `json:"version"` // "2.36", "1.2.5", from its own text; "" if musl's does not tell it
	Path    string `json:"path"`    // with a leading slash
	Machine uint16 `json:"machine"` // ELF's e_machine
}

// libFolders is where the loader looks for a program of the machine: Debian's multi-arch folders, then the others.
func libFolders(architecture string) []string {
	triplets := map[string]string{
		"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "386": "i386-linux-gnu", "arm": "arm-linux-gnueabihf",
		"ppc64le": "powerpc64le-linux-gnu", "s390x": "s390x-linux-gnu", "riscv64": "riscv64-linux-gnu",
	}
	var list []string
	if triplet := triplets[architecture]; triplet != "" {
		list = append(list, "lib/"+triplet, "usr/lib/"+triplet)
	}
	return append(list, "lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib", "usr/local/lib64")
}

// musl is the library whose loader lies at the path: it is the loader.
func (t *Tree) musl(at string) Libc {
	l := Libc{Kind: Musl, Path: at}
	if c := t.content(at); c != nil && c.ELF != nil {
		l.Machine = c.ELF.Machine
		if len(c.Musl) == 1 {
			l.Version = c.Musl[0]
		}
	}
	return l
}

var muslLoader = pattern.New(`^ld-musl-.*\.so\.1$`)

func (t *Tree) libc(architecture string) Libc {
	for _, folder := range libFolders(architecture) {
		e, ok := t.Stat(folder + "/libc.so.6")
		c := t.content(folder + "/libc.so.6")
		if ok && c != nil && c.ELF != nil && c.Glibc != "" {
			return Libc{Glibc, c.Glibc, "/" + e.Path, c.ELF.Machine}
		}
	}
	for _, name := range t.List("lib") {
		if muslLoader().MatchString(name) {
			return t.musl(path.Join("/lib", name))
		}
	}
	return Libc{}
}
