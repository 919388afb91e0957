package maintscript

import (
	"strconv"
)

// bracket is test(1).
func (w *walker) bracket(c Call) Status {
	args := c.Args[1:]
	if c.Args[0].Text == "[" {
		if len(args) == 0 || args[len(args)-1].Text != "]" {
			return Maybe
		}
		args = args[:len(args)-1]
	}
	t := &expression{w: w, args: args}
	status := t.or()
	if t.bad || len(t.args) > 0 {
		return Maybe
	}
	return status
}

// expression is what is left of a test. POSIX leaves it open how many words group; this is how dash does.
type expression struct {
	w    *walker
	args []Arg
	bad  bool
}

func (t *expression) at(i int) string {
	if i < len(t.args) && t.args[i].Known {
		return t.args[i].Text
	}
	return ""
}

func (t *expression) or() Status {
	status := t.and()
	for t.at(0) == "-o" {
		t.args = t.args[1:]
		status = both(status.not(), t.and().not()).not()
	}
	return status
}

func (t *expression) and() Status {
	status := t.not()
	for t.at(0) == "-a" {
		t.args = t.args[1:]
		status = both(status, t.not())
	}
	return status
}

func both(a, b Status) Status {
	switch {
	case a == No || b == No:
		return No
	case a == Yes && b == Yes:
		return Yes
	}
	return Maybe
}

func (t *expression) not() Status {
	if t.at(0) == "!" && len(t.args) > 1 {
		t.args = t.args[1:]
		return t.not().not()
	}
	return t.primary()
}

func (t *expression) primary() Status {
	if len(t.args) == 0 {
		return No
	}
	if len(t.args) >= 3 {
		if status, ok := compare(t.at(1), t.args[0], t.args[2]); ok {
			t.args = t.args[3:]
			return status
		}
	}
	if t.at(0) == "(" {
		t.args = t.args[1:]
		status := t.or()
		if t.at(0) != ")" {
			t.bad = true
			return Maybe
		}
		t.args = t.args[1:]
		return status
	}
	if op := t.at(0); len(op) == 2 && op[0] == '-' && len(t.args) >= 2 && t.at(1) != "-a" && t.at(1) != "-o" {
		operand := t.args[1]
		t.args = t.args[2:]
		return t.unary(op[1], operand)
	}
	operand := t.args[0]
	t.args = t.args[1:]
	return nonempty(operand)
}

func nonempty(a Arg) Status {
	switch {
	case !a.Known && a.Text != "*":
		return Yes // something of it is known
	case !a.Known:
		return Maybe
	case a.Text == "":
		return No
	}
	return Yes
}

func truth(b bool) Status {
	if b {
		return Yes
	}
	return No
}

func compare(op string, a, b Arg) (Status, bool) {
	known := a.Known && b.Known
	switch op {
	case "=", "==", "!=":
		if !known {
			return Maybe, true
		}
		return truth((a.Text == b.Text) == (op != "!=")), true
	case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
		x, errX := strconv.Atoi(a.Text)
		y, errY := strconv.Atoi(b.Text)
		if !known || errX != nil || errY != nil {
			return Maybe, true
		}
		return truth(map[string]bool{"-eq": x == y, "-ne": x != y, "-lt": x < y, "-le": x <= y, "-gt": x > y, "-ge": x >= y}[op]), true
	case "-nt", "-ot", "-ef":
		return Maybe, true
	}
	return Maybe, false
}

func (t *expression) unary(op byte, a Arg) Status {
	switch op {
	case 'n':
		return nonempty(a)
	case 'z':
		return nonempty(a).not()
	case 't':
		return No // nobody sits before it
	}
	if !a.Known {
		return Maybe
	}
	if a.Text == "" {
		return No
	}
	about := t.w.system.Stat(a.Text, op == 'h' || op == 'L')
	if about.Kind == Unknown {
		return Maybe
	}
	switch op {
	case 'e', 'r', 'w':
		return truth(about.Kind != Missing)
	case 'f':
		return truth(about.Kind == File)
	case 'd':
		return truth(about.Kind == Dir)
	case 'h', 'L':
		return truth(about.Kind == Link)
	case 'x':
		return truth(about.Kind == Dir || about.Kind == File && about.Executable)
	case 's':
		return truth(about.Kind == Dir || about.Kind == File && !about.Empty)
	case 'b', 'c', 'p', 'S':
		return No
	}
	return Maybe
}
