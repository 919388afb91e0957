package rootfs

import (
	"bytes"
	"fmt"
	"strings"
)

// The image's own user. Its numbers are the first that adduser gives to a person.
const (
	AppUser = "app"
	AppID   = 1000
	AppHome = "/home/app"
)

// shadowGroup is the group of the shadow files: Debian Policy 9.2.2 keeps the number for good.
const shadowGroup = 42

// accounts writes the users and groups that base-passwd's postinst makes from its masters, and
// the user app. The day of the last password change, which a real installation takes from the
// clock, stays empty: no ageing (shadow(5)).
func (t *tree) accounts() error {
	users, err := t.master("usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/bash\n")
	if err != nil {
		return err
	}
	groups, err := t.master("usr/share/base-passwd/group.master", "root:*:0:\n")
	if err != nil {
		return err
	}
	shell := "/bin/sh"
	if t.exists("usr/bin/bash") {
		shell = "/bin/bash"
	}
	users = append(users, fmt.Sprintf("%s:x:%d:%d::%s:%s", AppUser, AppID, AppID, AppHome, shell))
	groups = append(groups, fmt.Sprintf("%s:x:%d:", AppUser, AppID))

	var passwd, shadow, group, gshadow bytes.Buffer
	for _, line := range users {
		passwd.WriteString(line + "\n")
		name, _, _ := strings.Cut(line, ":")
		secret := "*"
		if name == AppUser {
			secret = "!"
		}
		fmt.Fprintf(&shadow, "%s:%s::0:99999:7:::\n", name, secret)
	}
	for _, line := range groups {
		group.WriteString(line + "\n")
		name, _, _ := strings.Cut(line, ":")
		secret := "*"
		if name == AppUser {
			secret = "!"
		}
		fmt.Fprintf(&gshadow, "%s:%s::\n", name, secret)
	}
	t.file("etc/passwd", 0o644, 0, passwd.Bytes())
	t.file("etc/group", 0o644, 0, group.Bytes())
	t.file("etc/shadow", 0o640, shadowGroup, shadow.Bytes())
	t.file("etc/gshadow", 0o640, shadowGroup, gshadow.Bytes())
	t.file("etc/subuid", 0o644, 0, nil)
	t.file("etc/subgid", 0o644, 0, nil)
	return t.home()
}

// master reads one of base-passwd's tables; a `*` in the password's place becomes `x`, as the
// real installation has it.
func (t *tree) master(p, without string) ([]string, error) {
	text := without
	if t.exists(p) {
		data, err := t.read(p)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fields := strings.Split(line, ":")
		if len(fields) < 4 {
			return nil, fmt.Errorf("/%s: %q is no line of an account table", p, line)
		}
		if fields[0] == AppUser || fields[2] == fmt.Sprint(AppID) {
			return nil, fmt.Errorf("/%s: the image's user %s (%d) is taken", p, AppUser, AppID)
		}
		if fields[1] == "*" {
			fields[1] = "x"
		}
		lines = append(lines, strings.Join(fields, ":"))
	}
	return lines, nil
}

// home makes the user's home from /etc/skel, with a place for caches, all its own. A user whose group is root may
// write there as well, as container platforms make them up.
func (t *tree) home() error {
	t.dir(AppHome, 0o775, 0)
	for _, d := range []string{AppHome, AppHome + "/.cache", AppHome + "/.config", AppHome + "/.local"} {
		t.dir(d, 0o775, 0)
		t.own(d)
	}
	for _, p := range t.paths("etc/skel") {
		e := *t.nodes[p]
		e.Path = clean(AppHome) + strings.TrimPrefix(p, "etc/skel")
		e.UID, e.GID = AppID, AppID
		t.nodes[e.Path] = &e
	}
	return nil
}

func (t *tree) own(p string) {
	if e, _, ok := t.stat(p); ok {
		e.UID, e.GID, e.Mode = AppID, 0, 0o775
	}
}
