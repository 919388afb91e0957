package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"runtime"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

// Options say how an artifact is written.
type Options struct {
	Reference Reference               // the image's name; none: it has none
	Stdout    io.Writer               // where an output to standard output goes
	Engine    Engine                  // that of an output into one
	Progress  func(done, total int64) // bytes; called from several goroutines, one at a time. May be nil
	Ahead     *Ahead                  // layers that are in the layout already, if it was made for this output. May be nil
}

// The annotations by which tools find an image's name.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

// Write writes the artifact to the output. Errors: a layer that is not what its digest says (exit code 6),
// a full disk, several platforms where the form holds one (exit code 2), an engine that cannot be reached (7) or refuses, and whatever reading a layer gives.
func Write(ctx context.Context, out Output, a *Artifact, opts Options) error {
	blobs, err := a.blobs()
	if err != nil {
		return err
	}
	meter := newMeter(blobs, opts.Progress)
	switch out.Form {
	case Layout:
		err = writeLayout(ctx, out.Path, a, blobs, opts, meter)
	case DockerDaemon:
		err = writeEngine(ctx, out, a, blobs, opts, meter)
	case LayoutArchive, DockerArchive:
		err = writeArchive(ctx, out, a, blobs, opts, meter)
	default:
		return fmt.Errorf("there is no output form %q", out.Form)
	}
	if err != nil {
		return explain(err, out)
	}
	return nil
}

// explain says what a failed write of an output means.
func explain(err error, out Output) error {
	if out.Form == DockerDaemon { // whose errors are explained
		return fmt.Errorf("writing %s: %w", out, err)
	}
	if isFull(err) {
		return diag.Wrap(err, diag.Failure, "writing %s: the disk is full", out).
			Hint("nothing of it was left behind; free some space or choose another place")
	}
	if errors.Is(err, fs.ErrPermission) {
		return diag.Wrap(err, diag.Failure, "writing %s", out).Hint("choose a place that you may write to")
	}
	return fmt.Errorf("writing %s: %w", out, err)
}

// The codes of a full disk on Windows: ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
const (
	winHandleDiskFull = syscall.Errno(39)
	winDiskFull       = syscall.Errno(112)
)

func isFull(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	var code syscall.Errno
	return runtime.GOOS == "windows" && errors.As(err, &code) && (code == winDiskFull || code == winHandleDiskFull)
}

// layoutIndex is index.json: it names the image, or the index of several, by digest.
func layoutIndex(a *Artifact, annotations map[string]string) ([]byte, error) {
	d := a.manifest
	if len(annotations) > 0 {
		d.Annotations = annotations
	}
	return marshal(index{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []descriptor{d}})
}

const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

// copyBlob writes the blob, and fails unless it is what its digest and size say.
func copyBlob(ctx context.Context, w io.Writer, b blob, m *meter) (err error) {
	r, err := b.open()
	if err != nil {
		return fmt.Errorf("reading %s: %w", b.what, err)
	}
	defer func() {
		if cerr := r.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("reading %s: %w", b.what, cerr)
		}
	}()
	src := &contextReader{ctx: ctx, r: io.LimitReader(r, b.size), meter: m}
	h := sha256.New()
	itself := layer.ChecksItself(r, b.digest.String(), b.size)
	if !itself {
		src.r = io.TeeReader(src.r, h)
	}
	n, err := io.CopyBuffer(onlyWriter{w}, src, make([]byte, 1<<17))
	if src.err != nil {
		return fmt.Errorf("reading %s: %w", b.what, src.err)
	}
	if err != nil {
		return err
	}
	if n == b.size {
		switch more, err := io.CopyN(io.Discard, r, 1); {
		case more > 0:
			n++
		case err != io.EOF:
			return fmt.Errorf("reading %s: %w", b.what, err)
		}
	}
	if itself && n == b.size {
		return nil
	}
	return b.check(n, h)
}

func (b blob) check(n int64, h hash.Hash) error {
	if n != b.size {
		return diag.New(diag.Mismatch, "%s (%s) should have %d bytes and has %s", b.what, b.digest, b.size, count(n, b.size))
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != b.digest.Hex {
		return diag.New(diag.Mismatch, "%s should have the digest %s and has sha256:%s", b.what, b.digest, got)
	}
	return nil
}

func count(n, limit int64) string {
	if n > limit {
		return "more"
	}
	return fmt.Sprint(n)
}

// onlyWriter hides ReadFrom, which would go around the hash's buffer size and the context.
type onlyWriter struct{ io.Writer }

// contextReader stops when the context ends, and tells its own errors from the writer's.
type contextReader struct {
	ctx   context.Context
	r     io.Reader
	meter *meter
	err   error
}

func (c *contextReader) Read(p []byte) (int, error) {
	if c.err = c.ctx.Err(); c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.meter.add(int64(n))
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
