package rootfs

import (
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/maintscript"
)

// mode sets a file's mode, if one is said.
func (c *configuration) mode(p, mode string) string {
	e, _, ok := c.t.stat(p)
	if mode == "" || !ok {
		return ""
	}
	changed, ok := changeMode(e.Mode, mode, e.Kind == layer.Dir)
	if !ok {
		return "a mode that is not known"
	}
	e.Mode = changed
	return ""
}

// changeMode is chmod(1)'s: an octal number or clauses as in u+s,go-w.
func changeMode(mode uint32, to string, dir bool) (uint32, bool) {
	if n, err := strconv.ParseUint(to, 8, 32); err == nil && n <= 0o7777 {
		if dir && len(to) <= 4 { // setuid and setgid of folders stay unless five digits say otherwise
			return uint32(n) | mode&0o6000, true
		}
		return uint32(n), true
	}
	for _, clause := range strings.Split(to, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, false
		}
		who, op, what := clause[:at], clause[at], clause[at+1:]
		if who == "" {
			who = "a"
		}
		var bits, all uint32
		for _, w := range who {
			shift, ok := map[rune]uint32{'u': 6, 'g': 3, 'o': 0, 'a': 9}[w]
			if !ok {
				return 0, false
			}
			shifts := []uint32{shift}
			if w == 'a' {
				shifts = []uint32{6, 3, 0}
			}
			for _, s := range shifts {
				all |= 7 << s
				for _, x := range what {
					switch x {
					case 'r':
						bits |= 4 << s
					case 'w':
						bits |= 2 << s
					case 'x':
						bits |= 1 << s
					case 'X':
						if dir || mode&0o111 != 0 {
							bits |= 1 << s
						}
					case 's':
						bits |= map[uint32]uint32{6: 0o4000, 3: 0o2000}[s]
					case 't':
						bits |= 0o1000
					default:
						return 0, false
					}
				}
			}
		}
		switch op {
		case '+':
			mode |= bits
		case '-':
			mode &^= bits
		case '=':
			mode = mode&^all | bits
		}
	}
	return mode, true
}

// owner sets who owns what a path leads to: USER, USER:GROUP, :GROUP.
func (c *configuration) owner(p, owner string) string {
	e, _, ok := c.t.stat(p)
	if owner == "" || !ok {
		return ""
	}
	e.Capability = "" // as chown(2) does
	user, group, _ := strings.Cut(strings.Replace(owner, ".", ":", 1), ":")
	if user != "" {
		id, ok := c.t.table("etc/passwd").id(user)
		if !ok {
			return "there is no user " + user
		}
		e.UID = id
	}
	if group != "" {
		id, ok := c.t.table("etc/group").id(group)
		if !ok {
			return "there is no group " + group
		}
		e.GID = id
	}
	return ""
}

func chown(c *configuration, call maintscript.Call) string {
	o, operands, ok := splitOptions(call.Words(), "", "R recursive f silent quiet v c h no-dereference changes verbose")
	if !ok || len(operands) < 2 || !absolute(operands[1:]) {
		return unknownOption
	}
	owner := operands[0]
	if call.Name() == "chgrp" {
		owner = ":" + owner
	}
	for _, p := range c.each(operands[1:], has(o, "R", "recursive")) {
		if why := c.owner(p, owner); why != "" {
			return why
		}
	}
	return ""
}

func chmod(c *configuration, call maintscript.Call) string {
	words := call.Words()
	for i, w := range words { // -w and its like are modes
		if len(w) > 1 && w[0] == '-' && strings.Trim(w[1:], "rwxst") == "" {
			words[i] = "a" + w
		}
	}
	o, operands, ok := splitOptions(words, "", "R recursive f silent quiet v c changes verbose")
	if !ok || len(operands) < 2 || !absolute(operands[1:]) {
		return unknownOption
	}
	for _, p := range c.each(operands[1:], has(o, "R", "recursive")) {
		if why := c.mode(p, operands[0]); why != "" {
			return why
		}
	}
	return ""
}

// each gives the paths, with all below them if that is wanted.
func (c *configuration) each(paths []string, below bool) []string {
	if !below {
		return paths
	}
	var all []string
	for _, p := range paths {
		all = append(all, p)
		at, err := c.t.resolve(p)
		if err != nil {
			continue
		}
		for _, b := range c.t.paths(at) {
			if c.t.nodes[b].Kind != layer.Symlink {
				all = append(all, "/"+b)
			}
		}
	}
	return all
}
