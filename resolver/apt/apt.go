// Package apt resolves which packages of a release of Debian or Ubuntu a root file system is made of: from signed
// indexes to a list of .deb files with their hashes.
//
// It verifies the archive's signatures itself, knows nothing of images and never downloads a .deb. It reaches
// the network through a [Fetcher] only and reads no clock: the same answers of the archive, and the same
// options, give the same result. Nothing of an index is used before its hash is that of the signed release.
package apt

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
)

// Fetcher reads a URL wholly. More than limit bytes are an error. Errors of it end the command with
// diag.Fetch, unless they have a code of their own.
type Fetcher interface {
	Get(ctx context.Context, url string, limit int64) ([]byte, error)
}

// Memo keeps derived data between runs. What it returns must be what was put under the same kind and key; keys
// contain the hash of what the data was made from. It is used by several goroutines at once.
type Memo interface {
	Memo(kind, key string) ([]byte, bool)
	PutMemo(kind, key string, data []byte) error
}

// Options say what is wanted.
type Options struct {
	Distro       string   // "debian:12" or "debian:bookworm"
	Python       string   // minor version of the interpreter, "3.8"; "" is the distribution's default
	Architecture string   // as Debian names it: "amd64", "arm64"
	Pockets      []string // of "release", "updates", "security"; none is all
	// Archives are base URLs by the archive's name, "debian", "debian-security", "ubuntu", "ubuntu-security" and
	// "ubuntu-ports"; dists/ and pool/ are below them. Only the distribution's are needed.
	Archives map[string]string
	// Further are places where an archive's suite may be if it is not there: the archive of ended releases.
	Further map[string][]string
	// AsOf is the instant whose state of the distribution's archives counts; zero is now. Valid-Until and the validity of
	// keys are judged at it then. Archives of others are taken as they are.
	AsOf time.Time
	// Snapshots are base URLs of the archives as they were at AsOf. They are needed where an archive has a later state.
	Snapshots map[string]string
	// Extra are archives of others.
	Extra   []Archive
	Fetcher Fetcher
	// ExtraKeys are OpenPGP keys that are trusted for the distribution's archives besides the embedded ones.
	ExtraKeys [][]byte
	// NotBefore are, by archive and suite with a space between, the dates of the releases that an earlier
	// result was made from: older ones are refused.
	NotBefore map[string]time.Time
	Now       time.Time
	// AcceptExpired accepts releases after their Valid-Until and signatures of keys that have expired since.
	AcceptExpired bool
	// Prefer are versions by package name that are kept where the archive still has them and nothing needs others.
	Prefer map[string]string
	Memo   Memo // may be nil
	// Roots are packages wanted besides the base, each a relation: "ffmpeg", "libssl3 (>= 3.0)", "a | b". They are
	// part of the base.
	Roots []string
	// System are packages in the same form that are resolved after the base, whose packages they do not change.
	System []string
	// OmitPython leaves out the interpreter's packages, OmitBase all of the base.
	OmitPython, OmitBase bool
	// Installed is the dpkg status file of the image that the packages are added to; nil where there is none.
	Installed []byte
}

// Result is a closed set of packages.
type Result struct {
	Codename   string
	Python     string // minor version of the chosen interpreter, "3.11"; "" without one
	PythonFull string // "3.11.2"
	// PythonDefault tells that Python is the distribution's own python3, so that python3-minimal brings the command.
	// Else /usr/bin/python3 is another version, or not there.
	PythonDefault bool
	Glibc         string // "2.36"; "" where neither chosen nor installed
	Releases      []Release
	Debs          []Deb // sorted by name; without what is installed
}

// Release is a signed state of a suite that the result was made from.
type Release struct {
	Archive         string
	Suite           string
	Date            time.Time
	ValidUntil      time.Time // zero where the archive states none
	InReleaseSHA256 string
	Keys            []string // fingerprints of the keys that signed it, upper-case hex, sorted
}

// Deb is a chosen package.
type Deb struct {
	Name         string
	Version      string
	Architecture string // "amd64", "all"
	Archive      string
	Suite        string
	Path         string // below the archive's base URL
	SHA256       string // lower-case hex
	Size         int64  // bytes
	Why          string // for people
	By           string // the package that depends on it, for which it was chosen; "" for what is wanted
	System       bool   // not of the base: wanted by Options.System, or needed for that
	Security     string // the newest version in the distribution's security pocket; "" for none. It may be older than Version
}

// Resolve finds the packages. Errors are diag errors: Manifest for wrong options, Fetch where the archive
// cannot be reached, Mismatch for signatures and hashes, NoAnswer where no set of packages will do.
func Resolve(ctx context.Context, o Options) (*Result, error) {
	r, err := resolve(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("resolving packages of %s: %w", o.Distro, err)
	}
	return r, nil
}

func resolve(ctx context.Context, o Options) (*Result, error) {
	d, err := findDistribution(o.Distro)
	if err != nil {
		return nil, err
	}
	pockets, err := d.choose(o.Pockets, o.Architecture)
	if err != nil {
		return nil, err
	}
	more, err := extras(o.Extra)
	if err != nil {
		return nil, err
	}
	pockets = append(pockets, more...)
	wants, err := d.wants(o)
	if err != nil {
		return nil, err
	}
	system, err := wanted(o.System)
	if err != nil {
		return nil, err
	}
	installed, err := parseInstalled(o.Installed)
	if err != nil {
		return nil, diag.Wrap(err, 0, "reading the image's dpkg status")
	}
	releases := make([]Release, len(pockets))
	indexes := make([][]candidate, len(pockets))
	lacking := make([]*noSnapshot, len(pockets))
	group, gctx := errgroup.WithContext(ctx)
	for i, p := range pockets {
		group.Go(func() error {
			keys, err := p.trustedKeys(o.ExtraKeys)
			if err != nil {
				return p.about(err)
			}
			l := loader{Options: o, pocket: p, keys: keys}
			err = l.load(gctx, &releases[i], &indexes[i])
			if errors.As(err, &lacking[i]) {
				return nil // the others may lack theirs as well, and are told with it
			}
			if err != nil {
				return p.about(fmt.Errorf("archive %s, suite %s: %w", p.archive, p.suite, err))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := snapshotsError(lacking); err != nil {
		return nil, err
	}
	base, added, err := stages(ctx, indexes, installed, o.Prefer, wants, system)
	if err != nil {
		return nil, err
	}
	r := d.result(o, releases, installed, base, added)
	fixes := securityFixes(pockets, indexes)
	for i := range r.Debs {
		r.Debs[i].Security = fixes[r.Debs[i].Name]
	}
	return r, nil
}

// wants are the base's packages and the caller's.
func (d *distribution) wants(o Options) ([]want, error) {
	var wants []want
	if !o.OmitBase {
		roots, err := d.rootsOf(o.Python)
		if o.OmitPython {
			roots, err = d.rootsOf("")
		}
		if err != nil {
			return nil, err
		}
		for _, r := range roots {
			if !(r.python && o.OmitPython) {
				wants = append(wants, want{alt: alternatives{{name: r.name}}, reason: r.reason})
			}
		}
	}
	more, err := wanted(o.Roots)
	return append(wants, more...), err
}

// wanted reads the caller's packages.
func wanted(list []string) ([]want, error) {
	var wants []want
	for _, text := range list {
		all, err := parseRelations(text)
		if err == nil && len(all) != 1 {
			err = fmt.Errorf("it names %d packages", len(all))
		}
		if err != nil {
			return nil, diag.Wrap(err, diag.Manifest, "system package %q", text)
		}
		wants = append(wants, want{all[0], "wanted", text})
	}
	return wants, nil
}

func (d *distribution) result(o Options, releases []Release, installed []candidate, base, added []*choice) *Result {
	r := &Result{Codename: d.codename, Releases: releases}
	python := o.Python
	if python == "" {
		python = d.python
	}
	for _, c := range installed {
		if c.name == "libc6" {
			r.Glibc = upstreamRelease(c.version)
		}
	}
	for stage, chosen := range [][]*choice{base, added} {
		for _, c := range chosen {
			switch c.name {
			case "libc6":
				r.Glibc = upstreamRelease(c.version)
			case "python" + python:
				r.Python, r.PythonFull, r.PythonDefault = python, upstreamRelease(c.version), python == d.python
			}
			why, by := c.why, ""
			if c.by != nil {
				by = c.by.name
				why = by + " depends on " + c.why
			}
			r.Debs = append(r.Debs, Deb{
				Name: c.name, Version: c.version, Architecture: c.architecture, Archive: c.archive, Suite: c.suite,
				Path: c.path, SHA256: strings.ToLower(c.sha256), Size: c.size, Why: why, By: by, System: stage == 1,
			})
		}
	}
	sort.Slice(r.Debs, func(i, j int) bool { return r.Debs[i].Name < r.Debs[j].Name })
	return r
}
