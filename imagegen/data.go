package imagegen

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// BlobFormat names the rules for layers of one data file, whose bytes lie there as they are.
const BlobFormat = "blob/1"

// dataName is the name of a data file's layer.
func dataName(f lockfile.DataFile) string { return "file " + f.To }

// home is the folder of the user app, relative to the root.
var home = strings.TrimPrefix(rootfs.AppHome, "/")

// inHome tells whether a path is the user's home or lies in it.
func inHome(p string) bool { return p == home || strings.HasPrefix(p, home+"/") }

// dataFolder is a folder above a data file: in the user's home it is the user's, as all there, and writable for the group root.
func (p *Plan) dataFolder(dir string) layer.Entry {
	if inHome(dir) {
		return layer.Entry{Path: dir, Kind: layer.Dir, Mode: 0o775, UID: p.userID()}
	}
	return layer.Entry{Path: dir, Kind: layer.Dir, Mode: 0o755}
}

// userID is the number of the user app.
func (p *Plan) userID() int {
	if p.parent != nil {
		return int(p.parent.UserID)
	}
	return rootfs.AppID
}

func dataMode(f lockfile.DataFile) uint32 {
	if f.Executable {
		return 0o755
	}
	return 0o644
}

func (p *Plan) dataInputs(f lockfile.DataFile) string {
	at := strings.TrimPrefix(f.To, "/")
	facts := []string{"file " + f.SHA256, fmt.Sprintf("mode %o", dataMode(f)), "at " + at}
	if inHome(at) {
		facts = append(facts, fmt.Sprintf("user %d", p.userID()))
	}
	return inputs(BlobFormat, facts...)
}

// dataLayers makes the layers of the data files, in the lock's order.
func (w *work) dataLayers(ctx context.Context) ([]Layer, error) {
	list := w.plan.data
	layers := make([]Layer, len(list))
	var missing []int
	var wanted []lockfile.DataFile
	var sums []string
	for i, f := range list {
		l, ok, err := w.known(dataName(f), BlobFormat, w.plan.dataInputs(f), func() error {
			return w.fetch(ctx, []string{f.SHA256}, func() error { return w.Supply.Data(ctx, []lockfile.DataFile{f}) })
		})
		if err != nil {
			return nil, err
		}
		if layers[i] = l; !ok {
			missing, wanted, sums = append(missing, i), append(wanted, f), append(sums, f.SHA256)
		}
	}
	if len(missing) == 0 {
		return layers, nil
	}
	if err := w.fetch(ctx, sums, func() error { return w.Supply.Data(ctx, wanted) }); err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.Jobs)
	for _, i := range missing {
		group.Go(func() (err error) {
			layers[i], err = w.dataLayer(ctx, list[i])
			return err
		})
	}
	return layers, group.Wait()
}

// dataLayer writes the layer of one file, which the store has.
func (w *work) dataLayer(ctx context.Context, f lockfile.DataFile) (Layer, error) {
	name := dataName(f)
	blob, err := w.Store.Blob(f.SHA256)
	if err != nil {
		return Layer{}, err
	}
	defer blob.Close()
	if blob.Size() != f.Size {
		return Layer{}, diag.New(diag.Mismatch, "%s has %d bytes, and the lock says %d", f.Source(), blob.Size(), f.Size).
			Hint("the lock was edited, or made from what a server said of the file and does not hold; `envpack lock --upgrade` takes it as it is")
	}
	at := strings.TrimPrefix(f.To, "/")
	entries := []layer.Entry{{Path: at, Kind: layer.File, Mode: dataMode(f), Content: layer.Whole{Blob: blob}}}
	for dir := path.Dir(at); dir != "."; dir = path.Dir(dir) {
		entries = append(entries, w.plan.dataFolder(dir))
	}
	done := w.Task("layer "+name, f.Size)
	result, err := layer.Write(ctx, entries, layer.Options{Progress: done})
	if err != nil {
		return Layer{}, fmt.Errorf("layer %s: %w", name, err)
	}
	recipe, err := result.Recipe.MarshalBinary()
	if err != nil {
		return Layer{}, err
	}
	if err := w.Store.PutMemo(recipeMemo, result.Digest, recipe); err != nil {
		return Layer{}, err
	}
	return w.remember(name, BlobFormat, w.plan.dataInputs(f), remembered{Descriptor: result.Descriptor})
}

// checkDataBelow refuses data files where the image below has a folder, or a link or file above them: the layer would take away what lies
// there, or lie where the link leads. A file is replaced. Of an image that was not read, since its layers are sealed, this was found when
// they were.
func (p *Plan) checkDataBelow() error {
	if p.standing == nil || p.standing.facts == nil {
		return nil
	}
	return p.checkPlaces(p.standing.facts.Tree.Lstat, p.Lock.Base.Reference)
}

// checkPlaces holds data files to what lies below their layers, which lstat knows.
func (p *Plan) checkPlaces(lstat func(path string) (parent.Entry, bool), where string) error {
	for _, f := range p.data {
		at := strings.TrimPrefix(f.To, "/")
		for dir := at; dir != "."; dir = path.Dir(dir) {
			e, ok := lstat(dir)
			if !ok || (e.Kind == layer.Dir) == (dir != at) && e.Kind != layer.Symlink {
				continue
			}
			what := map[layer.Kind]string{layer.Dir: "a folder", layer.Symlink: "a link to " + e.Link}[e.Kind]
			if what == "" {
				what = "a file"
			}
			return diag.New(diag.Manifest, "%s cannot lie in the image: %s is %s in %s", f.To, "/"+dir, what, where).
				Hint("give it another place with to")
		}
	}
	return nil
}

// placesMemo keeps that data files may lie where they are to, on some layers.
const placesMemo = "places"

// checkDataOn refuses data files, as checkDataBelow does, for what the layers have that are made here: the base, packages, and the user's
// home. They are read once for these files and layers. Of those that come from elsewhere as they are sealed, this was found when they were.
func (w *work) checkDataOn(ctx context.Context, below []Layer) error {
	var facts []string
	for _, f := range w.plan.data {
		facts = append(facts, "at "+f.To)
	}
	var read []Layer
	for _, l := range below {
		if l.Kind != ParentFormat && !l.Elsewhere {
			read = append(read, l)
			facts = append(facts, "layer "+l.Digest)
		}
	}
	if len(w.plan.data) == 0 || len(read) == 0 {
		return nil
	}
	key := inputs(placesMemo, facts...)
	if _, ok := w.Store.Memo(placesMemo, key); ok {
		return nil
	}
	wanted := map[string]bool{}
	for _, f := range w.plan.data {
		for dir := strings.TrimPrefix(f.To, "/"); dir != "."; dir = path.Dir(dir) {
			wanted[dir] = true
		}
	}
	for _, l := range read {
		found := map[string]parent.Entry{}
		if err := entriesAt(ctx, l, wanted, found); err != nil {
			return err
		}
		where := fmt.Sprintf("the layer %s, which is of %s", l.Name, w.plan.Lock.Base.Distro)
		if l.Name != baseLayer {
			where = "the layer " + l.Name
		}
		lstat := func(path string) (parent.Entry, bool) { e, ok := found[path]; return e, ok }
		if err := w.plan.checkPlaces(lstat, where); err != nil {
			return err
		}
	}
	return w.Store.PutMemo(placesMemo, key, nil)
}

// entriesAt finds what a layer has at paths.
func entriesAt(ctx context.Context, l Layer, wanted map[string]bool, found map[string]parent.Entry) error {
	want := layertar.Promise{What: "layer " + l.Name, Size: l.Size, Limit: layertar.Limit(l.Size)}
	var err error
	if want.Digest, err = v1.NewHash(l.Digest); err != nil {
		return err
	}
	if want.DiffID, err = v1.NewHash(l.DiffID); err != nil {
		return err
	}
	return layertar.Walk(ctx, l.Layer, want, nil, func(h *tar.Header, _ io.Reader) error {
		name := layertar.Clean(h.Name)
		if !wanted[name] {
			return nil
		}
		e := parent.Entry{Path: name, Kind: layer.File}
		switch h.Typeflag {
		case tar.TypeDir:
			e.Kind = layer.Dir
		case tar.TypeSymlink:
			e.Kind, e.Link = layer.Symlink, h.Linkname
		}
		found[name] = e
		return nil
	})
}

// checkData refuses data files and files of the project at one path: the project's layer is the upper one, and would hide them.
func checkData(data []lockfile.DataFile, tree *project.Tree, workdir string) error {
	if len(data) == 0 || tree == nil {
		return nil
	}
	at := map[string]bool{}
	above := map[string]string{} // a file below the folder
	for _, f := range data {
		at[f.To] = true
		for dir := path.Dir(f.To); dir != "/"; dir = path.Dir(dir) {
			above[dir] = f.To
		}
	}
	for _, p := range tree.Paths() {
		full := path.Join("/", workdir, p)
		if other := above[full]; other != "" {
			return dataClash(p, fmt.Sprintf("%s is to lie below it", other))
		}
		for dir := full; dir != "/"; dir = path.Dir(dir) {
			if at[dir] {
				return dataClash(p, fmt.Sprintf("%s is a file of [[file]]", dir))
			}
		}
	}
	return nil
}

func dataClash(file, why string) error {
	return diag.New(diag.Manifest, "the project's file %s cannot lie in the image: %s", file, why).
		Hint("leave it out of the project's files (image.include says which they are), or give the other another place with to")
}
