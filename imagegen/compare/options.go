package compare

import (
	"errors"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/lockfile"
)

// Options say how far to look.
type Options struct {
	// Shallow reads no layer: they are compared by their digests.
	Shallow bool
	// IgnoreTimes takes dates of files, and of images, for no difference of files and of meaning. Bytes are not looked
	// at then.
	IgnoreTimes bool
	// MaxFiles is how many changes of files a list may have; the others are counted. 0: 100,000.
	MaxFiles int
	// Contents is of how many changed files of two layers it is found out where they begin to differ, which reads the
	// layers once more. 0: of none.
	Contents int
	// FarLimit is the most bytes that layers of a [Side] that is Far may have to be read a second time; 0: 64 MiB.
	FarLimit int64
	// Task shows the reading of layers: total bytes, and then how many more. May be nil. It may be called from several
	// goroutines.
	Task func(name string, total int64) func(n int64)
}

func (o Options) maxFiles() int {
	if o.MaxFiles > 0 {
		return o.MaxFiles
	}
	return 100_000
}

func (o Options) farLimit() int64 {
	if o.FarLimit > 0 {
		return o.FarLimit
	}
	return 64 << 20
}

func (o Options) task(name string, total int64) func(int64) {
	if o.Task == nil {
		return func(int64) {}
	}
	return o.Task(name, total)
}

// shownFrom is how many bytes a further reading must have to be shown.
const shownFrom = 16 << 20

// further shows a reading that may end before the total.
func (o Options) further(name string, total int64) (advance func(int64), done func()) {
	if total < shownFrom {
		return func(int64) {}, func() {}
	}
	var n atomic.Int64
	show := o.task(name, total)
	return func(more int64) {
			n.Add(more)
			show(more)
		}, func() {
			if left := total - n.Load(); left > 0 {
				show(left)
			}
		}
}

// Side is one of the two things that are compared: an image, or a lock alone.
type Side struct {
	Name  string   // for people; may be empty
	Image v1.Image // nil: the lock alone
	// Lock is the image's lock if the caller knows it: else it is the one in the image, if there is one. What it says
	// of Platform counts.
	Lock     *lockfile.Lock
	Platform string // "linux/amd64"; only with Lock
	// NoManifest tells that the image's manifest was made up, as it is of Docker's archives, so that its digest says
	// nothing.
	NoManifest bool
	Far        bool // reading is dear: the image is in a registry
}

// SideError says which of two sides an error is of.
type SideError struct {
	New bool // else it is the old one
	Err error
}

func (e *SideError) Error() string { return e.Err.Error() }

func (e *SideError) Unwrap() error { return e.Err }

// of says that an error is of one side: 0 is the old one. It keeps what is known already.
func of(side int, err error) error {
	var known *SideError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &SideError{side == 1, err}
}
