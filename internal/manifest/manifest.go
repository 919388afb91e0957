package manifest

import (
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// The names of the files that a project is described in.
const (
	FileName  = "envpack.toml"
	PyProject = "pyproject.toml"
)

// Manifest is what a project asks for.
type Manifest struct {
	File string // path of the file that it was read from
	Dir  string // the project's folder

	// Files are the others that were read for it, in the order of reading: with dependency groups, and of requirements.
	Files []string

	Selection    Selection // of dependency groups; zero: project.groups
	Name         string
	Python       Python
	Requirements []Requirement // of the project, the requirements files and the groups
	Constraints  []Requirement // bounds that apply when a package is needed
	Platforms    []string      // "linux/amd64", sorted
	AsOf         AsOf
	Prereleases  Prereleases
	Places       Places
	NoBinary     []string // packages whose wheels are refused, normalised, sorted
	OnlyBinary   []string // packages whose source distributions are refused, normalised, sorted; ":all:" is all but NoBinary

	Policies
	System
	Indexes []Index
	GPU     *GPU // nil: the manifest asks nothing of GPUs
	Smoke   Smoke
	// Undated is the policy of the default index where no index of the manifest replaces it; "" is UndatedError.
	Undated Undated
	Builds  []BuildPolicy // by name
	Image   Image
	Data    []DataFile // in the manifest's order
	Remarks []Remark   // what other tools' tables say without effect, in the order of the tools
}

// Written names the files that the manifest is in, for people: "envpack.toml", "envpack.toml or a file that it reads (requirements.txt)".
func (m *Manifest) Written() string {
	if len(m.Files) == 0 {
		return m.File
	}
	return m.File + " or a file that it reads (" + strings.Join(m.Files, ", ") + ")"
}

// Places are where values stand that have no place of their own; zero if the manifest does not have them.
type Places struct {
	Project, System   diag.Position // the heads of these tables
	AsOf, Prereleases diag.Position
	Platforms         map[string]diag.Position // by platform
}

// Python is the wanted interpreter.
type Python struct {
	Text         string            // as written
	Specifiers   pep440.Specifiers // of versions, without the t
	FreeThreaded bool              // the build without the global interpreter lock (PEP 703): "3.14t"
	Pos          diag.Position
}

// Full is the full version that is wanted, "" if several are allowed.
func (p Python) Full() string {
	if text := p.version(); fullForm().MatchString(text) {
		return text
	}
	return ""
}

// version is what is written, without the t.
func (p Python) version() string {
	if p.FreeThreaded {
		return strings.TrimSuffix(p.Text, "t")
	}
	return p.Text
}

// Requirement is one requirement with its place and the hashes that its file may have.
type Requirement struct {
	pep508.Requirement
	Hashes []string // as pip has them, "sha256:…", sha384 or sha512, in lower case; none: any file
	// HashPos is the place of the first hash, behind --hash or in the address; zero if there is none.
	HashPos diag.Position
	Pos     diag.Position
	Direct  *direct.Reference // what URL leads to; nil: a version of an index is wanted
}

// Prereleases says when a pre-release may be chosen.
type Prereleases string

// The policies, as uv names them.
const (
	IfNecessary Prereleases = "if-necessary"
	Allow       Prereleases = "allow"
	Disallow    Prereleases = "disallow"
	Explicit    Prereleases = "explicit"
)

// Image is the [image] table.
type Image struct {
	Tag       string // never part of lock or digest
	CacheRepo string // likewise: a repository for layers, without a tag
	Command   []string
	Include   []string
	// IncludePos are the places of the patterns, in their order.
	IncludePos []diag.Position
	Env        map[string]string
	Ports      []string // "8080/tcp", sorted
	Volumes    []string // sorted
	User       string
	Workdir    string
	Labels     map[string]string
}
