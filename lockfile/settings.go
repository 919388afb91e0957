package lockfile

import (
	"cmp"
	"strconv"
	"strings"
)

// settings compares the image's settings one by one.
func (d *differ) settings(old, now Image) {
	d.value(settingSubject, "command", Words(old.Command), Words(now.Command))
	d.value(settingSubject, "user", old.User, now.User)
	d.value(settingSubject, "workdir", old.Workdir, now.Workdir)
	d.table("env", old.Env, now.Env)
	d.value(settingSubject, "ports", strings.Join(old.Ports, ", "), strings.Join(now.Ports, ", "))
	d.value(settingSubject, "volumes", strings.Join(old.Volumes, ", "), strings.Join(now.Volumes, ", "))
	d.table("label", old.Labels, now.Labels)
	d.value(settingSubject, "include", strings.Join(old.Include, ", "), strings.Join(now.Include, ", "))
}

const settingSubject = "setting"

func (d *differ) table(name string, old, now map[string]string) {
	a, b := map[string]string{}, map[string]string{}
	for k, v := range old {
		a[name+" "+k] = cmp.Or(v, `""`) // the empty one is not none
	}
	for k, v := range now {
		b[name+" "+k] = cmp.Or(v, `""`)
	}
	d.maps(settingSubject, a, b)
}

// Words is a command as one line, of which the words can be told apart.
func Words(list []string) string {
	var quoted []string
	for _, w := range list {
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\") {
			w = strconv.Quote(w)
		}
		quoted = append(quoted, w)
	}
	return strings.Join(quoted, " ")
}
