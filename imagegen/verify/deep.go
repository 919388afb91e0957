package verify

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/links"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// Deeply compares every file of the image with the wheel or the package that it comes from, which the store has but for
// those of lacking, by SHA-256. It comes behind Digests and Layers. Errors: of the context. A wheel or a package that cannot be read
// leaves its own files unchecked.
func (v *Verification) Deeply(ctx context.Context, plan *imagegen.Plan, rebuilt *imagegen.Rebuilt, st *store.Store, lacking map[string]error) error {
	if v.tree == nil {
		return nil
	}
	d := &deep{Verification: v, store: st, lacking: lacking, files: &Files{}, parts: rebuilt.Parts, changed: map[int]map[string]bool{}}
	v.Report.Files = d.files
	needs := plan.Needs()
	if err := d.wheels(ctx, needs.Wheels, plan.Target.Minor()); err != nil {
		return err
	}
	if err := d.debs(ctx, needs.Debs); err != nil {
		return err
	}
	d.data(needs.Data)
	d.settle()
	return nil
}

// data compares the data files with what the lock says of them.
func (d *deep) data(list []lockfile.DataFile) {
	for _, f := range list {
		p := clean(f.To)
		mode := uint32(0o644)
		if f.Executable {
			mode = 0o755
		}
		switch got, ok := d.tree.Lookup(p); {
		case !ok && d.broken():
		case !ok:
			d.fault(p, 0, "of the lock is missing")
		case got.Type != regular:
			d.fault(p, got.Layer, "is a %s, and a file in the lock", got.Type)
		case got.SHA256 != f.SHA256:
			d.fault(p, got.Layer, "has the SHA-256 %s, and %s in the lock", got.SHA256, f.SHA256)
		case got.Mode != modeOf(mode) || !owned(got, 0, 0):
			d.fault(p, got.Layer, "has the mode %s and belongs to %d:%d, and data files have %s and belong to 0:0", got.Mode, got.UID, got.GID, modeOf(mode))
		default:
			d.files.Data++
		}
	}
}

// deep is one run of Deeply.
type deep struct {
	*Verification
	store   *store.Store
	lacking map[string]error
	files   *Files
	parts   []imagegen.Part
	changed map[int]map[string]bool // paths that differ from the layer that was made again, by the layer's place
	wrong   int                     // files that are not as they should be
	unknown int                     // files that may be so by a rule
}

// shownFiles is how many files are named of which one finding each is made.
const shownFiles = 100

// fault notes a file that is not as it should be.
func (d *deep) fault(p string, layer int, format string, args ...any) {
	if d.wrong++; d.wrong > shownFiles {
		return
	}
	name := ""
	if layer > 0 && layer <= len(d.Report.Layers) {
		name = d.Report.Layers[layer-1].Contents
	}
	d.Report.find(Finding{Check: "files", Text: "/" + p + " " + fmt.Sprintf(format, args...), Path: p, Layer: layer, Name: name})
}

// unreadable notes a wheel or a package that could not be read, whose files are not checked therefore.
func (d *deep) unreadable(what string, err error) {
	d.Report.Unchecked = append(d.Report.Unchecked, Gap{Check: "files", What: "files of " + what, Why: "it cannot be read: " + diagText(err), Err: err})
}

// broken tells whether some layer could not be read whole, so that files may be missing for that.
func (d *deep) broken() bool { return count(d.Report.Layers, Damaged, Unread) > 0 }

// asMade tells whether a file is as the layer has it that was made again; known is false where there is none.
func (d *deep) asMade(p string, layer int) (same, known bool) {
	i := layer - 1
	switch {
	case i < 0 || i >= len(d.trusted):
		return false, false
	case d.trusted[i]:
		return true, true
	}
	paths, ok := d.changed[i]
	if !ok {
		for _, f := range d.Report.Findings {
			if f.Layer == layer && f.Pair != nil && f.Pair.Files != nil {
				paths = map[string]bool{}
				for _, c := range f.Pair.Files.List {
					paths[c.Path] = true
				}
			}
		}
		d.changed[i] = paths
	}
	return !paths[p], paths != nil
}

// settle is the check's result.
func (d *deep) settle() {
	r, f := d.Report, d.files
	if d.wrong > shownFiles {
		r.find(Finding{Check: "files", Text: fmt.Sprintf("%d more files are not as their packages have them", d.wrong-shownFiles)})
	}
	if d.unknown > 0 {
		r.Unchecked = append(r.Unchecked, Gap{Check: "files", What: fmt.Sprintf("%d files of the distribution's packages", d.unknown),
			Why: "they are not as their packages have them, and whether rules make them so could not be told, since their layer was not made again"})
	}
	if d.broken() {
		r.Unchecked = append(r.Unchecked, Gap{Check: "files", What: "files of layers that are damaged or could not be read", Why: "they are not all known"})
	}
	var parts []string
	if f.Wheels > 0 {
		text := fmt.Sprintf("%d files of %d wheels as RECORD and the wheels have them, %d written by installing", f.Wheel, f.Wheels, f.Written)
		if f.Deviating > 0 {
			text += fmt.Sprintf(", %d that RECORD states wrongly", f.Deviating)
		}
		parts = append(parts, text)
	}
	if f.Debs > 0 {
		changed, made := int64(0), int64(0)
		for _, n := range f.Changed {
			changed += n
		}
		for _, n := range f.Made {
			made += n
		}
		parts = append(parts, fmt.Sprintf("%d of %d packages as these have them, %d changed and %d made by rules", f.Deb, f.Debs, changed, made))
	}
	if f.Data > 0 {
		parts = append(parts, plural(int(f.Data), "data file"))
	}
	if f.Below > 0 {
		parts = append(parts, fmt.Sprintf("%d of the image below, of which the digests are known", f.Below))
	}
	if len(parts) == 0 {
		parts = []string{"no files of packages"}
	}
	r.check("files", r.statusOf("files"), strings.Join(parts, "; "))
}

// resolve is the place of a path whose folders may be links in the image; all are followed, the last part's too if asked.
func (d *deep) resolve(p string, last bool) string {
	at, err := links.Follow(p, last, func(p string) (string, bool) {
		f, ok := d.tree.Lookup(p)
		return f.Target, ok && f.Type == symbolicLink
	})
	if err != nil {
		return clean(p)
	}
	return at
}

func clean(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

// The types of files, as compare names them.
const (
	regular      = "file"
	folder       = "folder"
	symbolicLink = "symbolic link"
)

// modeOf is a mode as compare writes it.
func modeOf(mode uint32) string { return fmt.Sprintf("%04o", mode) }

func owned(f compare.File, uid, gid int) bool {
	return f.UID == uid && f.GID == gid && f.User == "" && f.Group == ""
}
