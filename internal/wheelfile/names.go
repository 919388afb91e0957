package wheelfile

import (
	"strings"
	"unicode/utf8"
)

const (
	maxName = 4096 // bytes: Linux's PATH_MAX
	maxPart = 255  // Linux's NAME_MAX
)

// checkName refuses names that are not relative and clean, or that an image layer cannot hold:
// a part that begins with ".wh." would delete a file there (OCI image specification, layers).
func checkName(name string, isUTF8 bool) error {
	switch {
	case name == "":
		return harmful("has no name")
	case len(name) > maxName:
		return harmful("has a name of %d bytes", len(name))
	case name[0] == '/':
		return harmful("has an absolute name")
	case strings.Contains(name, `\`):
		return harmful("has a backslash in its name")
	case !utf8.ValidString(name):
		return harmful("has a name that is not UTF-8")
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c < 0x20 || c == 0x7f:
			return harmful("has a control character in its name")
		case c >= utf8.RuneSelf && !isUTF8:
			// Without the flag, the name is in an unknown code page (APPNOTE, appendix D).
			return harmful("has a name that is not ASCII and not marked as UTF-8")
		}
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return harmful("has a name that is not a clean path")
		case len(part) > maxPart:
			return harmful("has a name with a part of %d bytes", len(part))
		case strings.HasPrefix(part, ".wh."):
			return harmful("has a name that deletes files in an image (.wh.)")
		}
	}
	if len(name) > 1 && name[1] == ':' {
		return harmful("has a name with a drive letter")
	}
	return nil
}

// fold is what two names must not have in common: they would be one file where case does not count.
func fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, "/")) }

// checkNames refuses names that stand twice, or are the same but for case, and a file that is also
// the folder of another.
func (d *Directory) checkNames() error {
	d.folded = make(map[string]int, len(d.Entries))
	for i := range d.Entries {
		name := d.Entries[i].Name
		key := fold(name)
		if other, twice := d.folded[key]; twice {
			if d.Entries[other].Name == name {
				return d.fault(name, "%w", harmful("stands twice in the archive"))
			}
			return d.fault(name, "%w", harmful("collides with %q", d.Entries[other].Name))
		}
		d.folded[key] = i
	}
	checked := "" // most files lie in the folder of the one before
	for i := range d.Entries {
		name := d.Entries[i].Name
		last := strings.LastIndexByte(strings.TrimSuffix(name, "/"), '/')
		if last < 0 || name[:last] == checked {
			continue
		}
		checked = name[:last]
		for at := range len(checked) + 1 {
			if at < len(checked) && checked[at] != '/' {
				continue
			}
			if _, is := d.index(checked[:at]); is { // a folder's name ends with a slash
				return d.fault(name, "%w", harmful("lies in a folder that is a file too"))
			}
		}
	}
	return nil
}
