package rootfs

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The range of numbers for users and groups of the system, Debian Policy 9.2.2. adduser takes the first
// that is free, useradd and systemd-sysusers the last.
const (
	firstSystemID = 100
	lastSystemID  = 999
	nobodyID      = 65534
)

// table is one of the account files as fields.
type table [][]string

func (t *tree) table(p string) table {
	data, err := t.read(p)
	if err != nil {
		return nil
	}
	var lines table
	for _, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if line != "" {
			lines = append(lines, strings.Split(line, ":"))
		}
	}
	return lines
}

func (t *tree) setTable(p string, lines table, mode uint32, gid int) {
	var b bytes.Buffer
	for _, fields := range lines {
		b.WriteString(strings.Join(fields, ":") + "\n")
	}
	t.file(p, mode, gid, b.Bytes())
}

func (t *tree) setGroups(lines table) { t.setTable("etc/group", lines, 0o644, 0) }

func (l table) find(name string) []string {
	for _, fields := range l {
		if fields[0] == name && len(fields) > 2 {
			return fields
		}
	}
	return nil
}

func (l table) findID(id int) []string {
	for _, fields := range l {
		if len(fields) > 2 && fields[2] == strconv.Itoa(id) {
			return fields
		}
	}
	return nil
}

// id gives the number of a user or group, by name or by number.
func (l table) id(name string) (int, bool) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, true
	}
	if fields := l.find(name); fields != nil {
		n, err := strconv.Atoi(fields[2])
		return n, err == nil
	}
	return 0, false
}

// free finds a number that no user has and, unless the user gets a group that is there, no group either.
func (t *tree) free(descending, usersOnly bool) (int, error) {
	users, groups := t.table("etc/passwd"), t.table("etc/group")
	for i := range lastSystemID - firstSystemID + 1 {
		id := firstSystemID + i
		if descending {
			id = lastSystemID - i
		}
		if users.findID(id) == nil && (usersOnly || groups.findID(id) == nil) {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no number between %d and %d is free for a user of the system", firstSystemID, lastSystemID)
}

// newAccount is a user or group that a script asks for. Of the numbers, -1 is any.
type newAccount struct {
	name               string
	uid, gid           int
	group              string // existing primary group; "" for one of the user's own
	gecos, home, shell string
	descending         bool
	secret             string // in the shadow file, if it is not the usual
	makeHome, locked   bool
	groups             []string // further groups
}

// addGroup adds a group unless it is there.
func (t *tree) addGroup(name string, gid int, descending bool, secret string) error {
	groups := t.table("etc/group")
	if groups.find(name) != nil {
		return nil
	}
	if gid < 0 {
		var err error
		if gid, err = t.free(descending, false); err != nil {
			return err
		}
	} else if groups.findID(gid) != nil {
		return fmt.Errorf("the number %d of the group %s is taken", gid, name)
	}
	t.setGroups(append(groups, []string{name, "x", strconv.Itoa(gid), ""}))
	t.setTable("etc/gshadow", append(t.table("etc/gshadow"), []string{name, secret, "", ""}), 0o640, shadowGroup)
	return nil
}

// addUser adds a user unless it is there.
func (t *tree) addUser(a newAccount) error {
	users := t.table("etc/passwd")
	if users.find(a.name) != nil {
		return nil
	}
	if a.uid < 0 {
		var err error
		if a.uid, err = t.free(a.descending, a.group != "" || a.gid >= 0); err != nil {
			return err
		}
	} else if users.findID(a.uid) != nil {
		return fmt.Errorf("the number %d of the user %s is taken", a.uid, a.name)
	}
	gid := a.gid
	switch {
	case a.group == "" && gid < 0:
		if t.table("etc/group").find(a.name) == nil {
			want := a.uid
			if t.table("etc/group").findID(want) != nil {
				want = -1
			}
			if err := t.addGroup(a.name, want, a.descending, cmp.Or(a.secret, "!")); err != nil {
				return err
			}
		}
		gid, _ = t.table("etc/group").id(a.name)
	case gid < 0:
		var ok bool
		if gid, ok = t.table("etc/group").id(a.group); !ok {
			return fmt.Errorf("the user %s wants the group %s, which is not there", a.name, a.group)
		}
	}
	t.setTable("etc/passwd", append(users, []string{a.name, "x", strconv.Itoa(a.uid), strconv.Itoa(gid), a.gecos, a.home, a.shell}), 0o644, 0)
	secret := "*"
	if a.locked {
		secret = "!"
	}
	if a.secret != "" {
		secret = a.secret
	}
	fields := []string{a.name, secret, "", "", "", "", "", "", ""}
	if !a.locked {
		fields = []string{a.name, secret, "", "0", "99999", "7", "", "", ""}
	}
	t.setTable("etc/shadow", append(t.table("etc/shadow"), fields), 0o640, shadowGroup)
	if a.makeHome && !t.exists(a.home) {
		t.dir(a.home, 0o755, gid)
		if e, _, ok := t.stat(a.home); ok {
			e.UID, e.GID = a.uid, gid
		}
	}
	for _, g := range a.groups {
		if err := t.join(a.name, g); err != nil {
			return err
		}
	}
	return nil
}

// join makes a user a member of a group.
func (t *tree) join(user, group string) error {
	groups := t.table("etc/group")
	for _, fields := range groups {
		if fields[0] != group || len(fields) < 4 {
			continue
		}
		members := strings.Split(fields[3], ",")
		if fields[3] == "" {
			members = nil
		}
		if !slices.Contains(members, user) {
			fields[3] = strings.Join(append(members, user), ",")
		}
		t.setGroups(groups)
		shadows := t.table("etc/gshadow")
		for _, s := range shadows {
			if s[0] == group && len(s) == 4 {
				s[3] = fields[3]
			}
		}
		t.setTable("etc/gshadow", shadows, 0o640, shadowGroup)
		return nil
	}
	return fmt.Errorf("there is no group %s for the user %s", group, user)
}
