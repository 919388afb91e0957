package maintscript

import "strings"

// Status is what is known of a command's exit status.
type Status byte

// A command's success.
const (
	Maybe Status = iota
	Yes
	No
)

func (s Status) not() Status {
	switch s {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Maybe
}

// Arg is a word after expansion. Of an unknown one, Text is the source's part that is known, with `*`
// for what is not.
type Arg struct {
	Text  string
	Known bool
}

// Call is a command that a script would start.
type Call struct {
	Line      int
	Args      []Arg  // the name first
	Certain   bool   // no unknown condition stands before it
	Umask     uint32 // of files that it makes
	Dir       string // where it is started, as far as a script says so; "" if that is not known
	Generator string
	Stdin     *Arg     // a here-document, or what a pipe or `<` is known to give; nil if there is none
	Output    *Outcome // the file that the output goes to; nil: none
}

// Outcome is where a command's output goes.
type Outcome struct {
	File   Arg
	Append bool
}

// Name is the command without its folder.
func (c Call) Name() string {
	name := c.Args[0].Text
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Known tells whether all words are.
func (c Call) Known() bool {
	for _, a := range c.Args {
		if !a.Known {
			return false
		}
	}
	return true
}

// Words are the arguments' texts, the name left out.
func (c Call) Words() []string {
	var words []string
	for _, a := range c.Args[1:] {
		words = append(words, a.Text)
	}
	return words
}

// Result is what a System knows of a call.
type Result struct {
	Status Status
	Output string // standard output, if Known
	Known  bool
}

// Kind is what a path is.
type Kind byte

// The kinds of Stat.
const (
	Unknown Kind = iota
	Missing
	File
	Dir
	Link // only for questions about a link itself
)

// About is what a System knows of a path.
type About struct {
	Kind       Kind
	Executable bool
	Empty      bool // a file without content
}

// System answers for the root file system that a script would run in.
type System interface {
	// Stat tells what path leads to, or with link what is there itself.
	Stat(path string, link bool) About
	// Glob lists the paths that match a pattern; false if that is not known.
	Glob(pattern string) ([]string, bool)
	// Read gives the text of a file that a script reads in with `.`; false if it is not known.
	Read(path string) (string, bool)
	// Run is told of a command.
	Run(c Call) Result
	// Default is the answer to a debconf question that nobody is asked; false if it is not known.
	Default(question string) (string, bool)
	// Answer is told that a script answers a question itself.
	Answer(question string, answer Arg)
}
