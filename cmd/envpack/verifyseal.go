package main

import (
	"context"
	"fmt"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// verifySeal makes the layers of a lock again, and holds them to its seals. Of a lock alone there are no files of the
// project.
func (s *session) verifySeal(ctx context.Context, spec, file, project string, o verifyOptions) error {
	if o.project != "" || o.lock != "" && project == "" {
		return diag.New(diag.Usage, "%s is a project or a lock, which is held to its own seal", spec).
			Hint("--lock and --project say what an image is held to, as in `envpack verify IMAGE --project %s`", shellWord(spec))
	}
	if o.deep {
		return diag.New(diag.Usage, "--deep compares the files of an image, and %s is a project or a lock", spec).
			Hint("build the image first: `envpack build -o oci:image`, and `envpack verify --deep oci:image`")
	}
	h := &held{from: "file", path: file}
	var err error
	if project != "" {
		h.from = "project"
		err = h.openProject(ctx, s, project, o.lock)
	} else {
		h.m = &manifest.Manifest{Dir: folderOf(file)}
		h.lock, err = readWhole(file, "envpack lock --lock "+shellWord(file))
	}
	if err != nil {
		return err
	}
	result := &verified{Images: []*verify.Report{}}
	for _, t := range h.lock.Targets {
		if o.platform != "" && t.Platform != o.platform {
			continue
		}
		r, err := s.verifyTarget(ctx, h, t)
		if err != nil {
			return err
		}
		r.Name = spec
		result.Images = append(result.Images, r)
	}
	if len(result.Images) == 0 {
		return diag.New(diag.Usage, "%s has no platform %s", file, o.platform).Hint("it has %s", platformsOf(h.lock))
	}
	return s.conclude(result, spec, o)
}

// verifyTarget makes one platform again.
func (s *session) verifyTarget(ctx context.Context, h *held, t lockfile.Target) (*verify.Report, error) {
	if !h.lock.SealOf(t.Platform).Closed() {
		return nil, diag.New(diag.Failure, "%s has no seal for %s, so that there is nothing to verify", h.path, t.Platform).
			Hint("the first `envpack build` writes it")
	}
	b, err := s.builderOf(ctx, h.lock, h.m)
	if err != nil {
		return nil, err
	}
	defer b.supply.Close()
	b.tree = h.tree
	x := &verifying{session: s, held: h, lock: h.lock, builder: b}
	if x.plan, err = imagegen.NewPlan(h.lock, t.Platform, h.tree); err != nil {
		return nil, err
	}
	sealed := h.lock.SealOf(t.Platform)
	stand := func(at, of int) (imagegen.Layer, bool) {
		if of != len(sealed.Layers) {
			return imagegen.Layer{}, false
		}
		l := sealed.Layers[at]
		return imagegen.Layer{Name: l.Name, Kind: l.Kind, Inputs: l.Inputs, Digest: l.Digest, DiffID: l.DiffID, Size: l.Size}, true
	}
	if err := x.rebuild(ctx, stand); err != nil {
		return nil, err
	}
	r := &verify.Report{Platform: t.Platform, Lock: h.from, Checks: []verify.Check{}, Layers: []verify.Layer{}}
	made := 0
	for _, p := range x.rebuilt.Parts {
		if p.Err != nil {
			r.Miss("layers", "the layer "+p.Name, p.Err)
			continue
		}
		made++
	}
	status := verify.OK
	if made < len(x.rebuilt.Parts) {
		status = verify.Unchecked
	}
	r.Add("layers", status, fmt.Sprintf("%d of %d made again", made, len(x.rebuilt.Parts)))
	if image := x.rebuilt.Image; image != nil && x.rebuilt.Whole() {
		r.Digest = image.Digest
	}
	x.seal(r)
	x.partSeals(r, sealed)
	return r, nil
}

// partSeals compares the layers that could be made with the sealed ones, where not all could be.
func (x *verifying) partSeals(r *verify.Report, sealed *lockfile.Seal) {
	if x.rebuilt.Whole() {
		return
	}
	byName := map[string]lockfile.SealedLayer{}
	for _, l := range sealed.Layers {
		byName[l.Name] = l
	}
	for _, p := range x.rebuilt.Parts {
		l, ok := byName[p.Name]
		if p.Err != nil || p.Unsure || p.Name == imagegen.ProjectLayer {
			continue
		}
		if !ok || l.Digest != p.Digest {
			r.Find(verify.Finding{Check: "seal", Name: p.Name, Text: fmt.Sprintf("the layer %s is %s, and the lock's seal says %s", p.Name, p.Digest, l.Digest)})
		}
	}
}
