// Package lockfile is the lock: all that an image is made of, by hash, and nothing else.
//
// It is the narrow waist of envpack. Resolving ends in a [Lock]; building begins with one. The
// package imports nothing of ours and does no I/O but atomic replacement of a lock's file.
// docs/format.md describes the file exactly.
package lockfile

import (
	"slices"
	"strings"
	"time"
)

// Format is the number of the lock format that this envpack writes.
const Format = 1

// RootfsFormat is the Base.Format of a base that is made of the distribution's packages by today's
// rules. Those are imagegen/rootfs; a change of any byte that they give needs another name.
const RootfsFormat = "rootfs/1"

// Name is the file name of a lock.
const Name = "envpack.lock"

// Lock is the whole of envpack.lock. The lists are sorted as [Lock.Normalize] says. The fields' tags
// are the keys of the file.
type Lock struct {
	Project  Project    `toml:"project"`
	Image    Image      `toml:"image"`
	GPU      *GPU       `toml:"gpu"` // nil: the manifest asks nothing of GPUs
	Targets  []Target   `toml:"target"`
	Indexes  []Index    `toml:"index"` // other than the default index
	Base     Base       `toml:"base"`
	Packages []Package  `toml:"package"`
	Data     []DataFile `toml:"file"`
	Builds   []Build    `toml:"build"` // environments that wheels were built in
	Choices  []Choice   `toml:"choice"`
	Seals    []Seal     `toml:"seal"`
}

// Project ties the lock to the manifest that it was made from.
type Project struct {
	Name     string `toml:"name"`
	Manifest string `toml:"manifest"` // semantic hash of the manifest: 64 hexadecimal digits of SHA-256
	// Groups are the dependency groups that the lock was made for, in place of the manifest's, and WithoutGroups those
	// that were left out. None: the manifest's.
	Groups        []string  `toml:"groups"`
	WithoutGroups []string  `toml:"without-groups"`
	AsOf          time.Time `toml:"as-of"` // instant, UTC, whole seconds; zero: none was asked for
	// Unscanned: the wheels were not read for the libraries that they need. Locking again reads them.
	Unscanned bool         `toml:"unscanned"`
	Requires  []Dependency `toml:"requires"` // the project's own requirements
}

// Image is what the image's config gets from the manifest.
type Image struct {
	Command []string          `toml:"command"`
	Env     map[string]string `toml:"env"`
	Ports   []string          `toml:"ports"`   // "8080/tcp"
	Volumes []string          `toml:"volumes"` // absolute paths
	User    string            `toml:"user"`    // "app" or "root"
	Workdir string            `toml:"workdir"` // absolute path, where the project's files lie
	Labels  map[string]string `toml:"labels"`
	Include []string          `toml:"include"` // patterns of project files; none: the default selection
}

// Target is one environment that was resolved exactly.
type Target struct {
	Platform string `toml:"platform"` // "linux/amd64": also the target's name
	Python   string `toml:"python"`   // full version: markers depend on it
	ABI      string `toml:"abi"`      // "cp311"; of a free-threaded build "cp314t"
	// At most one of the two: the C library that wheels are chosen for.
	Glibc string `toml:"glibc"` // "2.36"
	Musl  string `toml:"musl"`  // "1.2"
}

// FreeThreaded tells whether the interpreter is built without the global lock (PEP 703).
func (t Target) FreeThreaded() bool { return strings.HasSuffix(t.ABI, "t") }

// Minor is the minor version as the interpreter's program and folders are named by it: "3.11", and "3.14t" of a
// free-threaded build.
func (t Target) Minor() string { return MinorOf(t.Python) + t.thread() }

// Version is the full version for people: "3.11.2", "3.14.4t".
func (t Target) Version() string { return t.Python + t.thread() }

func (t Target) thread() string {
	if t.FreeThreaded() {
		return "t"
	}
	return ""
}

// MinorOf is "3.11" of a full version "3.11.2".
func MinorOf(python string) string {
	parts := strings.SplitN(python, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// Index is a package index that the manifest names.
type Index struct {
	Name string `toml:"name"`
	// Either is set: an address without credentials, or a folder or file, relative to the project if it is
	// no absolute path, with slashes.
	URL    string `toml:"url"`
	Path   string `toml:"path"`
	Format string `toml:"format"` // "flat"; "" is the simple API
	// Variant says of an index that is known by its name, and has neither address nor path, which of its builds this is:
	// "cu126", "cpu". Where such an index is, the machine knows that builds, as of the default index.
	Variant string `toml:"variant"`
}

// FlatIndex is the Format of an index that has the files of all packages in one page or folder.
const FlatIndex = "flat"

// Base is the root file system below the environment.
type Base struct {
	Distro   string    `toml:"distro"`   // "debian:12"; "none": the environment alone; of an image what it says of itself
	Codename string    `toml:"codename"` // "bookworm"
	Format   string    `toml:"format"`   // "rootfs/1"
	Archives []Archive `toml:"archive"`  // that the manifest adds to the distribution's own
	Releases []Release `toml:"release"`
	Debs     []Deb     `toml:"deb"`
	// Reference is the image that the base is, as the manifest names it; "": the base is assembled of packages.
	Reference string `toml:"reference"`
	// AsOf is the instant whose state of the distribution's archives the packages are of, UTC, whole seconds; zero: none
	// was asked for.
	AsOf   time.Time   `toml:"as-of"`
	Images []BaseImage `toml:"image"` // one a target
	// Interpreters bring a Python that the distribution does not have; at most one a target.
	Interpreters []Interpreter `toml:"interpreter"`
}

// NoDistro is the name of the base that has no distribution: the environment alone.
const NoDistro = "none"

// Archive is a package archive that the manifest names.
type Archive struct {
	Name string `toml:"name"`
	URL  string `toml:"url"` // without credentials; suites are below it
}

// BaseImage is an image that a target's image stands on.
type BaseImage struct {
	Target  string      `toml:"target"`  // platform
	Digest  string      `toml:"digest"`  // "sha256:…" of its manifest
	Config  string      `toml:"config"`  // "sha256:…" of its config
	Created time.Time   `toml:"created"` // zero: it does not say
	Python  string      `toml:"python"`  // path of the interpreter in it; "" if another brings it
	UserID  int64       `toml:"user-id"` // of the user app
	Layers  []BaseLayer `toml:"layer"`   // from the lowest on
}

// BaseLayer is a layer of an image that another stands on.
type BaseLayer struct {
	Digest    string `toml:"digest"`
	DiffID    string `toml:"diff-id"`
	Size      int64  `toml:"size"`       // compressed bytes
	MediaType string `toml:"media-type"` // in an OCI manifest
}

// Interpreter is an archive of a relocatable Python.
type Interpreter struct {
	Target  string `toml:"target"`  // platform
	Version string `toml:"version"` // "3.10.13"
	Archive string `toml:"archive"` // the name of a well-known place, then Path is below it; "": Path is an address, or a file of the project
	Path    string `toml:"path"`
	SHA256  string `toml:"sha256"`
	Size    int64  `toml:"size"`
}

// Release is a signed index of the distribution that the debs were chosen from. It is a record
// of trust; nothing of it enters an image.
type Release struct {
	Archive    string    `toml:"archive"` // "debian", "debian-security"
	Suite      string    `toml:"suite"`   // "bookworm", "bookworm-updates", "bookworm-security"
	Date       time.Time `toml:"date"`
	ValidUntil time.Time `toml:"valid-until"` // zero: none stated
	InRelease  string    `toml:"inrelease"`   // SHA-256 of the InRelease file
	Keys       []string  `toml:"keys"`        // fingerprints of the keys that signed it and are trusted, sorted
}

// Deb is one binary package of the base.
type Deb struct {
	Name         string   `toml:"name"`
	Version      string   `toml:"version"`
	Architecture string   `toml:"architecture"` // "amd64", "all"
	Archive      string   `toml:"archive"`
	Path         string   `toml:"path"` // in the archive: "pool/main/…"
	SHA256       string   `toml:"sha256"`
	Size         int64    `toml:"size"`
	System       bool     `toml:"system"`  // wanted besides the base: in the layer "system"
	Targets      []string `toml:"targets"` // platforms that use it
}

// Package is one version of one package. It comes from an index, or from one of URL, Path and Git.
type Package struct {
	Name         string       `toml:"name"` // normalised
	Version      string       `toml:"version"`
	Index        string       `toml:"index"`        // name of an [Index]; "" is the default index
	URL          string       `toml:"url"`          // of its file, without credentials and fragment
	Path         string       `toml:"path"`         // of its file or folder, with slashes; relative to the project, or absolute
	Git          string       `toml:"git"`          // address of a repository, without credentials
	Revision     string       `toml:"revision"`     // branch, tag or commit that the manifest names; "": the default branch
	Commit       string       `toml:"commit"`       // full hash of the commit that Revision was
	Subdirectory string       `toml:"subdirectory"` // of the archive, folder or repository; "": its root
	Tree         string       `toml:"tree"`         // SHA-256 of a folder's files
	Yanked       bool         `toml:"yanked"`       // the index had yanked it, and a pin or an older lock kept it
	OwnLayer     bool         `toml:"own-layer"`    // its wheels are layers of their own; else they share bins
	Targets      []string     `toml:"targets"`      // platforms that use it, if it has no files: a folder or a repository, which is not built
	Requires     []Dependency `toml:"requires"`
	Files        []File       `toml:"file"`
	Sources      []Source     `toml:"source"` // what the files with a Build were made of; none: the folder or the commit
}

// File is a wheel that at least one target installs, or a source distribution that is not built.
type File struct {
	Name     string    `toml:"name"`
	SHA256   string    `toml:"sha256"`
	Size     int64     `toml:"size"`
	Hashed   bool      `toml:"hashed"`   // nobody promised a hash: SHA256 is that of what was downloaded or read
	Uploaded time.Time `toml:"uploaded"` // UTC, whole seconds; zero: the index does not say
	Targets  []string  `toml:"targets"`  // platforms, sorted
	Kernels  []Kernels `toml:"kernels"`  // of a wheel that was read: its libraries with code for GPUs
	Build    string    `toml:"build"`    // ID of the [Build] that the wheel was made in when the lock was; "": it came as it is
}

// IsWheel tells whether the file can be installed as it is; else it is a source distribution.
func (f File) IsWheel() bool {
	return !strings.HasSuffix(f.Name, ".tar.gz") && !strings.HasSuffix(f.Name, ".zip")
}

// Built tells whether all targets that use the package have a wheel of it.
func (p Package) Built() bool {
	return len(p.Files) > 0 && !slices.ContainsFunc(p.Files, func(f File) bool { return !f.IsWheel() })
}

// built tells whether a wheel of it was built when the lock was made.
func (p Package) built() bool {
	return slices.ContainsFunc(p.Files, func(f File) bool { return f.Build != "" })
}

// Direct tells whether the package is named by its address instead of coming from an index.
func (p Package) Direct() bool { return p.URL+p.Path+p.Git != "" }

// Dependency is a forward edge to a package that the same target installs.
type Dependency struct {
	Name   string
	Extras []string // sorted
	// Specifiers are what is asked of the version (PEP 440), with commas and without spaces; "": nothing. They let a
	// reader see that a lock is sound, and the projection leaves them out.
	Specifiers string
	Targets    []string // platforms for which the edge holds; none: all that its origin is in
}

// choiceKinds are those that there are.
var choiceKinds = []string{AsOfChoice, AssumedChoice, CUDAChoice, ExcludeChoice, LibraryChoice, MetadataChoice, OverrideChoice, OwnerChoice, PythonChoice, RecordChoice}

// PythonChoice is the kind of a choice that says why the base has the Python that it has.
const PythonChoice = "python"

// RecordChoice is the kind of a choice that says how a wheel's RECORD was not right. A build finds
// it out, so it is no part of what an image is made of.
const RecordChoice = "record"

// LibraryChoice is the kind of a choice that says which package brings a library or program that a wheel needs.
const LibraryChoice = "library"

// AssumedChoice is the kind of a choice that says where the dependencies of a source distribution were found which
// a build may change.
const AssumedChoice = "assumed"

// CUDAChoice is the kind of a choice that says why a package has an older version than it would have without [gpu]. Like
// that of [AsOfChoice] it says how and not what was chosen, and does not count for the image.
const CUDAChoice = "cuda"

// OverrideChoice is the kind of a choice that says which bounds stand in place of all others of a package.
const OverrideChoice = "override"

// OwnerChoice is the kind of a choice that says whose file is installed where several wheels have different ones. Its name is the
// path of a file or folder, relative to site-packages or, with a slash before it, in the image; its value a package.
const OwnerChoice = "owner"

// ExcludeChoice is the kind of a choice that says that a package is left out although something needs it.
const ExcludeChoice = "exclude"

// MetadataChoice is the kind of a choice that says which parts of a package's metadata the manifest replaced:
// "extras", "python", "requires", joined with ", ".
const MetadataChoice = "metadata"

// AsOfChoice is the kind of a choice that says up to which upload versions of one package were looked at: an instant, or
// "none". Like [Project].AsOf it does not count for the image.
const AsOfChoice = "as-of"

// Choice is a decision that the lock keeps, with its reason.
type Choice struct {
	Kind   string `toml:"kind"`
	Name   string `toml:"name"`
	Value  string `toml:"value"`
	Target string `toml:"target"` // platform; "": every target
	Reason string `toml:"reason"` // for people; not in the image's projection
}

// Seal is what the first build of a platform found: the digests that every later build of the
// same lock must reproduce. One that is begun and not closed has layers of an earlier seal that the image will have as well, the layer
// "lock", and what others will be made of.
type Seal struct {
	Platform    string        `toml:"platform"`
	Environment string        `toml:"environment"` // manifest digest of the image without project files; "" until the seal is closed
	Project     string        `toml:"project"`     // SHA-256 of the project tree
	Image       string        `toml:"image"`       // manifest digest of the whole image
	Layers      []SealedLayer `toml:"layer"`
}

// SealOf is the platform's seal, nil if there is none.
func (l *Lock) SealOf(platform string) *Seal {
	for i := range l.Seals {
		if l.Seals[i].Platform == platform {
			return &l.Seals[i]
		}
	}
	return nil
}

// Closed tells whether a build wrote the seal: one that is only begun has no digest of an image.
func (s *Seal) Closed() bool { return s != nil && s.Environment != "" }

// SealedLayer is a layer by digest, in the image's order. Without digest, diff ID and size nobody has made it yet.
type SealedLayer struct {
	Name   string `toml:"name"`    // "base", "environment", "torch 2.15.0", "wheels 07", "project", "lock"
	Kind   string `toml:"kind"`    // kind and format: "rootfs/1", "wheel/1", "files/1"
	Inputs string `toml:"inputs"`  // SHA-256 of what it is made of, as docs/format.md says
	Digest string `toml:"digest"`  // "sha256:…" of the compressed bytes
	DiffID string `toml:"diff-id"` // "sha256:…" of the tar
	Size   int64  `toml:"size"`    // compressed bytes
	// With are, of a layer of wheels that nobody has made yet, the packages in other layers whose wheels share a path with its own; sorted.
	With []string `toml:"with"`
}
