package inspect

import (
	"archive/tar"
	"context"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/wheelfile"
)

// LayerLibraries are the libraries of a layer.
type LayerLibraries struct {
	Layer
	Objects []elffile.Object // all ELF files that can be read, those with code for GPUs among them
	Names   []string         // of files and links that are named as libraries are: "libcublas.so.12"
	// Installed are the files that the RECORD of a package in the layer lists, by the package's normalised name; of one that is
	// malformed there are none.
	Installed map[string][]string
}

// Libraries reads all layers for ELF files and their code for GPUs, in the order of the tar. A file that a layer above takes away
// or replaces is there as well, for it takes room. One library at a time is held in a temporary
// file. Errors: those of [Read]; of the temporary file.
func Libraries(ctx context.Context, img v1.Image, opts Options) (all []LayerLibraries, err error) {
	opts.Files = false
	r := &reader{opts: opts}
	if err := r.describe(img); err != nil {
		return nil, err
	}
	if err := r.readLayers(ctx, img); err != nil { // of envpack's images the lock says what layers hold
		return nil, err
	}
	r.environment()
	spool, err := os.CreateTemp("", "envpack-library-")
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the layers for code for GPUs")
	}
	defer func() {
		spool.Close()
		os.Remove(spool.Name())
	}()
	advance := func(int64) {}
	if opts.Task != nil {
		advance = opts.Task("reading layers for code for GPUs", r.report.Size)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		found := LayerLibraries{Layer: r.report.Layers[i]}
		err := layertar.Walk(ctx, l, r.wanted[i], advance, func(h *tar.Header, content io.Reader) error {
			at := layertar.Clean(h.Name)
			if isLibrary(at) && (h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeSymlink) {
				found.Names = append(found.Names, path.Base(at))
			}
			if h.Typeflag == tar.TypeReg && path.Base(at) == "RECORD" && h.Size <= recordLimit {
				return found.record(at, content)
			}
			if h.Typeflag != tar.TypeReg || h.Size < 64 {
				return nil
			}
			o, err := object(spool, h, content)
			if o != nil {
				found.Objects = append(found.Objects, *o)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return all, nil
}

// isLibrary tells whether a file is named as a library is that a loader finds: libcublas.so, libcublas.so.12.
func isLibrary(at string) bool {
	name := path.Base(at)
	return strings.HasPrefix(name, "lib") && (strings.HasSuffix(name, ".so") || strings.Contains(name, ".so."))
}

// recordLimit is the most bytes of a RECORD that is read: that of a wheel with 100,000 files has a third of it.
const recordLimit = 32 << 20

// record reads the RECORD of a package, if at is one.
func (l *LayerLibraries) record(at string, content io.Reader) error {
	folder, ok := strings.CutSuffix(path.Dir(at), ".dist-info")
	if !ok {
		return nil
	}
	raw, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	rows, err := wheelfile.ParseRecord(raw)
	if err != nil {
		return nil
	}
	name, _, _ := strings.Cut(path.Base(folder), "-")
	name = normalise(name)
	if l.Installed == nil {
		l.Installed = map[string][]string{}
	}
	for _, row := range rows {
		l.Installed[name] = append(l.Installed[name], path.Join(path.Dir(folder), row.Path))
	}
	return nil
}

// object reads a file of a layer; nil: it is no ELF file, or is malformed.
func object(spool *os.File, h *tar.Header, content io.Reader) (*elffile.Object, error) {
	var head [4]byte
	if _, err := io.ReadFull(content, head[:]); err != nil {
		return nil, err
	}
	if string(head[:]) != elf.ELFMAG {
		return nil, nil
	}
	if _, err := spool.WriteAt(head[:], 0); err != nil {
		return nil, err
	}
	if _, err := spool.Seek(int64(len(head)), io.SeekStart); err != nil {
		return nil, err
	}
	n, err := io.Copy(spool, content)
	if err != nil {
		return nil, err
	}
	size := int64(len(head)) + n
	f, err := elffile.ReadCUDA(spooled{io.NewSectionReader(spool, 0, size)}, size)
	if failed := (*os.PathError)(nil); errors.As(err, &failed) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	return f.Object(path.Clean(layertar.Clean(h.Name))), nil
}

// spooled is a file that can be read in order.
type spooled struct{ *io.SectionReader }

// Walk implements elffile.Walker.
func (s spooled) Walk(from, to int64, f func(p []byte) error) error {
	return wheelfile.Walk(s, from, to, f)
}
