package layer

import (
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/wheelfile"
)

// EntryError is what is wrong with one entry, or went wrong with its content.
type EntryError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *EntryError) Error() string { return fmt.Sprintf("layer entry %q: %v", e.Path, e.Err) }

func (e *EntryError) Unwrap() error { return e.Err }

func fault(p, format string, args ...any) error {
	return &EntryError{Path: p, Err: fmt.Errorf(format, args...)}
}

// WithParents returns the entries, sorted, with every folder above them that they lack, of mode 0755
// and owned by 0:0. A folder that is there several times, each time the same, is there once.
func WithParents(entries []Entry) []Entry {
	all := make([]Entry, 0, len(entries)+16)
	dirs := map[string]Entry{}
	have := map[string]bool{}
	for _, e := range entries {
		if e.Kind == Dir {
			if old, ok := dirs[e.Path]; ok && old.Mode == e.Mode && old.UID == e.UID && old.GID == e.GID {
				continue
			}
			dirs[e.Path] = e
		}
		have[e.Path] = true
		all = append(all, e)
	}
	for i := range entries {
		for dir := path.Dir(entries[i].Path); dir != "." && dir != "/" && !have[dir]; dir = path.Dir(dir) {
			have[dir] = true
			all = append(all, Entry{Path: dir, Kind: Dir, Mode: 0o755})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Path < all[j].Path })
	return all
}

// arrange copies, sorts and checks the entries, and turns hard links so that of each group the first
// is the file.
func arrange(entries []Entry) ([]Entry, error) {
	sorted := append([]Entry(nil), entries...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Path < sorted[j].Path })
	at := make(map[string]int, len(sorted))
	for i := range sorted {
		e := &sorted[i]
		if _, twice := at[e.Path]; twice {
			return nil, fault(e.Path, "is there twice")
		}
		at[e.Path] = i
		if err := e.check(); err != nil {
			return nil, &EntryError{Path: e.Path, Err: err}
		}
		parent := path.Dir(e.Path)
		if parent == "." {
			continue
		}
		if p, ok := at[parent]; !ok {
			return nil, fault(e.Path, "its folder %q is not in the layer", parent)
		} else if sorted[p].Kind != Dir {
			return nil, fault(e.Path, "its folder %q is no folder in the layer", parent)
		}
	}
	return sorted, turnLinks(sorted, at)
}

// turnLinks makes the first entry of each group of hard links the file and the others links to it: a
// reader must have seen a link's target.
func turnLinks(sorted []Entry, at map[string]int) error {
	file := make(map[int]int) // where a file's content goes
	for i := range sorted {
		if sorted[i].Kind != Hardlink {
			continue
		}
		target := i
		for hops := 0; sorted[target].Kind == Hardlink; hops++ {
			next, ok := at[sorted[target].Link]
			if !ok {
				return fault(sorted[i].Path, "its hard link's target %q is not in the layer", sorted[target].Link)
			}
			if hops > len(sorted) {
				return fault(sorted[i].Path, "is a hard link to itself")
			}
			target = next
		}
		if sorted[target].Kind != File {
			return fault(sorted[i].Path, "its hard link's target %q is no file", sorted[target].Path)
		}
		sorted[i].Link = sorted[target].Path
		if _, ok := file[target]; !ok {
			file[target] = min(target, i) // i ascends: the first link is the lowest
		}
	}
	moved := make(map[string]string)
	for from, to := range file {
		if from == to {
			continue
		}
		f := sorted[from]
		moved[f.Path] = sorted[to].Path
		sorted[from] = Entry{Path: f.Path, Kind: Hardlink, Mode: f.Mode, UID: f.UID, GID: f.GID, Link: sorted[to].Path, Capability: f.Capability}
		f.Path = sorted[to].Path
		sorted[to] = f
	}
	for i := range sorted {
		if sorted[i].Kind != Hardlink {
			continue
		}
		if to, ok := moved[sorted[i].Link]; ok {
			sorted[i].Link = to
		}
		// All names of a file have its mode, owner and attributes.
		f := &sorted[at[sorted[i].Link]]
		sorted[i].Mode, sorted[i].UID, sorted[i].GID, sorted[i].Capability = f.Mode, f.UID, f.GID, f.Capability
	}
	return nil
}

const (
	maxPath = 4096      // bytes, Linux's PATH_MAX
	maxID   = 1<<21 - 1 // what seven octal digits hold
)

func (e *Entry) check() error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if e.Mode > 0o7777 {
		return fmt.Errorf("mode %o has more than permission bits", e.Mode)
	}
	if e.UID < 0 || e.GID < 0 || e.UID > maxID || e.GID > maxID {
		return fmt.Errorf("owner %d:%d does not fit", e.UID, e.GID)
	}
	if e.Kind != File && (e.Content != nil || e.Stated != nil) {
		return errors.New("has content and is no file")
	}
	if e.Capability != "" && e.Kind != File {
		return errors.New("has capabilities and is no file")
	}
	if e.Stated != nil && wheelfile.NewHash(e.Stated.Algorithm) == nil {
		return fmt.Errorf("states a hash by the unknown algorithm %q", e.Stated.Algorithm)
	}
	switch e.Kind {
	case File, Dir:
		if e.Link != "" {
			return errors.New("has a link target and is no link")
		}
	case Symlink:
		if e.Link == "" || len(e.Link) >= maxPath || strings.IndexByte(e.Link, 0) >= 0 || !utf8.ValidString(e.Link) {
			return fmt.Errorf("link target %q is not a path", e.Link)
		}
	case Hardlink:
		if err := checkPath(e.Link); err != nil {
			return fmt.Errorf("link target: %w", err)
		}
	default:
		return fmt.Errorf("kind %q is unknown", rune(e.Kind))
	}
	return checkContent(e.Content)
}

func checkContent(c Content) error {
	within := func(b Blob, offset, n int64) error {
		if offset < 0 || n < 0 || offset > b.Size()-n {
			return fmt.Errorf("%d bytes at %d are not in a blob of %d", n, offset, b.Size())
		}
		return nil
	}
	if Size(c) < 0 {
		return fmt.Errorf("size %d is negative", Size(c))
	}
	switch c := c.(type) {
	case Deflated:
		return within(c.Blob, c.Offset, c.Compressed)
	case Stored:
		return within(c.Blob, c.Offset, c.Length)
	}
	return nil
}

// checkPath holds a path to the form of [Entry].Path. A name that begins with ".wh." would not make a
// file but delete one (OCI image specification, Whiteouts).
func checkPath(p string) error {
	switch {
	case p == "" || p[0] == '/' || strings.IndexByte(p, 0) >= 0:
		return errors.New("path is not relative and clean")
	case len(p) >= maxPath:
		return fmt.Errorf("path has %d bytes", len(p))
	case !utf8.ValidString(p):
		return errors.New("path is not UTF-8")
	}
	for _, part := range strings.Split(p, "/") {
		if part == "" || part == "." || part == ".." {
			return errors.New("path is not relative and clean")
		}
		if strings.HasPrefix(part, ".wh.") {
			return errors.New("path is that of a whiteout")
		}
	}
	return nil
}
