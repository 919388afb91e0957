package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/debfile"
	"github.com/envpack/envpack/lockfile"
)

// shipped is a path as a package has it.
type shipped struct {
	debfile.Entry
	pkg string
	sum string // SHA-256 of a file's content
	at  string // where it lies in the image
}

// debs compares what the distribution's packages ship, and names the rest.
func (d *deep) debs(ctx context.Context, debs []lockfile.Deb) error {
	places := map[string][]shipped{} // by where it lies in the image
	whole := true
	var size int64
	for _, deb := range debs {
		size += deb.Size
	}
	advance := func(int64) {}
	if d.Task != nil && size > 0 {
		advance = d.Task("comparing files of packages", size)
	}
	var mu sync.Mutex // of places, whole and the report
	group, all := errgroup.WithContext(ctx)
	group.SetLimit(max(d.Jobs, 1))
	for _, deb := range debs {
		if d.lacking[deb.SHA256] != nil {
			whole = false
		}
	}
	for _, deb := range debs {
		if err := d.lacking[deb.SHA256]; err != nil {
			mu.Lock()
			d.Report.Unchecked = append(d.Report.Unchecked, Gap{Check: "files", What: fmt.Sprintf("files of the package %s %s", deb.Name, deb.Version), Why: diagText(err), Err: err})
			mu.Unlock()
			continue
		}
		group.Go(func() error {
			ships, err := d.unpack(all, deb)
			if cerr := all.Err(); cerr != nil {
				return cerr
			}
			advance(deb.Size)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				whole = false
				d.unreadable(fmt.Sprintf("the package %s %s", deb.Name, deb.Version), err)
				return nil
			}
			d.files.Debs++
			for _, s := range ships {
				places[s.at] = append(places[s.at], s)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(places)) {
		claims := places[p]
		slices.SortFunc(claims, func(a, b shipped) int { return strings.Compare(a.pkg, b.pkg) })
		d.place(p, claims)
	}
	d.others(places, whole)
	return nil
}

// unpack gives what a package ships.
func (d *deep) unpack(ctx context.Context, deb lockfile.Deb) (ships []shipped, err error) {
	blob, err := d.store.Blob(deb.SHA256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	file, err := debfile.Open(blob, blob.Size())
	if err != nil {
		return nil, err
	}
	own := map[string]shipped{} // files, for hard links
	err = file.Data(func(e debfile.Entry, content io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.Path == "." {
			return nil
		}
		s := shipped{Entry: e, pkg: deb.Name}
		switch layer.Kind(e.Kind) {
		case layer.File:
			h := sha256.New()
			if _, err := io.Copy(h, content); err != nil {
				return err
			}
			s.sum = fmt.Sprintf("%x", h.Sum(nil))
			own[e.Path] = s
		case layer.Hardlink:
			target, ok := own[clean(e.Link)]
			if !ok {
				return fmt.Errorf("/%s: a hard link to what the package does not have", e.Path)
			}
			s = target
			s.Path = e.Path
		}
		s.at = d.resolve(e.Path, layer.Kind(e.Kind) == layer.Dir)
		ships = append(ships, s)
		return nil
	})
	return ships, err
}

// place compares what lies at a path with what packages ship there: folders are shared, and one of them decides.
func (d *deep) place(p string, claims []shipped) {
	got, ok := d.tree.Lookup(p)
	var what []string
	for i, c := range claims {
		differ := []string{"missing"}
		if ok {
			differ = c.differs(got)
		}
		if len(differ) == 0 {
			d.files.Deb++
			return
		}
		if i == 0 {
			what = differ
		}
	}
	first := claims[0]
	if !ok && d.broken() {
		return
	}
	same, known := d.asMade(p, d.layerOf(p, got, ok))
	switch {
	case !known:
		d.unknown++
	case !same:
		d.fault(p, got.Layer, "is not as the package %s has it, nor as the rules of the base's format make it: %s", first.pkg, strings.Join(what, ", "))
	default:
		rule := ruleOf(p, got)
		if d.files.Changed == nil {
			d.files.Changed = map[string]int64{}
		}
		d.files.Changed[rule]++
		d.files.Rules = append(d.files.Rules, Ruled{Path: p, Package: first.pkg, Rule: rule, What: what})
	}
}

// layerOf is the number of the layer that a path is in, or should be in.
func (d *deep) layerOf(p string, got compare.File, ok bool) int {
	if ok {
		return got.Layer
	}
	for i, part := range d.parts {
		if i < len(d.trusted) && d.distribution(part) {
			if same, known := d.asMade(p, i+1); !known || !same {
				return i + 1
			}
		}
	}
	for i, part := range d.parts {
		if d.distribution(part) {
			return i + 1
		}
	}
	return 0
}

// distribution tells whether a layer is made of the distribution's packages.
func (d *deep) distribution(p imagegen.Part) bool { return strings.HasPrefix(p.Kind, "rootfs/") }

// differs says in what a file of the image is not what the package ships.
func (s shipped) differs(got compare.File) []string {
	var what []string
	add := func(name string, differ bool) {
		if differ {
			what = append(what, name)
		}
	}
	kind := map[layer.Kind]string{layer.File: regular, layer.Symlink: symbolicLink, layer.Dir: folder}[layer.Kind(s.Kind)]
	if got.Type != kind {
		return []string{"type"}
	}
	add("content", kind == regular && got.SHA256 != s.sum)
	add("target", kind == symbolicLink && got.Target != s.Link)
	add("mode", kind != symbolicLink && got.Mode != modeOf(s.Mode))
	add("owner", !owned(got, s.UID, s.GID))
	add("attributes", len(got.Attributes) > 0)
	return what
}

// others counts what the distribution's layers have and no package ships.
func (d *deep) others(places map[string][]shipped, whole bool) {
	for _, p := range d.tree.Paths() {
		got, _ := d.tree.Lookup(p)
		i := got.Layer - 1
		if i < 0 || i >= len(d.parts) || i >= len(d.trusted) {
			continue
		}
		switch {
		case d.parts[i].Kind == imagegen.ParentFormat:
			d.files.Below++
		case !d.distribution(d.parts[i]) || places[p] != nil || !whole:
		case d.trusted[i]:
			if d.files.Made == nil {
				d.files.Made = map[string]int64{}
			}
			d.files.Made[ruleOf(p, got)]++
		}
	}
}
