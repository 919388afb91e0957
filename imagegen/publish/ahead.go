package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/envpack/envpack/internal/newfile"
)

// Ahead writes layers into the folder of an image layout while they are made, before there is an image, so that they need
// not be put together and hashed a second time. Until [Write] takes them they have temporary names; [Ahead.Close]
// removes those that it did not take. It is safe for concurrent use.
//
// Nothing that goes wrong here is an error: a layer that was not written ahead is written by Write, which says what is wrong.
type Ahead struct {
	dir string

	mu     sync.Mutex
	made   []string          // folders that were not there before, the innermost first
	drafts map[string]*Draft // kept and not taken, by digest
}

// NewAhead is for a [Layout] output. It makes nothing before a draft is begun.
func NewAhead(out Output) *Ahead {
	return &Ahead{dir: blobFolder(out.Path), drafts: map[string]*Draft{}}
}

// Draft is a layer that is being written ahead. Its methods are called by one goroutine; the last is Keep or Discard.
type Draft struct {
	ahead  *Ahead
	file   *os.File // nil: it could not be written
	size   int64
	synced chan error // of a kept one: whether the file is on the disk; gets one value
}

// Begin begins a draft.
func (a *Ahead) Begin() *Draft {
	d := &Draft{ahead: a}
	if a.makeFolder() == nil {
		// The digest, by which blobs are named, is not known before the end.
		d.file, _ = newfile.Beside(filepath.Join(a.dir, "layer"))
	}
	return d
}

// makeFolder makes the folder of the blobs, and notes what it made of it.
func (a *Ahead) makeFolder() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for dir := a.dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return os.MkdirAll(a.dir, 0o777)
		}
		a.made = append(a.made, dir)
	}
}

// Write implements io.Writer. It does not fail; a draft that cannot be written is given up.
func (d *Draft) Write(p []byte) (int, error) {
	if d.file != nil {
		if _, err := d.file.Write(p); err != nil {
			d.Discard()
		}
		d.size += int64(len(p))
	}
	return len(p), nil
}

// Keep says that what was written is the blob with this digest ("sha256:…").
func (d *Draft) Keep(digest string) {
	if d.file == nil {
		return
	}
	a := d.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.drafts[digest] != nil {
		d.Discard()
		return
	}
	a.drafts[digest] = d
	d.synced = make(chan error, 1)
	// The disk writes while other layers are made.
	go func() {
		err := d.file.Sync()
		if cerr := d.file.Close(); err == nil {
			err = cerr
		}
		d.synced <- err
	}()
}

// Discard removes what was written.
func (d *Draft) Discard() {
	if d.file != nil {
		d.file.Close()
		os.Remove(d.file.Name())
		d.file = nil
	}
}

// take gives the blob its path, if it was written ahead.
func (a *Ahead) take(b blob, path string) bool {
	if a == nil || filepath.Dir(path) != a.dir {
		return false
	}
	a.mu.Lock()
	d := a.drafts[b.digest.String()]
	delete(a.drafts, b.digest.String())
	a.mu.Unlock()
	if d == nil {
		return false
	}
	if <-d.synced != nil || d.size != b.size || os.Rename(d.file.Name(), path) != nil {
		os.Remove(d.file.Name())
		return false
	}
	return true
}

// Close removes the layers that no Write took, and the folders that were made for them if nothing else is in them.
func (a *Ahead) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for digest, d := range a.drafts {
		<-d.synced
		os.Remove(d.file.Name())
		delete(a.drafts, digest)
	}
	for _, dir := range a.made {
		os.Remove(dir)
	}
}
