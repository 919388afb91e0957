package imagegen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
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
}

// openParent opens the image that the plan's stands on, and holds it to the lock.
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
	p.standing = &standing{img, file}
	return nil
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
			Layer: found, Name: fmt.Sprintf("image %02d", i+1), Kind: ParentFormat, Inputs: inputs(ParentFormat, "layer "+l.Digest),
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
	facts, err := w.parentFacts(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := userEntries(facts.Tree, p.parent.UserID)
	if err != nil {
		return nil, err
	}
	l, err := w.keep(ctx, userLayer, UserFormat, in, entries, nil)
	return append(list, l), err
}

func (p *Plan) userInputs() string {
	if p.parent == nil || p.Lock.Image.User != rootfs.AppUser {
		return ""
	}
	return inputs(UserFormat, "image "+p.parent.Digest, fmt.Sprintf("user %d", p.parent.UserID))
}

// parentFacts reads the image below, or what was remembered of it.
func (w *work) parentFacts(ctx context.Context) (*parent.Parent, error) {
	return ParentFacts(ctx, w.Store, w.plan.standing.image, parent.Options{Platform: w.plan.Target.Platform, Task: w.Task})
}

// Memo keeps derived data between runs.
type Memo interface {
	Memo(kind, key string) ([]byte, bool)
	PutMemo(kind, key string, data []byte) error
}

// ParentFacts reads an image to stand on, once for each: what was found is remembered by its digest.
// Errors: those of parent.Read.
func ParentFacts(ctx context.Context, memo Memo, img v1.Image, o parent.Options) (*parent.Parent, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	kind, key := strings.ReplaceAll(parent.Format, "/", "-"), digest.Hex+" "+strings.ReplaceAll(o.Platform, "/", "-")
	if data, ok := memo.Memo(kind, key); ok {
		var known parent.Parent
		if json.Unmarshal(data, &known) == nil && known.Digest == digest.String() {
			return &known, nil
		}
	}
	found, err := parent.Read(ctx, img, o)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(found)
	if err != nil {
		return nil, fmt.Errorf("remembering the image %s: %w", digest, err)
	}
	return found, memo.PutMemo(kind, key, data)
}

// accountTables are the tables that get a line for the user app, with what the line is.
var accountTables = []struct {
	path string
	line string // NAME and ID are replaced
}{
	{"etc/group", "app:x:ID:"},
	{"etc/gshadow", "app:!::"},
	{"etc/passwd", "app:x:ID:ID::/home/app:SHELL"},
	{"etc/shadow", "app:!::0:99999:7:::"},
}

// UserID is the number that the user app has in an image: its own if it has one, else the first from 1000 on
// that is free for a user and a group.
func UserID(tree *parent.Tree) int64 {
	passwd, _ := tree.Read("etc/passwd")
	group, _ := tree.Read("etc/group")
	taken := map[string]bool{}
	for _, table := range [][]byte{passwd, group} {
		for line := range strings.Lines(string(table)) {
			fields := strings.Split(strings.TrimRight(line, "\n"), ":")
			if len(fields) < 3 {
				continue
			}
			var id int64
			if fields[0] == rootfs.AppUser && len(fields) > 5 {
				if _, err := fmt.Sscan(fields[2], &id); err == nil {
					return id
				}
			}
			taken[fields[2]] = true
		}
	}
	id := int64(rootfs.AppID)
	for taken[fmt.Sprint(id)] {
		id++
	}
	return id
}

// userEntries are the files that give an image the user app; none that it has already is changed.
func userEntries(tree *parent.Tree, id int64) ([]layer.Entry, error) {
	shell := "/bin/sh"
	if _, ok := tree.Stat("bin/bash"); ok {
		shell = "/bin/bash"
	}
	var entries []layer.Entry
	for _, t := range accountTables {
		text, ok := tree.Read(t.path)
		if !ok && strings.HasSuffix(t.path, "shadow") {
			continue // an image without hidden passwords
		}
		have := slices.ContainsFunc(bytes.Split(text, []byte("\n")), func(line []byte) bool {
			return bytes.HasPrefix(line, []byte(rootfs.AppUser+":"))
		})
		if have {
			continue
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		line := strings.NewReplacer("ID", fmt.Sprint(id), "SHELL", shell).Replace(t.line)
		e := layer.Entry{Path: t.path, Kind: layer.File, Mode: 0o644, Content: layer.Bytes(string(text) + line + "\n")}
		if old, ok := tree.Stat(t.path); ok {
			e.Path, e.Mode, e.UID, e.GID = old.Path, old.Mode, old.UID, old.GID
		}
		entries = append(entries, e)
	}
	for _, dir := range []string{"home/app", "home/app/.cache", "home/app/.config", "home/app/.local"} {
		if _, ok := tree.Stat(dir); !ok {
			entries = append(entries, layer.Entry{Path: dir, Kind: layer.Dir, Mode: 0o755, UID: int(id), GID: int(id)})
		}
	}
	return withParents(tree, entries), nil
}

// withParents adds the folders above the entries as the image below has them: a layer that named them with
// other owners or modes would change them.
func withParents(tree *parent.Tree, entries []layer.Entry) []layer.Entry {
	named := map[string]bool{}
	for _, e := range entries {
		named[e.Path] = true
	}
	for _, e := range slices.Clone(entries) {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if named[dir] {
				continue
			}
			named[dir] = true
			if old, ok := tree.Lstat(dir); ok && old.Kind == layer.Dir {
				entries = append(entries, layer.Entry{Path: dir, Kind: layer.Dir, Mode: old.Mode, UID: old.UID, GID: old.GID})
			}
		}
	}
	return entries
}

// inherit is what the config takes over from the image below: as with a Dockerfile's FROM, all that the manifest does
// not set.
func (c *config) inherit(p *Plan) {
	below := p.standing.file
	c.Config.Entrypoint = below.Config.Entrypoint
	c.Config.StopSignal = below.Config.StopSignal
	c.Config.Env = inheritedEnv(below.Config.Env, p.Lock.Image)
	if len(c.Config.Cmd) == 0 && len(p.Lock.Image.Command) == 0 {
		c.Config.Cmd = below.Config.Cmd
	}
	c.Config.Labels = union(below.Config.Labels, c.Config.Labels)
	c.Config.ExposedPorts = union(below.Config.ExposedPorts, c.Config.ExposedPorts)
	c.Config.Volumes = union(below.Config.Volumes, c.Config.Volumes)
	if c.Config.User != "0:0" {
		c.Config.User = fmt.Sprintf("%d:%d", p.parent.UserID, p.parent.UserID)
	}
	c.Variant = below.Variant
}

func union[V any](below, own map[string]V) map[string]V {
	if len(below) == 0 {
		return own
	}
	all := map[string]V{}
	for k, v := range below {
		all[k] = v
	}
	for k, v := range own {
		all[k] = v
	}
	return all
}

// inheritedEnv is the environment below with ours in it: our folder before its search path, and ours for every
// other name that both have.
func inheritedEnv(below []string, image lockfile.Image) []string {
	own := map[string]string{}
	var names []string
	for _, e := range environment(image) {
		name, value, _ := strings.Cut(e, "=")
		own[name] = value
		names = append(names, name)
	}
	var env []string
	for _, e := range below {
		name, value, _ := strings.Cut(e, "=")
		mine, ok := own[name]
		if _, asked := image.Env[name]; ok && name == "LANG" && !asked {
			mine = value
		}
		switch {
		case name == "PATH":
			mine = "/" + Prefix + "/bin:" + value
		case !ok:
			mine = value
		}
		env = append(env, name+"="+mine)
		delete(own, name)
	}
	for _, name := range names {
		if value, left := own[name]; left {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// history is the image's below: as many lines with a layer as there are layers, or made up where its config has
// others.
func (p *Plan) history() []history {
	below := p.standing.file
	var lines []history
	layers := 0
	for _, h := range below.History {
		line := history{CreatedBy: h.CreatedBy, Comment: h.Comment, EmptyLayer: h.EmptyLayer}
		if !h.Created.IsZero() {
			line.Created = stamp(h.Created.Time)
		}
		if !h.EmptyLayer {
			layers++
		}
		lines = append(lines, line)
	}
	if layers == len(p.parent.Layers) {
		return lines
	}
	lines = nil
	for range p.parent.Layers {
		lines = append(lines, history{Created: stamp(p.parent.Created), CreatedBy: "base image " + p.Lock.Base.Reference})
	}
	return lines
}
