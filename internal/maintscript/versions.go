package maintscript

import (
	"strings"

	"github.com/envpack/envpack/internal/debversion"
)

// dpkg answers comparisons of versions that are known. No version at all, as the one before a first installation is, is older
// than any, or newer for the operators that end in -nl (dpkg(1), --compare-versions).
func (w *walker) dpkg(c Call) Status {
	words := c.Words()
	if len(words) == 4 && words[0] == "--compare-versions" && c.Args[2].Known {
		op, newer := strings.CutSuffix(words[2], "-nl")
		if c.Args[2].Known && words[1] != "" && c.Args[4].Known && words[3] != "" {
			return compared(words[1], op, words[3])
		}
		if words[1] != "" {
			return Maybe
		}
		if c.Args[4].Known && words[3] == "" { // no version either
			return truth(op == "eq" || op == "le" || op == "ge" || op == "=")
		}
		switch op {
		case "lt", "le", "<", "<<", "<=":
			return truth(!newer)
		case "gt", "ge", ">", ">>", ">=":
			return truth(newer)
		case "ne":
			return Yes
		}
		return No
	}
	return w.run(c)
}

// compared compares two versions with an operator of dpkg(1) that has no "-nl".
func compared(a, operator, b string) Status {
	if operator == "ne" {
		return truth(!debversion.Holds(a, "=", b))
	}
	if sign, ok := map[string]string{"lt": "<<", "le": "<=", "eq": "=", "ge": ">=", "gt": ">>"}[operator]; ok {
		operator = sign
	}
	return truth(debversion.Holds(a, operator, b))
}
