package rootfs

import (
	"debug/elf"
	"path"
	"strings"
)

// besides are endings of names that a program makes beside a file: the file under another name, or on its way.
var besides = []string{".distrib", ".temp", ".tmp"}

// keepsWhatIs tells whether a preinst that is a program can be expected to have nothing to do. The package of a shell
// cannot ask a shell before it is unpacked, and so a program of its own looks after the links of older versions. A
// package that is essential, and whose program names no path but those that are there, is taken to be such a one.
func (c *configuration) keepsWhatIs(u *unpacked, program string) bool {
	if !u.essential() {
		return false
	}
	f, err := elf.NewFile(strings.NewReader(program))
	if err != nil {
		return false
	}
	constants := f.Section(".rodata")
	if constants == nil {
		return false
	}
	data, err := constants.Data()
	if err != nil {
		return false
	}
	named := false
	for _, text := range strings.Split(string(data), "\x00") {
		if !strings.HasPrefix(text, "/") || text == "/dev/null" {
			continue
		}
		named = true
		text = strings.TrimSuffix(text, "\n") // of a line to compare
		for _, ending := range besides {
			text = strings.Replace(strings.TrimSuffix(text, ending), ending+".", ".", 1)
		}
		if path.Clean(text) != text || !c.t.exists(text) {
			return false
		}
	}
	return named
}

// essential tells whether the package says so of itself (policy 5.6.9).
func (u *unpacked) essential() bool {
	for _, f := range controlFields(u.control) {
		if key, value, _ := strings.Cut(f, ":"); strings.EqualFold(key, "Essential") {
			return strings.TrimSpace(value) == "yes"
		}
	}
	return false
}
