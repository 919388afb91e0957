package rootfs

import (
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/maintscript"
)

// commands are what scripts do with files, done to the tree. Each gives why it could not, or "".
var commands map[string]func(*configuration, maintscript.Call) string

func init() { // some of them name the table
	commands = map[string]func(*configuration, maintscript.Call) string{
		"mkdir": mkdir, "install": install, "rm": remove, "rmdir": removeDir, "touch": touch,
		"chown": chown, "chgrp": chown, "chmod": chmod, "ln": symlinkCommand, "cp": copyCommand, "mv": copyCommand,
		"echo": echo, "printf": echo, "cat": echo, ":": echo,
		"adduser": adduser, "addgroup": adduser, "useradd": useradd, "groupadd": groupadd, "usermod": usermod,
		"update-alternatives": updateAlternatives, "dpkg-statoverride": statOverride, "dpkg-divert": divert, "add-shell": addShell,
		"pam-auth-update": pamAuthUpdate, "setcap": setcap,
		"systemd-sysusers": sysusers, "systemd-tmpfiles": tmpfiles, "ucf": ucf, "ucfr": func(*configuration, maintscript.Call) string { return "" },
	}
}

const unknownOption = "an option that is not known"

// splitOptions splits words into options, of which those in valued take a value, and operands. A letter of
// several in one word counts on its own.
func splitOptions(words []string, valued string, plain string) (map[string]string, []string, bool) {
	got := map[string]string{}
	var operands []string
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return got, append(operands, words[i+1:]...), true
		case strings.HasPrefix(w, "--"):
			name, value, has := strings.Cut(w[2:], "=")
			if !has && contains(valued, name) && i+1 < len(words) {
				i++
				value = words[i]
			}
			if !contains(valued, name) && !contains(plain, name) {
				return nil, nil, false
			}
			got[name] = value
		case len(w) > 1 && w[0] == '-':
			for at := 1; at < len(w); at++ {
				name := w[at : at+1]
				if contains(valued, name) {
					value := w[at+1:]
					if value == "" && i+1 < len(words) {
						i++
						value = words[i]
					}
					got[name] = value
					break
				}
				if !contains(plain, name) {
					return nil, nil, false
				}
				got[name] = ""
			}
		default:
			operands = append(operands, w)
		}
	}
	return got, operands, true
}

func contains(list, name string) bool {
	for _, x := range strings.Fields(list) {
		if x == name {
			return true
		}
	}
	return false
}

func absolute(paths []string) bool {
	for _, p := range paths {
		if !path.IsAbs(p) {
			return false
		}
	}
	return len(paths) > 0
}

func has(o map[string]string, names ...string) bool {
	for _, n := range names {
		if _, ok := o[n]; ok {
			return true
		}
	}
	return false
}

func mkdir(c *configuration, call maintscript.Call) string {
	o, dirs, ok := splitOptions(call.Words(), "m mode", "p parents v verbose Z")
	if !ok || !absolute(dirs) {
		return unknownOption
	}
	for _, d := range dirs {
		if c.t.exists(d) {
			continue
		}
		c.t.dir(d, 0o777&^call.Umask, 0)
		if why := c.mode(d, o["m"]+o["mode"]); why != "" {
			return why
		}
	}
	return ""
}

func touch(c *configuration, call maintscript.Call) string {
	_, paths, ok := splitOptions(call.Words(), "r d t reference date", "a m c h no-dereference")
	if !ok || !absolute(paths) {
		return unknownOption
	}
	for _, p := range paths {
		if p != "/dev/null" {
			c.t.fileIfMissing(p, 0o666&^call.Umask, 0, nil)
		}
	}
	return ""
}

func remove(c *configuration, call maintscript.Call) string {
	o, paths, ok := splitOptions(call.Words(), "", "r R f v recursive force verbose one-file-system")
	if !ok || len(paths) > 0 && !absolute(paths) {
		return unknownOption
	}
	for _, p := range paths {
		c.t.remove(p, has(o, "r", "R", "recursive"))
	}
	return ""
}

// remove takes a path away, a folder only with what is below it.
func (t *tree) remove(p string, below bool) {
	e, ok := t.get(p)
	if !ok || e.Kind == layer.Dir && !below {
		return
	}
	if e.Kind == layer.Dir {
		for _, b := range t.paths(e.Path) {
			delete(t.nodes, b)
		}
	}
	delete(t.nodes, e.Path)
}

func removeDir(c *configuration, call maintscript.Call) string {
	_, paths, ok := splitOptions(call.Words(), "", "p parents ignore-fail-on-non-empty v")
	if !ok || !absolute(paths) {
		return unknownOption
	}
	for _, p := range paths {
		if e, ok := c.t.get(p); ok && e.Kind == layer.Dir && len(c.t.paths(e.Path)) == 0 && c.t.owner[e.Path] == "" {
			delete(c.t.nodes, e.Path)
		}
	}
	return ""
}

func symlinkCommand(c *configuration, call maintscript.Call) string {
	o, operands, ok := splitOptions(call.Words(), "", "s f n T v symbolic force no-dereference no-target-directory r relative")
	if !ok || len(operands) != 2 || !absolute(operands[1:]) || !has(o, "s", "symbolic") || has(o, "r", "relative") {
		return unknownOption
	}
	target, at := operands[0], operands[1]
	if e, ok := c.t.get(at); ok && e.Kind == layer.Symlink && e.Link == target {
		return ""
	}
	if e, _, ok := c.t.stat(at); ok && e.Kind == layer.Dir && !has(o, "n", "T", "no-dereference", "no-target-directory") || strings.HasSuffix(at, "/") {
		at = path.Join(at, path.Base(target))
	}
	if has(o, "f", "force") {
		c.t.remove(at, false)
	}
	c.t.symlink(at, target)
	return ""
}

func install(c *configuration, call maintscript.Call) string {
	o, operands, ok := splitOptions(call.Words(), "m mode o owner g group", "d D p c v directory preserve-timestamps verbose T")
	if !ok || !absolute(operands) {
		return unknownOption
	}
	finish := func(p, mode string) string {
		if m := o["m"] + o["mode"]; m != "" {
			mode = m
		}
		if why := c.mode(p, mode); why != "" {
			return why
		}
		owner := o["o"] + o["owner"]
		if g := o["g"] + o["group"]; g != "" {
			owner += ":" + g
		}
		return c.owner(p, owner)
	}
	if has(o, "d", "directory") {
		for _, d := range operands {
			c.t.dir(d, 0o755, 0)
			if why := finish(d, "0755"); why != "" {
				return why
			}
		}
		return ""
	}
	if len(operands) != 2 {
		return unknownOption
	}
	to, why := c.copy(operands[0], operands[1])
	if why != "" {
		return why
	}
	return finish(to, "0755")
}

// copy copies one file or link, over what is there.
func (c *configuration) copy(from, to string) (string, string) {
	e, ok := c.t.get(from)
	if ok && e.Kind == layer.Hardlink {
		e, _, ok = c.t.stat(from)
	}
	if !ok || e.Kind == layer.Dir {
		return "", "there is no file " + from
	}
	if d, _, ok := c.t.stat(to); ok && d.Kind == layer.Dir || strings.HasSuffix(to, "/") {
		to = path.Join(to, path.Base(from))
	}
	copied := *e
	copied.Path, copied.Capability = clean(to), ""
	c.t.dir(path.Dir(to), 0o755, 0)
	c.t.put(copied)
	return to, ""
}

// copyCommand is cp and mv of single files.
func copyCommand(c *configuration, call maintscript.Call) string {
	o, operands, ok := splitOptions(call.Words(), "", "a p f n d P L v T r R u Z archive preserve force no-clobber verbose")
	if !ok || len(operands) != 2 || !absolute(operands) {
		return unknownOption
	}
	from, to := operands[0], operands[1]
	if has(o, "n", "no-clobber") && c.t.exists(to) {
		return ""
	}
	old, _, _ := c.t.stat(from)
	at, why := c.copy(from, to)
	if why != "" {
		return why
	}
	if e, ok := c.t.get(at); ok && e.Kind == layer.File && old != nil && (call.Name() == "mv" || has(o, "a", "archive")) {
		e.Capability = old.Capability
	}
	if call.Name() == "mv" {
		c.t.remove(from, false)
	} else if e, ok := c.t.get(at); ok && e.Kind == layer.File && !has(o, "a", "p", "archive", "preserve") {
		e.UID, e.GID, e.Mode = 0, 0, e.Mode&0o777
	}
	return ""
}

// echo writes a command's output into a file, where it is known.
func echo(c *configuration, call maintscript.Call) string {
	if call.Output == nil {
		return ""
	}
	to := call.Output.File.Text
	if !path.IsAbs(to) {
		return "a relative path"
	}
	var text string
	switch words := call.Words(); call.Name() {
	case ":":
	case "echo":
		end := "\n"
		if len(words) > 0 && words[0] == "-n" {
			words, end = words[1:], ""
		}
		text = strings.Join(words, " ") + end
	case "cat":
		for _, p := range words {
			part, ok := c.Read(p)
			if !ok {
				return "there is no file " + p
			}
			text += part
		}
		if len(words) == 0 {
			if call.Stdin == nil || !call.Stdin.Known {
				return "its input is not known"
			}
			text = call.Stdin.Text
		}
	default:
		if len(words) != 1 || strings.ContainsAny(words[0], `%\`) {
			return "what it writes is not known"
		}
		text = words[0]
	}
	e, _, ok := c.t.stat(to)
	if ok && e.Kind == layer.File {
		if call.Output.Append {
			old, err := c.t.read(to)
			if err != nil {
				return err.Error()
			}
			text = string(old) + text
		}
		e.Content, e.Capability = layer.Bytes(text), "" // as write(2) drops it
		return ""
	}
	c.t.file(to, 0o666&^call.Umask, 0, []byte(text))
	return ""
}
