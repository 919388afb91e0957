package smoke

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// Kind is what kind of thing an import lacks.
type Kind string

// The kinds of causes.
const (
	NoLibrary   Kind = "library"   // a shared library is not there
	NoSymbol    Kind = "symbol"    // a library has another version than the file that needs it
	NoModule    Kind = "module"    // a module is not there
	NoName      Kind = "name"      // a module has no such name
	BadSyntax   Kind = "syntax"    // a file is for another version of Python
	OtherRaised Kind = "exception" // anything else
	Died        Kind = "ended"     // no exception: the process ended or was ended
)

// Cause is why a module could not be imported, as far as its exceptions say.
type Cause struct {
	Kind    Kind   `json:"kind"`
	Library string `json:"library,omitempty"` // file name of the library, as "libGL.so.1"
	Symbol  string `json:"symbol,omitempty"`  // or version of symbols, as "GLIBCXX_3.4.29"
	Module  string `json:"module,omitempty"`  // that is not there, or has no such name
	Name    string `json:"name,omitempty"`
	File    string `json:"file,omitempty"` // where it was raised
	Line    int    `json:"line,omitempty"`
	Text    string `json:"text"` // what was raised, in one line
}

var (
	openFailed   = pattern.New(`([A-Za-z0-9_+.-]+\.so(?:\.[A-Za-z0-9_.-]+)?): cannot open shared object file`)
	symbolFailed = pattern.New(`(\S+\.so\S*): undefined symbol: ([^\s,]+)`)
	versionWrong = pattern.New("(\\S+): version [`']([A-Za-z0-9_.]+)' not found")
	noModule     = pattern.New(`^No module named '?([A-Za-z0-9_.]+)'?`)
	noNameFrom   = pattern.New(`^cannot import name '?([A-Za-z0-9_]+)'?(?: from (?:partially initialized module )?'([A-Za-z0-9_.]+)')?`)
	noAttribute  = pattern.New(`^(?:partially initialized )?module '([A-Za-z0-9_.]+)' has no attribute '([A-Za-z0-9_]+)'`)
)

// causes are what an outcome may come of, the likeliest first. source gives a line of a file of the image, "" if it cannot.
func (o Outcome) causes(source func(file string, line int) string) []Cause {
	var list []Cause
	add := func(c Cause) {
		if !slices.ContainsFunc(list, func(old Cause) bool { c.Text, c.File, c.Line = old.Text, old.File, old.Line; return old == c }) {
			list = append(list, c)
		}
	}
	// A library that is not there is what it is, whatever it was turned into on the way out.
	for _, r := range o.Chain {
		if m := openFailed().FindStringSubmatch(r.Message); m != nil {
			add(r.cause(Cause{Kind: NoLibrary, Library: m[1]}))
		} else if m := symbolFailed().FindStringSubmatch(r.Message); m != nil {
			add(r.cause(Cause{Kind: NoSymbol, Library: m[1], Symbol: m[2]}))
		} else if m := versionWrong().FindStringSubmatch(r.Message); m != nil {
			add(r.cause(Cause{Kind: NoSymbol, Library: m[1], Symbol: m[2]}))
		}
	}
	// What an exception was raised from says more than it; what it was raised while handling, such as the import that was tried
	// first, says less.
	root := 0
	for root+1 < len(o.Chain) && o.Chain[root].Because {
		root++
	}
	var chain []Raised
	if len(o.Chain) > 0 {
		chain = slices.Concat(o.Chain[root:root+1], o.Chain[:root], o.Chain[root+1:])
	}
	for _, r := range chain {
		if c := r.cause(recognized(r, source)); c.Kind != OtherRaised {
			add(c)
		}
	}
	if len(list) == 0 && len(chain) > 0 {
		list = append(list, chain[0].cause(Cause{Kind: OtherRaised}))
	}
	if len(list) == 0 {
		list = append(list, Cause{Kind: Died, Text: o.How})
	}
	return list
}

// recognized is what an exception says in its own words.
func recognized(r Raised, source func(file string, line int) string) Cause {
	switch {
	case slices.Contains(r.Bases, "SyntaxError"):
		return Cause{Kind: BadSyntax}
	case slices.Contains(r.Bases, "ImportError"):
		if m := noModule().FindStringSubmatch(r.Message); m != nil {
			return Cause{Kind: NoModule, Module: m[1]}
		}
		m := noNameFrom().FindStringSubmatch(r.Message)
		if m == nil {
			break
		}
		c := Cause{Kind: NoName, Name: m[1], Module: m[2]}
		if c.Module == "" && len(r.Frames) > 0 { // Python 3.6 and earlier do not say it
			at := r.Frames[len(r.Frames)-1]
			c.Module = importedFrom(source(at.File, at.Line), at.File)
		}
		if c.Module != "" {
			return c
		}
	case r.Type == "AttributeError":
		if m := noAttribute().FindStringSubmatch(r.Message); m != nil {
			return Cause{Kind: NoName, Module: m[1], Name: m[2]}
		}
	}
	return Cause{Kind: OtherRaised}
}

var fromImport = pattern.New(`^\s*from\s+(\.*)([A-Za-z0-9_.]*)\s+import\b`)

// importedFrom is the module that a line of a file imports from; "" if it does not.
func importedFrom(line, file string) string {
	m := fromImport().FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	if m[1] == "" {
		return m[2]
	}
	_, inside, ok := strings.Cut(file, "/site-packages/")
	if !ok {
		return ""
	}
	parts := strings.Split(inside, "/")
	if len(m[1]) > len(parts) {
		return ""
	}
	parts = parts[:len(parts)-len(m[1])]
	if m[2] != "" {
		parts = append(parts, m[2])
	}
	return strings.Join(parts, ".")
}

// cause fills in what is the same for all kinds.
func (r Raised) cause(c Cause) Cause {
	c.Text = r.oneLine()
	// Python's own library is mostly where it shows, and not whose fault it is.
	for _, at := range slices.Backward(r.Frames) {
		if c.File == "" {
			c.File, c.Line = at.File, at.Line
		}
		if strings.Contains(at.File, "/site-packages/") {
			c.File, c.Line = at.File, at.Line
			break
		}
	}
	return c
}

var blank = pattern.New(`\s+`)

// oneLine is the type and the first of what an exception says: libraries add whole pages.
func (r Raised) oneLine() string {
	text := strings.TrimSpace(r.Message)
	if first, rest, more := strings.Cut(text, "\n"); more {
		text = first
		if strings.TrimSpace(first) == "" || len(first) < 20 {
			next, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
			text = first + " " + next
		}
	}
	text = blank().ReplaceAllString(text, " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + " …"
	}
	if text == "" {
		return r.Type
	}
	return r.Type + ": " + text
}

// Causes are why a module could not be imported, the likeliest first; none of one that was imported. root is the image's file
// system, of which lines of source are read.
func (t *Trial) Causes(o Outcome) []Cause {
	if o.Result == Imported {
		return nil
	}
	return o.causes(t.sourceLine)
}

// Says is an outcome in one line.
func (o Outcome) Says() string {
	switch {
	case o.Result == Imported:
		return fmt.Sprintf("imported in %.1f s", o.Seconds)
	case len(o.Chain) > 0:
		return o.Chain[0].oneLine()
	}
	return o.How
}
