package backend

import (
	"io/fs"
	"path"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/pyvalue"
)

var configKey = pattern.New(`(?m)^setup_requires\s*=(.*(?:\n[ \t]+\S.*)*)`)

// setupRequires are the requirements of setup_requires, as far as setup.py shows them without being run, or setup.cfg has them. What
// else the program makes of them, the build backend tells when it is asked.
func setupRequires(dir fs.FS, setup, config string) []string {
	list := calledRequires(dir, setup)
	if m := configKey().FindStringSubmatch(config); m != nil {
		separator := "\n"
		if !strings.Contains(m[1], separator) {
			separator = ";"
		}
		for line := range strings.SplitSeq(m[1], separator) {
			list = append(list, strings.TrimSpace(line))
		}
	}
	clean := list[:0]
	for _, r := range list {
		if nameOf(r) != "" {
			clean = append(clean, r)
		}
	}
	return clean
}

// calledRequires are the texts that the calls of setup give to setup_requires. What only may be there is left to the backend.
func calledRequires(dir fs.FS, setup string) (list []string) {
	if !strings.Contains(setup, "setup_requires") {
		return nil
	}
	open := func(name string) ([]byte, error) {
		name = path.Clean(name)
		if !fs.ValidPath(name) {
			return nil, fs.ErrNotExist
		}
		content, ok, err := text(dir, name)
		if err == nil && !ok {
			err = fs.ErrNotExist
		}
		return []byte(content), err
	}
	// A file that stops being Python may be that of an old one; the calls before that count.
	calls, _ := pyvalue.Calls("setup.py", []byte(setup), "setup", open)
	var add func(v pyvalue.Value, depth int)
	add = func(v pyvalue.Value, depth int) {
		switch v := v.(type) {
		case pyvalue.Str:
			if v.Doubt != "" {
				return
			}
			for line := range strings.SplitSeq(v.S, "\n") {
				list = append(list, marked(strings.TrimSpace(line), v.Marker))
			}
		case *pyvalue.List:
			for _, item := range v.Items {
				if depth < 3 { // setuptools takes lists in lists; they may contain themselves
					add(item, depth+1)
				}
			}
		}
	}
	for _, c := range calls {
		add(c.Named["setup_requires"], 0)
	}
	return list
}

// marked puts a requirement under a marker as well.
func marked(requirement, marker string) string {
	if requirement == "" || marker == "" {
		return requirement
	}
	text, own, _ := strings.Cut(requirement, ";")
	if own = strings.TrimSpace(own); own != "" {
		marker = "(" + own + ") and (" + marker + ")"
	}
	return strings.TrimSpace(text) + " ; " + marker
}
