package rootfs

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/maintscript"
)

const addOptions = "uid gid ingroup home shell gecos comment firstuid lastuid firstgid lastgid add_extra_groups conf"

func number(s string) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && s != "" {
		return n
	}
	return -1
}

// adduser is adduser(8) and addgroup(8), for users and groups of the system, and for memberships.
func adduser(c *configuration, call maintscript.Call) string {
	o, names, ok := splitOptions(call.Words(), addOptions, "system group quiet disabled-password disabled-login no-create-home force-badname allow-badname allow-badnames debug verbose allow-bad-names")
	if !ok || len(names) == 0 || len(names) > 2 {
		return unknownOption
	}
	if len(names) == 2 {
		return said(c.t.join(names[0], names[1]))
	}
	group := call.Name() == "addgroup" || has(o, "group") && !has(o, "system")
	if !has(o, "system") && !(group && has(o, "gid")) {
		return "it is not for the system"
	}
	if group {
		return said(c.t.addGroup(names[0], number(o["gid"]), false, "!"))
	}
	// What a user gets that nothing is said of has changed over adduser's versions; its program says it.
	program, _ := c.Read("/usr/sbin/adduser")
	a := newAccount{name: names[0], uid: number(o["uid"]), gid: number(o["gid"]), group: o["ingroup"], gecos: o["gecos"] + o["comment"], home: o["home"], shell: o["shell"]}
	if a.group == "" && a.gid < 0 && !has(o, "group") {
		a.group = "nogroup"
	}
	if a.home == "" {
		a.home = "/home/" + a.name
		if strings.Contains(program, "/nonexistent") {
			a.home = "/nonexistent"
		}
	}
	if a.shell == "" {
		a.shell = "/bin/false"
		if strings.Contains(program, "/usr/sbin/nologin") || program == "" {
			a.shell = "/usr/sbin/nologin"
		}
	}
	a.locked = strings.Contains(program, "usermod -p '!'") || !strings.Contains(program, "'*'")
	a.makeHome = !has(o, "no-create-home") && a.home != "/nonexistent"
	return said(c.t.addUser(a))
}

func said(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// useradd is useradd(8) for users of the system.
func useradd(c *configuration, call maintscript.Call) string {
	o, names, ok := splitOptions(call.Words(), "u uid g gid d home home-dir s shell c comment G groups K p password k skel root P prefix", "r system M no-create-home m create-home N no-user-group U user-group o non-unique l no-log-init")
	if !ok || len(names) != 1 || !has(o, "r", "system") {
		return unknownOption
	}
	a := newAccount{name: names[0], uid: number(o["u"] + o["uid"]), gid: -1, group: o["g"] + o["gid"], gecos: o["c"] + o["comment"],
		home: o["d"] + o["home"] + o["home-dir"], shell: o["s"] + o["shell"], descending: true, locked: true, makeHome: has(o, "m", "create-home")}
	if n := number(a.group); n >= 0 {
		a.gid, a.group = n, ""
	}
	if has(o, "N", "no-user-group") && a.group == "" {
		a.group = "users"
	}
	if a.home == "" {
		a.home = "/home/" + a.name
	}
	if a.shell == "" {
		a.shell = "/bin/sh"
	}
	if g := o["G"] + o["groups"]; g != "" {
		a.groups = strings.Split(g, ",")
	}
	return said(c.t.addUser(a))
}

func groupadd(c *configuration, call maintscript.Call) string {
	o, names, ok := splitOptions(call.Words(), "g gid K p password P prefix", "r system f force o non-unique")
	if !ok || len(names) != 1 {
		return unknownOption
	}
	return said(c.t.addGroup(names[0], number(o["g"]+o["gid"]), true, "!"))
}

// usermod changes a user's fields.
func usermod(c *configuration, call maintscript.Call) string {
	o, names, ok := splitOptions(call.Words(), "c comment d home s shell G groups p password g gid", "a append L lock U unlock")
	if !ok || len(names) != 1 {
		return unknownOption
	}
	users := c.t.table("etc/passwd")
	fields := users.find(names[0])
	if len(fields) != 7 {
		return "there is no user " + names[0]
	}
	for _, f := range []struct {
		at          int
		short, long string
	}{{4, "c", "comment"}, {5, "d", "home"}, {6, "s", "shell"}} {
		if has(o, f.short, f.long) {
			fields[f.at] = o[f.short] + o[f.long]
		}
	}
	if g := o["g"] + o["gid"]; g != "" {
		id, ok := c.t.table("etc/group").id(g)
		if !ok {
			return "there is no group " + g
		}
		fields[3] = strconv.Itoa(id)
	}
	c.t.setTable("etc/passwd", users, 0o644, 0)
	if p := o["p"] + o["password"]; p != "" {
		shadows := c.t.table("etc/shadow")
		for _, s := range shadows {
			if s[0] == names[0] && len(s) > 1 {
				s[1] = p
			}
		}
		c.t.setTable("etc/shadow", shadows, 0o640, shadowGroup)
	}
	for _, g := range strings.FieldsFunc(o["G"]+o["groups"], func(r rune) bool { return r == ',' }) {
		if why := said(c.t.join(names[0], g)); why != "" {
			return why
		}
	}
	return ""
}

func updateAlternatives(c *configuration, call maintscript.Call) string {
	words := call.Words()
	if !contains(strings.Join(words, " "), "--install") {
		return "" // removals and automatic mode change nothing on a first installation
	}
	a, err := parseInstall(words)
	if err != nil {
		c.unread = true
		return err.Error()
	}
	c.alternatives = append(c.alternatives, a)
	return ""
}

// statOverride gives a path another owner and mode, and remembers it.
func statOverride(c *configuration, call maintscript.Call) string {
	o, w, ok := splitOptions(call.Words(), "admindir instdir root", "add update remove quiet force force-all force-statoverride-add force-statoverride-remove")
	if !ok {
		return unknownOption
	}
	if has(o, "remove") {
		return ""
	}
	if !has(o, "add") || len(w) != 4 || !path.IsAbs(w[3]) {
		return unknownOption
	}
	if c.overrides == nil {
		c.overrides = map[string]string{}
	}
	c.overrides[w[3]] = strings.Join(w[:3], " ")
	if !has(o, "update") {
		return ""
	}
	strip := func(s string) string { return strings.TrimPrefix(s, "#") }
	if why := c.owner(w[3], strip(w[0])+":"+strip(w[1])); why != "" {
		return why
	}
	return c.mode(w[3], w[2])
}

// divert notes a diversion. Only those that move no file are carried out: of paths that nobody ships, or that
// the diverting package ships itself, so that nothing stands where another's file would.
func divert(c *configuration, call maintscript.Call) string {
	o, w, ok := splitOptions(call.Words(), "package divert admindir instdir root", "add remove rename no-rename local quiet test")
	if !ok {
		return unknownOption
	}
	if has(o, "remove") {
		return ""
	}
	if len(w) != 1 || !path.IsAbs(w[0]) {
		return unknownOption
	}
	d := diversion{from: w[0], to: o["divert"], by: o["package"]}
	if d.to == "" {
		d.to = d.from + ".distrib"
	}
	if d.by == "" {
		d.by = c.pkg.Name
	}
	if has(o, "local") {
		d.by = ":"
	}
	e, _ := c.t.get(d.from)
	if e != nil {
		owner := c.t.owner[e.Path]
		if owner == c.pkg.Name {
			return ""
		}
		if owner != "" && d.by != owner {
			return "the file of " + owner + " would move to " + d.to
		}
	}
	c.diversions = append(c.diversions, d)
	return ""
}

// addShell is debianutils' add-shell(8).
func addShell(c *configuration, call maintscript.Call) string {
	text, _ := c.Read("/etc/shells")
	for _, s := range call.Words() {
		both := []string{s}
		if merged := "/" + c.t.merge(clean(s), layer.File); merged != s {
			both = append(both, merged)
		} else if under, ok := strings.CutPrefix(s, "/usr/"); ok {
			if e, there := c.t.nodes[strings.SplitN(under, "/", 2)[0]]; there && e.Kind == layer.Symlink {
				both = append(both, "/"+under)
			}
		}
		for _, shell := range both {
			if c.t.exists(shell) && !strings.Contains("\n"+text, "\n"+shell+"\n") {
				text += shell + "\n"
			}
		}
	}
	c.t.file("etc/shells", 0o644, 0, []byte(text))
	return ""
}

// ucf puts a configuration file in its place, as it does where there was none.
func ucf(c *configuration, call maintscript.Call) string {
	_, w, ok := splitOptions(call.Words(), "debconf-template src-dir sum-file", "three-way debconf-ok purge d v n p Z")
	if !ok || len(w) != 2 || !absolute(w) {
		return unknownOption
	}
	if c.t.exists(w[1]) {
		return ""
	}
	_, why := c.copy(w[0], w[1])
	return why
}

// records writes dpkg's files about diversions and overrides.
func (c *configuration) records() {
	var b strings.Builder
	for _, d := range c.diversions {
		b.WriteString(d.from + "\n" + d.to + "\n" + d.by + "\n")
	}
	if b.Len() > 0 {
		c.t.file(admin+"/diversions", 0o644, 0, []byte(b.String()))
	}
	b.Reset()
	for _, p := range slices.Sorted(maps.Keys(c.overrides)) {
		b.WriteString(c.overrides[p] + " " + p + "\n")
	}
	if b.Len() > 0 {
		c.t.file(admin+"/statoverride", 0o644, 0, []byte(b.String()))
	}
}
