package publish

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/newfile"
)

// archiveTime is the modification time of everything in an archive.
var archiveTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// writeArchive writes a tar of an OCI image layout; for Docker with a manifest.json that points to the same
// blobs, since engines before containerd's image store know only that. The members are sorted and say
// nothing of when or by whom, so the archive's bytes too depend on the artifact and its name alone.
func writeArchive(ctx context.Context, out Output, a *Artifact, blobs []blob, opts Options, m *meter) error {
	write, err := archiver(ctx, out.Form, a, blobs, opts, m)
	if err != nil {
		return err
	}
	if out.IsStdout() {
		return write(opts.Stdout)
	}
	info, err := os.Stat(out.Path)
	switch {
	case err == nil && info.IsDir():
		return diag.New(diag.Usage, "%s is a folder", out.Path).Hint(forms)
	case err == nil && !info.Mode().IsRegular():
		// A pipe or a device is written to; it must not be replaced by a file.
		f, err := os.OpenFile(out.Path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		return write(f)
	}
	return newfile.Replace(out.Path, 0, write)
}

// writeEngine gives an engine the archive that every engine loads.
func writeEngine(ctx context.Context, out Output, a *Artifact, blobs []blob, opts Options, m *meter) error {
	if out.Path != "" {
		ref, err := ParseReference(out.Path)
		if err != nil {
			return err
		}
		opts.Reference = ref
	}
	write, err := archiver(ctx, DockerArchive, a, blobs, opts, m)
	if err != nil {
		return err
	}
	return opts.Engine.load(ctx, a, opts.Reference, write)
}

// archiver is what writes the archive, once or several times.
func archiver(ctx context.Context, form Form, a *Artifact, blobs []blob, opts Options, m *meter) (func(io.Writer) error, error) {
	var annotations map[string]string
	if !opts.Reference.IsZero() {
		// Engines take an archive's whole name from here, unlike a folder's, where it is only a tag.
		annotations = map[string]string{refName: opts.Reference.String(), containerdName: opts.Reference.String()}
	}
	top, err := layoutIndex(a, annotations)
	if err != nil {
		return nil, err
	}
	var dockerManifest []byte
	if form == DockerArchive {
		img, err := a.onlyImage(form)
		if err != nil {
			return nil, err
		}
		if dockerManifest, err = dockerIndex(img, opts.Reference); err != nil {
			return nil, err
		}
	}
	return func(w io.Writer) error {
		t := &archive{tar.NewWriter(w)}
		if err := t.folders("blobs/", "blobs/sha256/"); err != nil {
			return err
		}
		for _, b := range blobs {
			if err := t.header("blobs/sha256/"+b.digest.Hex, b.size); err != nil {
				return err
			}
			if err := copyBlob(ctx, t, b, m); err != nil {
				return err
			}
		}
		if err := t.file("index.json", top); err != nil {
			return err
		}
		if dockerManifest != nil {
			if err := t.file("manifest.json", dockerManifest); err != nil {
				return err
			}
		}
		if err := t.file("oci-layout", []byte(layoutFile)); err != nil {
			return err
		}
		return t.Close()
	}, nil
}

// dockerIndex is Docker's manifest.json.
func dockerIndex(img v1.Image, ref Reference) ([]byte, error) {
	type entry struct {
		Config   string   `json:"Config"`
		RepoTags []string `json:"RepoTags"`
		Layers   []string `json:"Layers"`
	}
	config, err := img.ConfigName()
	if err != nil {
		return nil, err
	}
	e := entry{Config: "blobs/sha256/" + config.Hex}
	if !ref.IsZero() {
		e.RepoTags = []string{ref.String()}
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		h, err := l.Digest()
		if err != nil {
			return nil, err
		}
		e.Layers = append(e.Layers, "blobs/sha256/"+h.Hex)
	}
	return marshal([]entry{e})
}

// archive is a tar whose headers say only name, kind and size.
type archive struct{ *tar.Writer }

func (t *archive) header(name string, size int64) error {
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: archiveTime})
}

func (t *archive) folders(names ...string) error {
	for _, n := range names {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: n, Mode: 0o755, ModTime: archiveTime}); err != nil {
			return err
		}
	}
	return nil
}

func (t *archive) file(name string, data []byte) error {
	if err := t.header(name, int64(len(data))); err != nil {
		return err
	}
	_, err := io.Copy(t, bytes.NewReader(data))
	return err
}
