package lockfile

import "fmt"

// ParseError says what is wrong with a lock's file, and where.
type ParseError struct {
	File    string
	Line    int    // from 1; 0: unknown
	Col     int    // in characters, from 1; 0: unknown
	Source  string // the line itself; "" when Line is 0
	Msg     string
	Newer   bool // the file is of a format that only a newer envpack knows
	Unknown bool // it has a key or a kind of choice that this envpack does not know, as a newer one may write them
	Edited  bool // the file means something, but is not as envpack writes it
	// Conflict: the file has conflict markers of a merge; [Sides] reads it.
	Conflict bool
}

func (e *ParseError) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	case e.Col == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// InvalidError says which fact of a lock breaks which rule. Path is that of the fact in the file,
// as in package[3].file[0].sha256, with list elements counted from 0.
type InvalidError struct {
	Path    string
	Msg     string
	Unknown bool // as that of [ParseError]
}

func (e *InvalidError) Error() string { return e.Path + ": " + e.Msg }
