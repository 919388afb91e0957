// Package diag is how envpack speaks of failures: what failed, where, why, and what to do.
//
// An [Error] is made where the cause is known and printed in one place, the command's main.
// It wraps its cause, so errors.Is and errors.As see through it. A plain error is printed as it
// is and ends the process with [Failure]; wrapping a diag error with fmt.Errorf and %w keeps its
// position, hints and exit code.
package diag

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Code is the exit code of the process.
type Code int

// The exit codes, as `envpack --help` documents them.
const (
	OK       Code = 0
	Failure  Code = 1 // anything else
	Usage    Code = 2 // wrong flags or arguments
	Manifest Code = 3 // the manifest, or a file that it names, is wrong
	NoAnswer Code = 4 // no set of packages satisfies the requirements
	Stale    Code = 5 // the lock does not belong to the manifest
	Mismatch Code = 6 // a digest or hash differs from what was promised
	Fetch    Code = 7 // something could not be fetched
	Smoke    Code = 8 // something that is to be imported cannot be

	Interrupted Code = 130 // by a signal
)

// Position is a place in a text file. Line and Col count from 1; Col counts characters, not
// bytes. Zero means unknown. Source is the line itself, without its end, for the caret.
type Position struct {
	File   string
	Line   int
	Col    int
	Width  int // characters to underline; 0 is 1
	Source string
}

// IsZero tells whether nothing is known of the place.
func (p Position) IsZero() bool { return p.File == "" && p.Line == 0 }

// String is file:line:column, as far as known.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Error is a failure that a person can act on.
type Error struct {
	Code  Code // 0 is taken from the cause, else Failure
	Pos   Position
	What  string // what failed: lower case, no full stop; may be several lines
	Err   error  // why; printed after What and a colon. May be nil
	Hints []string
	// Changes are edits of files of which it was tried that each alone does away with the failure, the least first.
	Changes []Change
}

// Change is an edit of a text file: at Line and Column, which count from 1 (columns are characters), Old stands and is to be
// replaced by New. Old does not go beyond the line.
type Change struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Column      int    `json:"column"`
	Old         string `json:"old"`
	New         string `json:"new"`
	Description string `json:"description"` // what it does, and what comes of it
}

// New is a failure without position.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, What: fmt.Sprintf(format, args...)}
}

// Wrap says what failed because of err, whose code, position and hints stay.
func Wrap(err error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, What: fmt.Sprintf(format, args...), Err: err}
}

// At sets the place.
func (e *Error) At(pos Position) *Error {
	e.Pos = pos
	return e
}

// Hint adds a line that says what to do.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}

// Error is one line or more: position, what, why. Hints are not part of it.
func (e *Error) Error() string {
	var b strings.Builder
	if !e.Pos.IsZero() {
		b.WriteString(e.Pos.String())
		b.WriteString(": ")
	}
	b.WriteString(e.What)
	if e.Err != nil {
		if e.What != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the exit code for err: that of the outermost diag error that has one.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	for {
		var e *Error
		if !errors.As(err, &e) {
			return Failure
		}
		if e.Code != 0 {
			return e.Code
		}
		if e.Err == nil {
			return Failure
		}
		err = e.Err
	}
}

// HintsOf collects the hints of err and its causes, outermost first, each once.
func HintsOf(err error) []string {
	var hints []string
	walk(err, func(e *Error) {
		for _, h := range e.Hints {
			if !slices.Contains(hints, h) {
				hints = append(hints, h)
			}
		}
	})
	return hints
}

// MapHints replaces each hint of err and its causes.
func MapHints(err error, by func(string) string) {
	walk(err, func(e *Error) {
		for i, h := range e.Hints {
			e.Hints[i] = by(h)
		}
	})
}

// ChangesOf are those of err and its causes, outermost first.
func ChangesOf(err error) []Change {
	var changes []Change
	walk(err, func(e *Error) { changes = append(changes, e.Changes...) })
	return changes
}

// PositionOf is the innermost known position in err, the one nearest to the cause.
func PositionOf(err error) Position {
	var pos Position
	walk(err, func(e *Error) {
		if !e.Pos.IsZero() {
			pos = e.Pos
		}
	})
	return pos
}

// walk visits every diag error in err's tree, outermost first.
func walk(err error, visit func(*Error)) {
	if err == nil {
		return
	}
	if e, ok := err.(*Error); ok {
		visit(e)
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		walk(u.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, each := range u.Unwrap() {
			walk(each, visit)
		}
	}
}
