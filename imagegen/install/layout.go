package install

import (
	"errors"
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/wheelfile"
)

// Layout is where an environment lies.
type Layout struct {
	Python string // minor version: "3.11"; of a free-threaded build "3.14t"
	Prefix string // folder of the virtual environment, relative to the root: "opt/env"
}

// SitePackages is the folder of pure and of platform dependent modules; in a virtual environment they are
// the same.
func (l Layout) SitePackages() string { return l.Prefix + "/lib/python" + l.Python + "/site-packages" }

// version is the minor version alone: what is no matter of the build has no t in its name.
func (l Layout) version() string { return strings.TrimSuffix(l.Python, "t") }

// Interpreter is the absolute path that scripts begin with.
func (l Layout) Interpreter() string { return "/" + l.Prefix + "/bin/python" }

var minorVersion = pattern.New(`^[0-9]+\.[0-9]+t?$`)

func (l Layout) check() error {
	if !minorVersion().MatchString(l.Python) {
		return fmt.Errorf("planning an installation: %q is not a minor version of Python", l.Python)
	}
	if l.Prefix == "" || strings.HasPrefix(l.Prefix, "/") || strings.HasSuffix(l.Prefix, "/") {
		return fmt.Errorf("planning an installation: prefix %q is not a relative path", l.Prefix)
	}
	return nil
}

// scripts is the scheme whose files are made executable.
const scripts = "scripts"

// place gives the path of a wheel's member, and the scheme that it belongs to. dist is the name for
// the folder of headers.
func (l Layout) place(member, dist string) (p, scheme string, err error) {
	top, rest, _ := strings.Cut(member, "/")
	if !strings.HasSuffix(top, ".data") {
		return l.checked(l.SitePackages()+"/"+member, "purelib")
	}
	scheme, rest, ok := strings.Cut(rest, "/")
	if !ok || rest == "" {
		return "", "", errors.New("lies in the .data folder but in none of its schemes")
	}
	switch scheme {
	case "purelib", "platlib":
		return l.checked(l.SitePackages()+"/"+rest, scheme)
	case "headers":
		return l.checked(l.Prefix+"/include/site/python"+l.version()+"/"+dist+"/"+rest, scheme)
	case scripts:
		return l.checked(l.Prefix+"/bin/"+rest, scheme)
	case "data":
		// lib64 is a link to lib in the environment, and no layer may reach through it.
		if lib, ok := strings.CutPrefix(rest, "lib64/"); ok {
			rest = "lib/" + lib
		}
		return l.checked(l.Prefix+"/"+rest, scheme)
	}
	return "", "", fmt.Errorf("lies in the scheme %q of the .data folder, which does not exist", scheme)
}

// reserved is what makes the environment one, relative to the prefix and without regard to case: the
// interpreter by each of its names, what tells it where it is, the links and files that are there before,
// and its folders, which no file may be.
var reserved = pattern.New(`(?i)^((pyvenv\.cfg|envpack\.lock|lib64|bin/python[0-9.]*t?w?(-config)?)(/|$)|(bin|lib|include)$)`)

func (l Layout) checked(p, scheme string) (string, string, error) {
	if rel := strings.TrimPrefix(p, l.Prefix+"/"); reserved().MatchString(rel) {
		return "", "", wheelfile.AsUnsafe(fmt.Errorf("would overwrite %s of the environment", rel))
	}
	return p, scheme, nil
}

// headersName is the folder that pip gives to the headers of a wheel file.
func headersName(wheel string) string {
	name, _, _ := wheelfile.ParseName(wheel)
	return strings.ReplaceAll(name, "_", "-")
}
