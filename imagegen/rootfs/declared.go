package rootfs

import (
	"path"
	"strings"

	"github.com/envpack/envpack/internal/maintscript"
)

// declarations reads the lines of the named files of systemd's kinds of configuration: FOLDER/NAME in the
// usual places, or all files of them if none is named.
func (c *configuration) declarations(call maintscript.Call, folder string) ([][]string, string) {
	var lines [][]string
	for _, w := range call.Words() {
		if strings.HasPrefix(w, "-") {
			continue
		}
		text, found := "", false
		for _, dir := range []string{"/etc/", "/usr/lib/", "/lib/"} {
			if text, found = c.Read(path.Join(dir, folder, w)); found {
				break
			}
		}
		if !found {
			return nil, "there is no file " + w
		}
		for _, line := range strings.Split(text, "\n") {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			lines = append(lines, quotedFields(line))
		}
	}
	return lines, ""
}

// quotedFields splits at blanks outside of quotes.
func quotedFields(line string) []string {
	var all []string
	var now strings.Builder
	var quote rune
	open := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if open {
				all = append(all, now.String())
				now.Reset()
				open = false
			}
		default:
			now.WriteRune(r)
			open = true
		}
	}
	if open {
		all = append(all, now.String())
	}
	return all
}

func field(line []string, i int) string {
	if i < len(line) && line[i] != "-" {
		return line[i]
	}
	return ""
}

// locked is what systemd-sysusers writes where a password would be.
const locked = "!*"

// sysusers is systemd-sysusers(8): sysusers.d(5).
func sysusers(c *configuration, call maintscript.Call) string {
	lines, why := c.declarations(call, "sysusers.d")
	if why != "" {
		return why
	}
	for _, line := range lines {
		name := field(line, 1)
		id, group, _ := strings.Cut(field(line, 2), ":")
		switch strings.TrimSuffix(line[0], "!") {
		case "g":
			why = said(c.t.addGroup(name, number(id), true, locked))
		case "u":
			a := newAccount{name: name, uid: number(id), gid: -1, group: group, gecos: field(line, 3), home: field(line, 4), shell: field(line, 5), descending: true, locked: true, secret: locked}
			if n := number(group); n >= 0 {
				a.gid, a.group = n, ""
			}
			if a.home == "" {
				a.home = "/"
			}
			if a.shell == "" {
				a.shell = "/usr/sbin/nologin"
			}
			why = said(c.t.addUser(a))
		case "m":
			if why = said(c.t.addGroup(field(line, 2), -1, true, locked)); why == "" {
				why = said(c.t.join(name, field(line, 2)))
			}
		case "r":
		default:
			why = "a line of sysusers.d that is not known"
		}
		if why != "" {
			return why
		}
	}
	return ""
}

// tmpfiles is systemd-tmpfiles(8) --create: tmpfiles.d(5), for folders, links and empty files. What lies
// below /run is made at each start by whoever needs it, but folders there do no harm.
func tmpfiles(c *configuration, call maintscript.Call) string {
	lines, why := c.declarations(call, "tmpfiles.d")
	if why != "" {
		return why
	}
	for _, line := range lines {
		p := field(line, 1)
		if strings.Contains(p, "%") || strings.ContainsAny(line[0], "!^") {
			continue // of a start, of this machine, of credentials
		}
		switch strings.TrimRight(line[0], "+=-^~$") {
		case "d", "D", "v", "q", "Q":
			c.t.dir(p, 0o755, 0)
		case "L":
			c.t.symlink(p, field(line, 6))
			continue
		case "f", "F":
			c.t.fileIfMissing(p, 0o644, 0, []byte(field(line, 6)))
		case "x", "X", "r", "R", "e", "h", "H", "a", "A", "t", "T":
			continue
		case "z", "Z":
		default:
			return "a line of tmpfiles.d that is not known"
		}
		if why := c.mode(p, strings.TrimLeft(field(line, 2), "~:")); why != "" {
			return why
		}
		if user, group := strings.TrimLeft(field(line, 3), ":"), strings.TrimLeft(field(line, 4), ":"); user+group != "" {
			if why := c.owner(p, user+":"+group); why != "" {
				return why
			}
		}
	}
	return ""
}
