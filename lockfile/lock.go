// Package lockfile is the lock: all that an image is made of, by hash, and nothing else.
//
// It is the narrow waist of envpack. Resolving ends in a [Lock]; building begins with one. The
// package imports nothing of ours and does no I/O but atomic replacement of a lock's file.
// docs/format.md describes the file exactly.
package lockfile

import "time"

// Format is the number of the lock format that this envpack writes.
const Format = 1

// Name is the file name of a lock.
const Name = "envpack.lock"

// Lock is the whole of envpack.lock. The lists are sorted as [Lock.Normalize] says.
type Lock struct {
	Project  Project
	Image    Image
	Targets  []Target
	Indexes  []Index // other than the default index
	Base     Base
	Packages []Package
	Choices  []Choice
	Seals    []Seal
}

// Project ties the lock to the manifest that it was made from.
type Project struct {
	Name     string
	Manifest string       // semantic hash of the manifest: 64 hexadecimal digits of SHA-256
	AsOf     time.Time    // instant, UTC, whole seconds; zero: none was asked for
	Requires []Dependency // the project's own requirements
}

// Image is what the image's config gets from the manifest.
type Image struct {
	Command []string
	Env     map[string]string
	Ports   []string // "8080/tcp"
	Volumes []string // absolute paths
	User    string   // "app" or "root"
	Workdir string   // absolute path, where the project's files lie
	Labels  map[string]string
	Include []string // patterns of project files; none: the default selection
}

// Target is one environment that was resolved exactly.
type Target struct {
	Platform string // "linux/amd64": also the target's name
	Python   string // full version: markers depend on it
	ABI      string // "cp311"
	Glibc    string // "2.36"
}

// Index is a package index that the manifest names.
type Index struct {
	Name string
	URL  string // without credentials
}

// Base is the root file system below the environment.
type Base struct {
	Distro   string // "debian:12"; "none": the environment alone
	Codename string // "bookworm"
	Format   string // "rootfs/1"
	Releases []Release
	Debs     []Deb
}

// Release is a signed index of the distribution that the debs were chosen from. It is a record
// of trust; nothing of it enters an image.
type Release struct {
	Archive    string // "debian", "debian-security"
	Suite      string // "bookworm", "bookworm-updates", "bookworm-security"
	Date       time.Time
	ValidUntil time.Time // zero: none stated
	InRelease  string    // SHA-256 of the InRelease file
	Keys       []string  // fingerprints of the keys that signed it and are trusted, sorted
}

// Deb is one binary package of the base.
type Deb struct {
	Name         string
	Version      string
	Architecture string // "amd64", "all"
	Archive      string
	Path         string // in the archive: "pool/main/…"
	SHA256       string
	Size         int64
	Targets      []string // platforms that use it
}

// Package is one version of one package.
type Package struct {
	Name     string // normalised
	Version  string
	Index    string // name of an [Index]; "" is the default index
	Yanked   bool   // the index had yanked it, and a pin or an older lock kept it
	OwnLayer bool   // its wheels are layers of their own; else they share bins
	Requires []Dependency
	Files    []File
}

// File is a wheel that at least one target installs.
type File struct {
	Name     string
	SHA256   string
	Size     int64
	Uploaded time.Time // UTC, whole seconds; zero: the index does not say
	Targets  []string  // platforms, sorted
}

// Dependency is a forward edge to a package that the same target installs.
type Dependency struct {
	Name    string
	Extras  []string // sorted
	Targets []string // platforms for which the edge holds; none: all that its origin is in
}

// Choice is a decision that the lock keeps, with its reason.
type Choice struct {
	Kind   string // "python", "alternative", "provider", "record", "owner"
	Name   string
	Value  string
	Target string // platform; "": every target
	Reason string // for people; not in the image's projection
}

// Seal is what the first build of a platform found: the digests that every later build of the
// same lock must reproduce.
type Seal struct {
	Platform    string
	Environment string // manifest digest of the image without project files
	Project     string // SHA-256 of the project tree
	Image       string // manifest digest of the whole image
	Layers      []SealedLayer
}

// SealedLayer is a layer by digest, in the image's order.
type SealedLayer struct {
	Name   string // "base", "environment", "torch 2.15.0", "wheels 07", "project", "lock"
	Kind   string // kind and format: "rootfs/1", "wheel/1", "files/1"
	Inputs string // SHA-256 of what it is made of, as docs/format.md says
	Digest string // "sha256:…" of the compressed bytes
	DiffID string // "sha256:…" of the tar
	Size   int64  // compressed bytes
}
