package wheelfile

import (
	"fmt"
	"strings"
)

// EntryPoint is a line of entry_points.txt (PyPA's entry points specification).
type EntryPoint struct {
	Group  string // "console_scripts"
	Name   string
	Module string   // "package.module"
	Attr   string   // "main", "App.run"; "" is the module itself
	Extras []string // deprecated; not to be acted on
}

// ParseEntryPoints reads entry_points.txt: sections in brackets, lines NAME = MODULE[:ATTR] [EXTRAS],
// comments that begin with # or ;. Names keep their case.
func ParseEntryPoints(raw []byte) ([]EntryPoint, error) {
	var points []EntryPoint
	group, inGroup := "", false
	raw = []byte(strings.TrimPrefix(string(raw), "\ufeff"))
	for n := 1; len(raw) > 0; n++ {
		var b []byte
		b, raw = cutLine(raw)
		line := strings.TrimSpace(decode(b))
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '[':
			if line[len(line)-1] != ']' {
				return nil, fmt.Errorf("line %d: %q is not a section", n, line)
			}
			group, inGroup = strings.TrimSpace(line[1:len(line)-1]), true
			continue
		case !inGroup:
			return nil, fmt.Errorf("line %d: %q is in no section", n, line)
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d: %q is not NAME = VALUE", n, line)
		}
		p, err := parseReference(strings.TrimSpace(value))
		if err != nil {
			if group != "console_scripts" && group != "gui_scripts" {
				// Other groups belong to whoever reads them.
				continue
			}
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		p.Group, p.Name = group, name
		points = append(points, p)
	}
	return points, nil
}

// parseReference reads MODULE[:ATTR] [EXTRAS].
func parseReference(s string) (EntryPoint, error) {
	var p EntryPoint
	ref := s
	if at := strings.IndexByte(s, '['); at >= 0 {
		if s[len(s)-1] != ']' {
			return p, fmt.Errorf("%q is not an object reference", s)
		}
		for _, x := range strings.Split(s[at+1:len(s)-1], ",") {
			if x = strings.TrimSpace(x); x != "" {
				p.Extras = append(p.Extras, x)
			}
		}
		ref = s[:at]
	}
	module, attr, colon := strings.Cut(ref, ":")
	p.Module, p.Attr = strings.TrimSpace(module), strings.TrimSpace(attr)
	if !dotted(p.Module) || colon && !dotted(p.Attr) {
		return p, fmt.Errorf("%q is not an object reference", s)
	}
	return p, nil
}

// dotted tells whether s is made of identifiers. That a letter may stand in one is left to Python, but
// nothing that ends an expression passes.
func dotted(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if part == "" || part[0] >= '0' && part[0] <= '9' {
			return false
		}
		for _, c := range part {
			if c < 0x80 && c != '_' && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z') {
				return false
			}
		}
	}
	return true
}
