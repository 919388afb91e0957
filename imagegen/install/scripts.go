package install

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/wheelfile"
)

// python is how the first line of a script begins that is to be made the environment's (PyPA's binary
// distribution format, Recommended installer features). "#!pythonw" and arguments are replaced with it.
const python = "#!python"

// maxScript is the largest script, in bytes, whose first line is rewritten. Programs have no such line.
const maxScript = 16 << 20

// script gives the text of a script whose first line asks for Python, with the line rewritten; nil for
// other files.
func (p *planner) script(e *wheelfile.Entry) ([]byte, error) {
	var start []byte
	err := p.wheel.Inflate(*e, func(b []byte) error {
		start = append(start, b[:min(len(b), len(python)-len(start))]...)
		if len(start) < len(python) {
			return nil
		}
		return wheelfile.ErrStop
	})
	if err != nil || string(start) != python {
		return nil, err
	}
	text, err := p.wheel.ReadFile(e.Name, maxScript)
	if err != nil {
		return nil, err
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return append([]byte(p.shebang()), rest...), nil
}

func (p *planner) shebang() string { return "#!" + p.in.layout.Interpreter() + "\n" }

// wrapper is pip's text for the script of an entry point.
const wrapper = `# -*- coding: utf-8 -*-
import re
import sys
from %s import %s
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\.pyw|\.exe)?$', '', sys.argv[0])
    sys.exit(%s())
`

// isScript tells whether an entry point is to become a script: on Linux the two groups are the same.
func isScript(e wheelfile.EntryPoint) bool {
	return e.Group == "console_scripts" || e.Group == "gui_scripts"
}

// wrappers makes the scripts of the entry points.
func (p *planner) wrappers(points []wheelfile.EntryPoint) ([]file, error) {
	made := map[string]wheelfile.EntryPoint{}
	for _, e := range points {
		if !isScript(e) {
			continue
		}
		if other, ok := made[e.Name]; ok && (other.Module != e.Module || other.Attr != e.Attr) {
			return nil, p.fault(entryPoints, "script %q calls two functions", e.Name)
		}
		made[e.Name] = e
	}
	p.versioned(made)
	var files []file
	for _, name := range slices.Sorted(maps.Keys(made)) {
		e := made[name]
		if e.Attr == "" {
			return nil, p.fault(entryPoints, "script %q names a module and no function to call", name)
		}
		if !scriptName(name) {
			return nil, p.fault(entryPoints, "%q cannot be the name of a script", name)
		}
		to, _, err := p.in.layout.checked(p.in.layout.Prefix+"/bin/"+name, scripts)
		if err != nil {
			return nil, p.fault(entryPoints, "script %q %w", name, err)
		}
		imported, _, _ := strings.Cut(e.Attr, ".")
		text := p.shebang() + fmt.Sprintf(wrapper, e.Module, imported, e.Attr)
		f := generated(to, text, 0o755)
		f.calls = e.Module
		files = append(files, f)
	}
	return files, nil
}

// Old wheels of pip and setuptools, built once for all Pythons, name scripts after the version that
// built them. pip makes those of the version that it installs for; so does this.
var (
	pipScript     = pattern.New(`^pip([0-9]+(\.[0-9]+)?)?$`)
	easyScript    = pattern.New(`^easy_install(-[0-9]+\.[0-9]+)?$`)
	versionedRule = []struct {
		name  string
		names func() *regexp.Regexp
	}{{"pip", pipScript}, {"easy_install", easyScript}}
)

func (p *planner) versioned(made map[string]wheelfile.EntryPoint) {
	for _, rule := range versionedRule {
		e, ok := made[rule.name]
		if !ok {
			continue
		}
		for name := range made {
			if rule.names().MatchString(name) {
				delete(made, name)
			}
		}
		minor := p.in.layout.version()
		major, _, _ := strings.Cut(minor, ".")
		made[rule.name] = e
		if rule.name == "pip" {
			made["pip"+major], made["pip"+minor] = e, e
		} else {
			made["easy_install-"+minor] = e
		}
	}
}

func scriptName(name string) bool {
	if name == "." || name == ".." || len(name) > 255 || strings.HasPrefix(name, ".wh.") {
		return false
	}
	for _, c := range name {
		if c < 0x20 || c == 0x7f || c == '/' || c == '\\' {
			return false
		}
	}
	return true
}

// wrapperNames gives a function that tells whether a file of the scripts scheme is what setuptools made of
// an entry point when it built the wheel: the installer makes its own, as pip does.
func wrapperNames(points []wheelfile.EntryPoint) func(p string) bool {
	names := map[string]bool{}
	for _, e := range points {
		if isScript(e) {
			names[e.Name] = true
		}
	}
	return func(p string) bool {
		name := path.Base(p)
		lower := strings.ToLower(name)
		for _, suffix := range []string{".exe", "-script.py", ".pya"} {
			if strings.HasSuffix(lower, suffix) {
				name = name[:len(name)-len(suffix)]
				break
			}
		}
		return names[name]
	}
}
