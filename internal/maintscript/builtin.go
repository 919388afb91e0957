package maintscript

import (
	"strconv"
	"strings"
)

// simple walks one simple command: a function, a builtin of the shell, or a call for the system.
func (w *walker) simple(n simple) Status {
	w.line = n.line
	args := w.fields(n.words)
	if len(args) == 0 {
		status := Yes
		for _, a := range n.assigns {
			w.vars[a.name] = w.text(a.value)
			if !w.vars[a.name].Known {
				status = Maybe
			}
		}
		if n.behindAmpersand { // bash writes what the command before says
			w.opens(&redirect{fd: "&", op: n.redirects[0].op, target: n.redirects[0].target})
		}
		if len(n.redirects) > 0 {
			restore := w.redirect(n.redirects)
			w.run(Call{Line: n.line, Args: []Arg{{":", true}}})
			restore()
		}
		return status
	}
	if len(n.assigns) > 0 { // for this command alone
		before := w.vars
		w.vars = w.clone(w.vars)
		for _, a := range n.assigns {
			w.vars[a.name] = w.text(a.value)
		}
		defer func() { w.vars = before }()
	}
	restore := w.redirect(n.redirects)
	defer restore()
	if !args[0].Known {
		return w.run(Call{Line: n.line, Args: args})
	}
	if body, ok := w.functions[args[0].Text]; ok {
		return w.call(body, args[1:])
	}
	call := Call{Line: n.line, Args: args}
	if builtin, ok := builtins[args[0].Text]; ok {
		return builtin(w, call)
	}
	return w.run(call)
}

func (w *walker) call(body node, args []Arg) Status {
	if w.depth++; w.depth > maxDepth {
		w.depth--
		return Maybe
	}
	before, certain := w.args, w.certain
	w.args = args
	status := w.node(body)
	w.args = before
	w.depth--
	if w.stop == returning {
		w.stop = running
	}
	w.certain = certain && !w.mayExit
	return status
}

// run asks the system.
func (w *walker) run(c Call) Status {
	c.Generator = w.script.generators[c.Line]
	c.Certain, c.Stdin, c.Output, c.Dir, c.Umask = w.certain, w.stdin, w.output, w.dir, w.umask
	r := w.system.Run(c)
	w.print(r.Output, r.Known)
	return r.Status
}

var builtins map[string]func(*walker, Call) Status

func init() { // the table names functions that use it
	yes := func(*walker, Call) Status { return Yes }
	builtins = map[string]func(*walker, Call) Status{
		"true": yes, "set": (*walker).set, "cd": (*walker).cd, "trap": (*walker).trap, "hash": yes, "wait": yes, "ulimit": yes,
		":":     func(w *walker, c Call) Status { w.touched(c); return Yes },
		"umask": (*walker).setMask, "db_set": (*walker).answer,
		"false": func(*walker, Call) Status { return No },
		"echo":  (*walker).echo, "printf": (*walker).printf,
		"[": (*walker).bracket, "test": (*walker).bracket,
		"export": (*walker).declare, "readonly": (*walker).declare, "local": (*walker).declare,
		"unset": func(w *walker, c Call) Status {
			for _, name := range c.Words() {
				delete(w.vars, name)
			}
			return Yes
		},
		"shift": (*walker).shift, "exit": (*walker).exit, "return": (*walker).exit,
		"break":    func(w *walker, _ Call) Status { w.stop = breaking; return Yes },
		"continue": func(w *walker, _ Call) Status { w.stop = continuing; return Yes },
		"dpkg":     (*walker).dpkg,
		"read": func(w *walker, c Call) Status {
			for _, name := range readNames(c) {
				w.vars[name] = Arg{Text: "*"}
			}
			return Maybe
		},
		"command": (*walker).command, "which": (*walker).command, "type": (*walker).command,
		"cat": (*walker).cat, "exec": (*walker).exec, "basename": (*walker).basename, "dirname": (*walker).dirname,
		"db_get": (*walker).question, "db_version": yes, "db_title": yes, "db_capb": yes, "db_settitle": yes, "db_stop": yes,
		"db_input": yes, "db_go": yes, "db_unregister": yes, "db_purge": yes, "db_reset": yes, "db_fset": yes,
		"db_subst": yes, "db_register": yes, "db_metaget": (*walker).question, "db_fget": func(w *walker, _ Call) Status {
			w.vars["RET"] = Arg{"false", true}
			return Yes
		},
		".": (*walker).source,
	}
}

// touched tells the system of output that a builtin writes into a file.
func (w *walker) touched(c Call) {
	if w.output != nil {
		w.run(c)
	}
}

func (w *walker) echo(c Call) Status {
	args, end := c.Args[1:], "\n"
	if len(args) > 0 && args[0].Text == "-n" {
		args, end = args[1:], ""
	}
	var words []string
	known := true
	for _, a := range args {
		words = append(words, a.Text)
		known = known && a.Known
	}
	if text := strings.Join(words, " ") + end; w.spend(len(text)) {
		w.print(text, known)
	}
	w.touched(c)
	return Yes
}

func (w *walker) printf(c Call) Status {
	w.print("*", false)
	w.touched(c)
	return Yes
}

func (w *walker) declare(c Call) Status {
	for _, a := range c.Args[1:] {
		name, value, ok := strings.Cut(a.Text, "=")
		if ok {
			w.vars[name] = Arg{value, a.Known}
		}
	}
	return Yes
}

func (w *walker) shift(c Call) Status {
	n := 1
	if len(c.Args) > 1 {
		n, _ = strconv.Atoi(c.Args[1].Text)
	}
	if n > len(w.args) || n < 0 {
		return No
	}
	w.args = w.args[n:]
	return Yes
}

func (w *walker) exit(c Call) Status {
	status := w.status
	if len(c.Args) > 1 {
		status = Maybe
		if c.Args[1].Known {
			status = No
			if c.Args[1].Text == "0" {
				status = Yes
			}
		}
	}
	if w.stop = exiting; c.Args[0].Text == "return" {
		w.stop = returning
	}
	return status
}

// command is `command -v NAME`, `which NAME`, and `command NAME args`, which starts NAME.
func (w *walker) command(c Call) Status {
	args := c.Args[1:]
	asks := c.Args[0].Text != "command"
	for len(args) > 0 && strings.HasPrefix(args[0].Text, "-") {
		asks = asks || args[0].Text == "-v" || args[0].Text == "-V"
		args = args[1:]
	}
	if len(args) == 0 {
		return Maybe
	}
	if !asks {
		c.Args = args
		return w.run(c)
	}
	if !args[0].Known {
		w.print("*", false)
		return Maybe
	}
	name := args[0].Text
	folders := []string{"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}
	if strings.HasPrefix(name, "/") {
		folders = []string{""}
	}
	status := No
	for _, folder := range folders {
		switch a := w.system.Stat(folder+name, false); a.Kind {
		case File:
			w.print(folder+name+"\n", true)
			return Yes
		case Unknown:
			status = Maybe
		}
	}
	w.print("", status == No)
	return status
}

// cat of a here-document gives it; of files, the system may know.
func (w *walker) cat(c Call) Status {
	if len(c.Args) == 1 && w.stdin != nil && w.output == nil {
		w.print(w.stdin.Text, w.stdin.Known)
		return Yes
	}
	return w.run(c)
}

// exec replaces the shell, or redirects it.
func (w *walker) exec(c Call) Status {
	if len(c.Args) == 1 {
		w.touched(c)
		return Yes
	}
	c.Args = c.Args[1:]
	status := w.run(c)
	w.stop = exiting
	return status
}

func (w *walker) basename(c Call) Status {
	if len(c.Args) < 2 || !c.Known() {
		w.print("*", false)
		return Maybe
	}
	s := strings.TrimRight(c.Args[1].Text, "/")
	s = s[strings.LastIndexByte(s, '/')+1:]
	if len(c.Args) > 2 {
		s = strings.TrimSuffix(s, c.Args[2].Text)
	}
	w.print(s+"\n", true)
	return Yes
}

func (w *walker) dirname(c Call) Status {
	if len(c.Args) != 2 || !c.Known() {
		w.print("*", false)
		return Maybe
	}
	s := c.Args[1].Text
	at := strings.LastIndexByte(strings.TrimRight(s, "/"), '/')
	switch {
	case at < 0:
		s = "."
	case at == 0:
		s = "/"
	default:
		s = s[:at]
	}
	w.print(s+"\n", true)
	return Yes
}

// question is db_get: the answer that debconf has when nobody is asked.
func (w *walker) question(c Call) Status {
	w.vars["RET"] = Arg{Text: "*"}
	if len(c.Args) > 1 && c.Args[1].Known && c.Name() == "db_get" {
		if answer, ok := w.system.Default(c.Args[1].Text); ok {
			w.vars["RET"] = Arg{answer, true}
		}
	}
	return Yes
}

// source walks the file that `.` reads in. Debconf's is known: its functions are builtins here.
func (w *walker) source(c Call) Status {
	if len(c.Args) < 2 || !c.Args[1].Known {
		return w.run(c)
	}
	if c.Args[1].Text == "/usr/share/debconf/confmodule" {
		return Yes
	}
	text, ok := w.system.Read(c.Args[1].Text)
	if !ok {
		return w.run(c)
	}
	list, err := parse(text)
	if err != nil {
		return w.run(c)
	}
	if w.depth++; w.depth < maxDepth {
		before := w.script
		w.script = &Script{}
		w.list(list)
		w.script = before
	}
	w.depth--
	if w.stop == returning {
		w.stop = running
	}
	return Yes
}

func (w *walker) cd(c Call) Status {
	w.dir = ""
	if len(c.Args) == 2 && c.Args[1].Known && strings.HasPrefix(c.Args[1].Text, "/") {
		w.dir = c.Args[1].Text
	}
	return Yes
}

func (w *walker) setMask(c Call) Status {
	if len(c.Args) == 2 && c.Args[1].Known {
		if mask, err := strconv.ParseUint(c.Args[1].Text, 8, 16); err == nil && mask <= 0o777 {
			w.umask = uint32(mask)
		}
	}
	return Yes
}

// answer is db_set.
func (w *walker) answer(c Call) Status {
	if len(c.Args) == 3 && c.Args[1].Known {
		answer := c.Args[2]
		answer.Known = answer.Known && w.certain
		w.system.Answer(c.Args[1].Text, answer)
	}
	return Yes
}

// set sets the arguments; what it says of the shell itself is of no matter.
func (w *walker) set(c Call) Status {
	for i, a := range c.Args[1:] {
		if a.Text == "--" {
			w.args = append([]Arg(nil), c.Args[i+2:]...)
			return Yes
		}
		if a.Known && a.Text != "" && (a.Text[0] == '-' || a.Text[0] == '+') {
			continue
		}
		if i == 0 || c.Args[i].Text != "-o" && c.Args[i].Text != "+o" {
			w.args = append([]Arg(nil), c.Args[i+1:]...)
			return Yes
		}
	}
	return Yes
}

// readNames are the variables of a `read`.
func readNames(c Call) []string {
	names := c.Words()
	for len(names) > 0 && strings.HasPrefix(names[0], "-") {
		names = names[1:]
	}
	return names
}
