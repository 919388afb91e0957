package imagegen

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/interpreter"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// The kinds of layers of an image that stands on another: those of the other, and the one that adds the
// user app to its tables.
const (
	ParentFormat = "image/1"
	UserFormat   = "user/1"
)

const userLayer = "user"

// standing is what the image stands on.
type standing struct {
	image v1.Image
	file  *v1.ConfigFile
	facts *parent.Parent // nil until it is read
	// folders are those that our layers name on the way to their files, and that the image has with other modes or
	// owners than they give them. The last layer gives them back what they had.
	folders []layer.Entry
	user    account // app
}

// maxLayers is how many layers Docker's engine loads: two less than the 127 that containerd and its own older drivers mount over one
// another, for those of a container (moby, layer/layer_store.go; seen with 20.10: "max depth exceeded").
const maxLayers = 125

// checkLayers refuses more layers than engines take.
func (w *work) checkLayers(n int) error {
	if n <= maxLayers {
		return nil
	}
	e := diag.New(diag.Manifest, "the image would have %d layers, and engines take %d at most", n, maxLayers)
	if n := len(w.plan.data); n > 1 {
		e = e.Hint("%d of them are files of [[file]], each of which is one; small ones can lie among the project's files", n)
	}
	if w.plan.parent != nil {
		e = e.Hint("%s has %d of them; choose one with fewer, or squash it", w.plan.Lock.Base.Reference, len(w.plan.parent.Layers))
	}
	return e
}

// openParent opens the image that the plan's stands on, and holds it to the lock. Of its files nothing is read unless the store
// remembers them: user and folders are then what they are in most images.
func (w *work) openParent(ctx context.Context) error {
	p := w.plan
	img, err := w.Supply.Image(ctx, p.Lock.Base.Reference, *p.parent)
	if err != nil {
		return err
	}
	wrong := func(what string) error {
		return diag.New(diag.Mismatch, "the image %s is not the one in the lock: its %s differs", p.Lock.Base.Reference, what)
	}
	if d, err := img.Digest(); err != nil {
		return err
	} else if d.String() != p.parent.Digest {
		return wrong("manifest")
	}
	if c, err := img.ConfigName(); err != nil {
		return err
	} else if c.String() != p.parent.Config {
		return wrong("config")
	}
	file, err := img.ConfigFile()
	if err != nil {
		return err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	if len(manifest.Layers) != len(p.parent.Layers) || len(file.RootFS.DiffIDs) != len(p.parent.Layers) {
		return wrong("number of layers")
	}
	for i, l := range p.parent.Layers {
		if manifest.Layers[i].Digest.String() != l.Digest || manifest.Layers[i].Size != l.Size || file.RootFS.DiffIDs[i].String() != l.DiffID {
			return wrong("list of layers")
		}
	}
	p.standing = &standing{image: img, file: file, user: account{p.parent.UserID, p.parent.UserID, rootfs.AppHome}}
	if facts := rememberedFacts(w.Store, p.parent.Digest, p.Target.Platform); facts != nil {
		p.stand(facts)
	}
	return nil
}

// readParent finds out what the image below has, unless that is known.
func (w *work) readParent(ctx context.Context) error {
	p := w.plan
	if p.standing.facts != nil {
		return nil
	}
	facts, err := ParentFacts(ctx, w.Store, p.standing.image, parent.Options{Platform: p.Target.Platform, Task: w.Task})
	if err == nil {
		p.stand(facts)
	}
	return err
}

func (p *Plan) stand(facts *parent.Parent) {
	s := p.standing
	s.facts, s.folders, s.user = facts, p.otherFolders(facts.Tree), accountOf(facts.Tree, p.parent.UserID)
}

// otherFolders finds the folders for standing.
func (p *Plan) otherFolders(tree *parent.Tree) []layer.Entry {
	ends := []string{Prefix, strings.TrimPrefix(p.Lock.Image.Workdir, "/")}
	if p.interpreter != nil {
		ends = append(ends, interpreter.Prefix, "usr/local/bin/python")
	}
	for _, f := range p.data {
		ends = append(ends, strings.TrimPrefix(f.To, "/"))
	}
	var list []layer.Entry
	seen := map[string]bool{}
	for _, end := range ends {
		for dir := path.Dir(end); dir != "." && dir != "/"; dir = path.Dir(dir) {
			e, ok := tree.Lstat(dir)
			if seen[dir] || !ok || e.Kind != layer.Dir || e.Mode == 0o755 && e.UID == 0 && e.GID == 0 && !inHome(dir) {
				continue
			}
			seen[dir] = true
			list = append(list, layer.Entry{Path: dir, Kind: layer.Dir, Mode: e.Mode, UID: e.UID, GID: e.GID})
		}
	}
	slices.SortFunc(list, func(a, b layer.Entry) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// parentLayers are the layers below, and the user's where the image has no user app.
func (w *work) parentLayers(ctx context.Context) ([]Layer, error) {
	p := w.plan
	var list []Layer
	for i, l := range p.parent.Layers {
		hash, err := v1.NewHash(l.Digest)
		if err != nil {
			return nil, fmt.Errorf("the base image: %w", err)
		}
		found, err := p.standing.image.LayerByDigest(hash)
		if err != nil {
			return nil, fmt.Errorf("the base image: %w", err)
		}
		list = append(list, Layer{
			Layer: found, Name: parentName(i), Kind: ParentFormat, Inputs: inputs(ParentFormat, "layer "+l.Digest),
			Digest: l.Digest, DiffID: l.DiffID, Size: l.Size, MediaType: l.MediaType,
		})
	}
	if p.Lock.Image.User != rootfs.AppUser {
		return list, nil
	}
	in := p.userInputs()
	if l, ok, err := w.known(userLayer, UserFormat, in, nil); ok || err != nil {
		return append(list, l), err
	}
	if err := w.readParent(ctx); err != nil {
		return nil, err
	}
	l, err := w.keep(ctx, userLayer, UserFormat, in, userEntries(p.standing.facts.Tree, p.parent.UserID), nil)
	return append(list, l), err
}

func (p *Plan) userInputs() string {
	if p.parent == nil || p.Lock.Image.User != rootfs.AppUser {
		return ""
	}
	return inputs(UserFormat, "image "+p.parent.Digest, fmt.Sprintf("user %d", p.parent.UserID))
}

// ParentFacts reads an image to stand on, once for each: what was found is remembered by its digest.
// Errors: those of parent.Read.
func ParentFacts(ctx context.Context, st *store.Store, img v1.Image, o parent.Options) (*parent.Parent, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	if known := rememberedFacts(st, digest.String(), o.Platform); known != nil {
		return known, nil
	}
	found, err := parent.Read(ctx, img, o)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(found)
	if err != nil {
		return nil, fmt.Errorf("remembering the image %s: %w", digest, err)
	}
	kind, key := factsMemo(digest.String(), o.Platform)
	return found, st.PutMemo(kind, key, data)
}

// factsKind is that of the notes of what was found in an image.
var factsKind = strings.ReplaceAll(parent.Format, "/", "-")

// factsMemo is where the store keeps what was found in an image.
func factsMemo(digest, platform string) (kind, key string) {
	return factsKind, hexOf(digest) + " " + strings.ReplaceAll(platform, "/", "-")
}

// rememberedFacts is what was found in an image before, nil if nothing was.
func rememberedFacts(st *store.Store, digest, platform string) *parent.Parent {
	data, ok := st.Memo(factsMemo(digest, platform))
	var known parent.Parent
	if !ok || json.Unmarshal(data, &known) != nil || known.Digest != digest {
		return nil
	}
	return &known
}
