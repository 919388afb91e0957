package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// engineName is what an engine calls an image: a name with its tag or digest, or the image's ID or the beginning of one.
var engineName = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`)

// openEngine has the engine save an image into a file, as `docker save` does, and opens that. Where the engine keeps what it was given, as with
// containerd's store, this is the image as it was; else its layers are unpacked.
func openEngine(ctx context.Context, p place, opts OpenOptions) (*Source, error) {
	if opts.Engine == nil || opts.Spool == nil {
		return nil, diag.New(diag.Usage, "image %q: reading from %s is not supported here", p.given, DockerDaemon).Hint(sourceForms)
	}
	engine, err := opts.Engine()
	if err != nil {
		return nil, err
	}
	file, err := opts.Spool()
	if err != nil {
		return nil, err
	}
	discard := func() error {
		return errors.Join(file.Close(), os.Remove(file.Name()))
	}
	if err := engine.save(ctx, p.path, file, opts); err != nil {
		_ = discard() // the error is the one to tell
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		_ = discard()
		return nil, diag.Wrap(err, diag.Failure, "reading the image")
	}
	src, err := openTar(ctx, &tarFile{file: file, called: fmt.Sprintf("the image %s, as %s saves it", p.path, engine.describe())}, anyArchive, opts)
	if err != nil {
		_ = discard()
		return nil, err
	}
	src.close = discard
	return src, nil
}

// save has the engine write an image.
func (e Engine) save(ctx context.Context, image string, to io.Writer, opts OpenOptions) error {
	client, base, err := e.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var about struct{ Size int64 }
	get := func(what string, read func(io.Reader) error) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/images/"+image+"/"+what, nil)
		if err != nil {
			return err
		}
		err = e.do(client, req, read)
		if status := (*statusError)(nil); errors.As(err, &status) && status.code == http.StatusNotFound {
			return diag.New(diag.Failure, "%s has no image %s", e.describe(), image).Hint("`docker image ls` shows what it has")
		}
		return err
	}
	if err := get("json", func(body io.Reader) error { return json.NewDecoder(body).Decode(&about) }); err != nil {
		return err
	}
	task := opts.Task
	if task == nil {
		task = func(string, int64) func(int64) { return func(int64) {} }
	}
	done, told := task("reading "+image+" from the engine", about.Size), int64(0)
	return get("get", func(body io.Reader) error {
		_, err := io.Copy(io.MultiWriter(to, writerFunc(func(p []byte) { // the size is that of the files, and a little less than what comes
			n := min(int64(len(p)), about.Size-told)
			told += n
			done(n)
		})), body)
		if err != nil && ctx.Err() == nil {
			return diag.Wrap(err, diag.Fetch, "reading %s from %s", image, e.describe())
		}
		done(about.Size - told)
		return err
	})
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// parseEngine reads what stands behind docker-daemon:.
func parseEngine(spec, image string) (place, error) {
	if !engineName().MatchString(image) || strings.Contains(image, "..") {
		return place{}, diag.New(diag.Usage, "%q is no name of an image in Docker's engine", image).
			Hint("it is docker-daemon:NAME:TAG, or docker-daemon: and the image's ID")
	}
	return place{form: DockerDaemon, path: image, given: spec}, nil
}
