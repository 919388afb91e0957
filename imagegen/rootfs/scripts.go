package rootfs

import (
	"path"
	"sort"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/maintscript"
)

// configuration carries out on the tree what packages' scripts say. It is a [maintscript.System] for one
// package at a time. What it does not understand is a finding; nothing is run.
type configuration struct {
	t            *tree
	arch         string
	all          map[string]*unpacked // by name
	shippers     map[string]string    // a package that ships the path, as packaged
	temporary    int                  // files that mktemp made
	pkg          *unpacked
	script       string // "preinst", "postinst"
	answers      map[string]string
	alternatives []alternative
	unread       bool // a call of update-alternatives was not understood
	diversions   []diversion
	overrides    map[string]string // path: "user group mode"
	found        []maintscript.Finding
	err          error
}

type diversion struct{ from, to, by string }

// scripts walks the preinst and postinst of a package, as on a first installation, and tells what is left.
func (c *configuration) scripts(u *unpacked) ([]string, error) {
	c.pkg, c.answers, c.err, c.unread = u, defaultAnswers(u), nil, false
	var unread []string
	for _, call := range []struct {
		script string
		args   []string
	}{{"config", []string{"configure", ""}}, {"preinst", []string{"install"}}, {"postinst", []string{"configure", ""}}} {
		text, ok := u.members[call.script]
		if !ok {
			continue
		}
		c.found, c.script = nil, call.script
		read, finding := maintscript.Read(string(text))
		if finding != nil && call.script == "preinst" && c.keepsWhatIs(u, string(text)) {
			continue
		}
		if finding != nil {
			c.found = append(c.found, *finding)
		} else {
			read.Walk(c, call.args, map[string]string{"DPKG_MAINTSCRIPT_PACKAGE": u.Name, "DPKG_MAINTSCRIPT_NAME": call.script,
				"DPKG_MAINTSCRIPT_ARCH": u.Architecture, "DEBIAN_FRONTEND": "noninteractive", "DPKG_ROOT": ""})
		}
		if c.script == "config" {
			continue // asks only
		}
		for _, f := range maintscript.Unique(c.found) {
			unread = append(unread, call.script+" "+f.String())
		}
	}
	return unread, c.err
}

// defaultAnswers are what debconf answers where nobody is asked: the templates' defaults.
func defaultAnswers(u *unpacked) map[string]string {
	answers := map[string]string{}
	name := ""
	for _, line := range strings.Split(string(u.members["templates"]), "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Template":
			name = strings.TrimSpace(value)
			answers[name] = ""
		case "Default":
			answers[name] = strings.TrimSpace(value)
		}
	}
	return answers
}

// Default implements maintscript.System.
func (c *configuration) Default(question string) (string, bool) {
	answer, ok := c.answers[question]
	return answer, ok
}

// Answer implements maintscript.System.
func (c *configuration) Answer(question string, answer maintscript.Arg) {
	delete(c.answers, question)
	if answer.Known {
		c.answers[question] = answer.Text
	}
}

// Read implements maintscript.System.
func (c *configuration) Read(p string) (string, bool) {
	if !c.t.exists(p) {
		return "", false
	}
	data, err := c.t.read(p)
	return string(data), err == nil
}

// Stat implements maintscript.System.
func (c *configuration) Stat(p string, link bool) maintscript.About {
	if !path.IsAbs(p) || strings.HasPrefix(p, "/dev/") {
		return maintscript.About{}
	}
	if link {
		if e, ok := c.t.get(p); ok && e.Kind == layer.Symlink {
			return maintscript.About{Kind: maintscript.Link}
		}
	}
	e, at, ok := c.t.stat(p)
	switch {
	case ok && c.packed(e):
		return maintscript.About{Kind: maintscript.Missing}
	case at == "":
		return maintscript.About{Kind: maintscript.Dir}
	case !ok:
		return maintscript.About{Kind: maintscript.Missing}
	case e.Kind == layer.Dir:
		return maintscript.About{Kind: maintscript.Dir}
	}
	return maintscript.About{Kind: maintscript.File, Executable: e.Mode&0o111 != 0, Empty: layer.Size(e.Content) == 0}
}

// packed tells whether a file is of the package whose preinst is read: it is not unpacked then.
func (c *configuration) packed(e *layer.Entry) bool {
	return c.script == "preinst" && e.Kind != layer.Dir && c.t.owner[e.Path] == c.pkg.Name
}

// Glob implements maintscript.System.
func (c *configuration) Glob(pattern string) ([]string, bool) {
	if !path.IsAbs(pattern) {
		return nil, false
	}
	folder, last := path.Split(pattern)
	if strings.ContainsAny(folder, `*?[\`) {
		folder, last = "/", strings.TrimPrefix(pattern, "/")
	}
	at, err := c.t.resolve(folder)
	if err != nil {
		return nil, false
	}
	var found []string
	for _, p := range c.t.paths(at) {
		p = strings.TrimPrefix(strings.TrimPrefix(p, at), "/")
		if at == "" {
			p = strings.TrimPrefix(p, "/")
		}
		if ok, err := path.Match(last, p); err != nil {
			return nil, false
		} else if ok && (!strings.HasPrefix(p, ".") || strings.HasPrefix(last, ".")) {
			found = append(found, folder+p)
		}
	}
	sort.Strings(found)
	return found, true
}

// made are files that the fix-ups make as the scripts would: what scripts do with them needs no reading.
var made = []string{"/etc/ca-certificates.conf", "/etc/localtime", "/etc/timezone", "/etc/ld.so.cache", "/etc/passwd", "/etc/group",
	"/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid", "/etc/hosts", "/var/lib/dpkg", "/var/cache/debconf",
	"/etc/resolv.conf", "/dev", "/run", "/var/run", "/proc", "/sys", "/etc/python3/debian_config", "/etc/python3", "/var/lib/python"}

// isMade tells whether all paths among a call's words are such files, and at least one is there.
func isMade(call maintscript.Call) bool {
	one := false
	words := call.Words()
	if n := call.Name(); n == "echo" || n == "printf" {
		words = nil
	}
	if call.Output != nil {
		words = append(words, call.Output.File.Text)
	}
	for _, w := range words {
		if !strings.HasPrefix(w, "/") {
			if call.Dir == "" || !strings.Contains(w, "/") {
				continue
			}
			w = path.Join(call.Dir, w)
		}
		ok := false
		for _, m := range made {
			if w == m || strings.HasPrefix(w, m+".dpkg-") || strings.HasPrefix(w, m+"-") || strings.HasPrefix(w, m+"/") {
				ok = true
			}
		}
		if !ok && !strings.HasPrefix(w, "/usr/share/") && !strings.HasPrefix(w, "/*") {
			return false
		}
		one = one || ok
	}
	return one
}

// Run implements maintscript.System.
func (c *configuration) Run(call maintscript.Call) maintscript.Result {
	if answer, ok := c.question(call); ok {
		if call.Writes() && !isMade(call) {
			if why := c.keepAnswer(call, answer); why != "" {
				c.missed(call, why)
			}
		}
		return answer
	}
	switch maintscript.EffectOf(call) {
	case maintscript.Harmless:
		return maintscript.Result{}
	case maintscript.Reproducible:
		if !strings.Contains(call.Name(), "add") && !strings.Contains(call.Name(), "-") && call.Name() != "usermod" && isMade(call) {
			return maintscript.Result{}
		}
		if c.nothing(call) {
			return maintscript.Result{}
		}
		if !call.Certain || !call.Known() || call.Output != nil && !call.Output.File.Known {
			c.missed(call, "")
			return maintscript.Result{}
		}
		do, ok := commands[call.Name()]
		if !ok {
			c.missed(call, "")
			return maintscript.Result{}
		}
		if why := do(c, call); why != "" {
			c.missed(call, why)
			return maintscript.Result{}
		}
		return maintscript.Result{Status: maintscript.Yes, Known: true}
	}
	if !isMade(call) && c.matters(call) {
		c.missed(call, "")
	}
	return maintscript.Result{}
}

// keepAnswer writes what an edited text is into a file; other answers are as much as a condition needs.
func (c *configuration) keepAnswer(call maintscript.Call, answer maintscript.Result) string {
	const not = "what it says is not written"
	if call.Name() != "sed" || !answer.Known || !call.Certain || !call.Output.File.Known {
		return not
	}
	return echo(c, maintscript.Call{
		Args: []maintscript.Arg{{Text: "cat", Known: true}}, Stdin: &maintscript.Arg{Text: answer.Output, Known: true}, Output: call.Output, Umask: call.Umask,
	})
}

// matters leaves out programs that are not there and would not be started.
func (c *configuration) matters(call maintscript.Call) bool {
	name := call.Args[0]
	if !name.Known || call.Certain {
		return true
	}
	if path.IsAbs(name.Text) {
		return c.t.exists(name.Text)
	}
	return true
}

// nothing tells whether a command that may or may not be reached has nothing to do: it changes or removes
// what is not there, or only the time of what is.
func (c *configuration) nothing(call maintscript.Call) bool {
	switch name := call.Name(); name {
	case "touch", "rm", "rmdir", "chmod", "chown", "chgrp", "mv":
		one := false
		for _, a := range call.Args[1:] {
			if !strings.HasPrefix(a.Text, "/") && a.Known {
				continue
			}
			if !a.Known {
				// On a first installation only what an older version left is removed.
				return name == "rm" || name == "rmdir"
			}
			e, there := c.t.get(a.Text)
			if there = there && !c.packed(e); there != (name == "touch") {
				return false
			}
			if one = true; name == "mv" {
				break
			}
		}
		return one
	}
	return false
}

// temporary is how the files are named that mktemp makes; they are gone at the end.
const temporary = "tmp/.maintscript"

// tidy removes what temporary files scripts left.
func (c *configuration) tidy() {
	for _, p := range c.t.paths("tmp") {
		if strings.HasPrefix(p, temporary) {
			delete(c.t.nodes, p)
		}
	}
}

func (c *configuration) missed(call maintscript.Call, why string) {
	words := call.Words()
	if call.Output != nil {
		words = []string{call.Output.File.Text}
	}
	if len(words) > 0 && strings.HasPrefix(words[len(words)-1], "/tmp/") {
		return // changes what is gone at the end
	}
	if call.Name() == "update-alternatives" {
		c.unread = true
	}
	c.found = append(c.found, call.Finding(why))
}
