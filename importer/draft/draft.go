// Package draft is what is read of the files that people describe their environments with, before it is a manifest: what each
// asks for, and from where, and what became of every line of them.
//
// It knows no format. A reader gives one Draft for one file, with those that it names; putting several together, choosing among
// contradictions and writing the manifest is what package importer does.
//
// Everything stands in the order of the files. No line is passed over: each that says something has a [Line].
package draft

import "fmt"

// Secret is the note of a variable whose value nobody else may know: neither is it printed nor does it come into an image, which
// everybody can read who has it.
const Secret = "by its name its value is secret: give it where the image is run; if it is none, set it in [image.env]"

// Origin is where something stands. File is relative to the project, with slashes; Line counts from 1, and 0 is the file as a
// whole.
type Origin struct {
	File string
	Line int
}

// String is file:line, as messages have it.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Requirement asks for a package.
type Requirement struct {
	Text    string // PEP 508, or a direct reference as pip takes it, with paths relative to the project
	From    Origin
	Comment string   // why it is written so, if something was decided; "" if it stands there as it was
	Group   string   // the dependency group or extra that it belongs to, normalised; "" is what the project needs itself
	Hashes  []string // sha256:…, of which the file must have one; empty: any file
}

// Python says which versions of Python are meant.
type Python struct {
	Specifier string // PEP 440: "==3.8.*", ">=3.7"
	From      Origin
	Comment   string
}

// Index is a place where packages come from.
type Index struct {
	Name, URL string   // URL has no credentials; "" for one that the manifest knows by its name (pytorch)
	Path      string   // a folder of the project instead of URL
	Variant   string   // of an index that is known by its name: "cu113"
	Flat      bool     // a page or folder of files (--find-links), not an index
	Main      bool     // it takes the place of the usual index (--index-url)
	Packages  []string // what comes from there; empty: whatever is there
	Undated   bool     // files without a time of upload are taken, since versions are exact
	From      Origin
	Comment   string
}

// System is a package of the distribution, by Debian's or Ubuntu's name.
type System struct {
	Package string
	From    Origin
	Comment string
}

// CUDA is the version of CUDA that a source wishes for ("11.3", of cudatoolkit=11.3); it becomes [gpu].
type CUDA struct {
	Version string
	From    Origin
	Comment string
}

// Setting is a name with a value: a variable, the workdir, a command. A command is a JSON list of its words if it needs no shell.
type Setting struct {
	Name, Value string
	From        Origin
}

// Policy is how packages are chosen, by the keys of [resolver] that have the same names.
type Policy struct {
	Key     string // prereleases, no-binary or only-binary
	Package string // "": every package
	From    Origin
	Comment string
}

// Path is a folder of the project whose modules are to be found, as those of an installed project are: what package-dir
// means, and -e . with Project. Dir is relative to the project, "." its root.
type Path struct {
	Dir     string
	Project bool     // a project lies there, and what it requires is wanted as well
	Extras  []string // of that project, normalised
	From    Origin
}

// Verdict is what became of a line.
type Verdict int

// The verdicts.
const (
	Taken  Verdict = iota // as it is
	Mapped                // to something else, which Note names
	Left                  // it could not be taken; Note says why and what to do
	Passed                // it means nothing for an image; Note says why
)

// String is the verdict as reports have it.
func (v Verdict) String() string {
	switch v {
	case Taken:
		return "taken"
	case Mapped:
		return "mapped"
	case Left:
		return "left"
	case Passed:
		return "passed"
	}
	return fmt.Sprintf("Verdict(%d)", int(v))
}

// Line is one line or entry of a file, and what became of it.
type Line struct {
	From    Origin
	Text    string // as it stands there, without credentials
	Verdict Verdict
	Note    string // what it was mapped to, or why it was left or passed; may be empty for what was taken
	Group   string // as that of its requirement
	Needed  bool   // of what was left: the environment lacks something that it asks for
}

// Draft is what one file says, with the files that it names.
type Draft struct {
	Name         string // of the project, as it calls itself
	Pythons      []Python
	Requirements []Requirement
	Constraints  []Requirement // bounds for what others ask for
	Overrides    []Requirement // in place of what others ask for
	Indexes      []Index
	Policies     []Policy
	System       []System
	CUDA         []CUDA
	Env          []Setting
	Paths        []Path
	Workdir      *Setting
	Command      *Setting
	Lines        []Line
}

// Note says what became of a line or entry.
func (d *Draft) Note(from Origin, text string, v Verdict, format string, args ...any) {
	d.Lines = append(d.Lines, Line{From: from, Text: text, Verdict: v, Note: fmt.Sprintf(format, args...)})
}

// Leave says that something that the environment needs could not be taken, and why.
func (d *Draft) Leave(from Origin, text, format string, args ...any) {
	d.Lines = append(d.Lines, Line{From: from, Text: text, Verdict: Left, Note: fmt.Sprintf(format, args...), Needed: true})
}

// Require adds a requirement together with its line: mapped if there is a note, else taken.
func (d *Draft) Require(r Requirement, text, note string) {
	v := Taken
	if note != "" {
		v = Mapped
	}
	d.Requirements = append(d.Requirements, r)
	d.Lines = append(d.Lines, Line{From: r.From, Text: text, Verdict: v, Note: note, Group: r.Group})
}

// Add appends what another file says; a name, workdir and command that are there stay.
func (d *Draft) Add(other *Draft) {
	if d.Name == "" {
		d.Name = other.Name
	}
	d.Pythons = append(d.Pythons, other.Pythons...)
	d.Requirements = append(d.Requirements, other.Requirements...)
	d.Constraints = append(d.Constraints, other.Constraints...)
	d.Overrides = append(d.Overrides, other.Overrides...)
	d.Indexes = append(d.Indexes, other.Indexes...)
	d.Policies = append(d.Policies, other.Policies...)
	d.System = append(d.System, other.System...)
	d.CUDA = append(d.CUDA, other.CUDA...)
	d.Env = append(d.Env, other.Env...)
	d.Paths = append(d.Paths, other.Paths...)
	if d.Workdir == nil {
		d.Workdir = other.Workdir
	}
	if d.Command == nil {
		d.Command = other.Command
	}
	d.Lines = append(d.Lines, other.Lines...)
}
