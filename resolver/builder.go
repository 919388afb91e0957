package resolver

import (
	"context"
	"fmt"

	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/index"
)

// Builder makes wheels of source distributions, folders and commits. Both calls may come from several goroutines.
//
// The package of both has a name, its version (or "", if only a build tells) and one source: a file in Sources with its
// place in Index, URL or Path, a folder in Path, or a commit in Git and Commit.
type Builder interface {
	// Inspect reads what a source says of its build. It runs nothing. Errors: those of getting and reading the source.
	Inspect(ctx context.Context, p lockfile.Package) (*BuildProject, error)
	// Build has a project's build backend do one step. What was done before for the same order may be remembered.
	//
	// Errors: *[BuildError], wrapped, where the project does not build; *[CannotBuild], wrapped, where nothing can be built for that target on this machine; those of getting
	// the source and the environment.
	Build(ctx context.Context, o BuildOrder) (*Built, error)
}

// BuildProject is what a source says of its build.
type BuildProject struct {
	// Requires are the build requirements that hold before the backend is asked (PEP 508): those of [build-system], or what
	// stands for a missing one.
	Requires []string
	// Declared: the project has a [build-system] with requires. Else nobody said what its build imports.
	Declared bool
	// Packages are the distribution's packages without which it cannot be built, such as a compiler; none: nothing is compiled.
	// [PythonHeaders] among them stands for those of the interpreter.
	Packages []string
	Why      string // how it is known that something is compiled: "it has C files (src/a.c)"
}

// PythonHeaders stands, in [BuildProject.Packages], for the package with the headers of the interpreter: pythonX.Y-dev where that is
// the distribution's, and none where an archive brings it, which has them.
const PythonHeaders = "python-dev"

// BuildHook is a step of a build.
type BuildHook string

// The steps of a build, as PEP 517 has them.
const (
	RequiresHook BuildHook = "requires" // fills Built.Requires
	MetadataHook BuildHook = "metadata" // fills Built.Metadata; a backend without that hook makes a wheel
	WheelHook    BuildHook = "wheel"    // fills Built.Metadata and Built.Wheel
)

// BuildOrder is a step of a build with all that it depends on.
type BuildOrder struct {
	Package     lockfile.Package
	Environment *lockfile.Lock // of one target, which the wheel is for and which has what the build imports
	Hook        BuildHook
	Settings    BuildSettings
	// Known is the wheel that a lock has of the same order; nil for none. It is taken from wherever it can be had (store, cache
	// repository), and built again only if it cannot; then what comes out may have another hash.
	Known *lockfile.File
}

// BuildSettings are what the manifest says of a project's build.
type BuildSettings struct {
	Env     map[string]string
	Patches []lockfile.Patch // in the order in which they are applied
}

// Built is what a step came to.
type Built struct {
	Requires []string // of the wheel, besides BuildProject.Requires (PEP 508)
	Metadata *index.Metadata
	// Wheel has the file's name, SHA-256 and size; it lies in the store.
	Wheel lockfile.File
}

// BuildError says that a project's build failed, and as far as its output tells, of what. At most one of Module, Asked, Header,
// Program, Library and Config is set.
type BuildError struct {
	Hook    BuildHook
	Module  string   // of Python, that could not be imported: "numpy", "Cython.Build"
	Asked   []string // requirements (PEP 508) that it would have had fetched while it ran
	Header  string   // "png.h"
	Program string   // "cmake"
	Library string   // as the linker names it: "z"
	Config  string   // a library as pkg-config names it: "cairo"
	Reason  string   // what went wrong in a line
	Output  string   // the end of what it printed
}

// Error implements error.
func (e *BuildError) Error() string {
	switch {
	case e.Module != "":
		return fmt.Sprintf("it imports %s, which is not there", e.Module)
	case e.Header != "":
		return fmt.Sprintf("it includes %s, which is not there", e.Header)
	case e.Program != "":
		return fmt.Sprintf("it runs %s, which is not there", e.Program)
	case e.Library != "":
		return fmt.Sprintf("it links with the library %s, which is not there", e.Library)
	case e.Config != "":
		return fmt.Sprintf("it asks pkg-config for %s, which is not there", e.Config)
	}
	return e.Reason
}

// CannotBuild says that this machine builds nothing for a target.
type CannotBuild struct {
	Platform string
	Why      string // "bubblewrap is not installed"
	Hint     string // what to do about it
}

// Error implements error.
func (e *CannotBuild) Error() string {
	return fmt.Sprintf("nothing can be built for %s here: %s", e.Platform, e.Why)
}
