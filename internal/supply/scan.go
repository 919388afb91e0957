package supply

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/index"
)

// elfMemo keeps what is known of a wheel's ELF files.
const elfMemo = "elf"

// Objects implements resolver.Scanner. A wheel is read once: what was found is remembered by its hash.
func (s *Supply) Objects(ctx context.Context, wheels []resolver.Wheel) ([][]elffile.Object, error) {
	found := make([][]elffile.Object, len(wheels))
	var unread []int
	var missing []imagegen.Wheel
	for i, w := range wheels {
		if objects, ok := Remembered(s.Store, w.File); ok {
			found[i] = objects
			continue
		}
		unread = append(unread, i)
		missing = append(missing, imagegen.Wheel{Package: w.Package, File: w.File})
	}
	done := make([]bool, len(wheels))
	early := make([]*earlyRead, len(wheels))
	err := s.wheels(ctx, missing, &reader{
		early: func(k int, address string) func(ctx, downloading context.Context) {
			e := s.readEarly(wheels[unread[k]], address)
			early[unread[k]] = e
			return e.run
		},
		then: func(ctx context.Context, k int) (err error) {
			i := unread[k]
			found[i], err = s.readObjects(ctx, wheels[i], early[i])
			done[i] = err == nil
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range unread {
		if done[i] {
			continue // while others were downloaded
		}
		group.Go(func() error {
			objects, err := s.readObjects(ctx, wheels[i], nil)
			found[i] = objects
			return err
		})
	}
	return found, group.Wait()
}

// Knows implements resolver.Scanner.
func (s *Supply) Knows(w resolver.Wheel) bool {
	_, ok := Remembered(s.Store, w.File)
	return ok
}

// Remembered gives what was read of a wheel's ELF files before, as far as the store has it.
func Remembered(st *store.Store, f lockfile.File) ([]elffile.Object, bool) {
	data, ok := st.Memo(elfMemo, elfKey(f))
	if !ok {
		return nil, false
	}
	objects, err := elffile.Decode(data)
	return objects, err == nil
}

func elfKey(f lockfile.File) string { return fmt.Sprintf("%s-%d", f.SHA256, elffile.WheelFormat) }

// readObjects reads a wheel that the store has. early, which may be nil, is what was read of it before.
func (s *Supply) readObjects(ctx context.Context, w resolver.Wheel, early *earlyRead) ([]elffile.Object, error) {
	blob, err := s.Store.Blob(w.File.SHA256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	dir, err := wheelfile.ReadDirectory(w.File.Name, blob, blob.Size())
	if err != nil {
		return nil, err
	}
	objects, ok := early.of(dir)
	if !ok {
		if objects, err = elffile.ReadWheel(ctx, dir); err != nil {
			return nil, err
		}
	}
	data, err := elffile.Encode(objects)
	if err != nil {
		return nil, err
	}
	return objects, s.Store.PutMemo(elfMemo, elfKey(w.File), data)
}

// largeWheel is the size in bytes from which a wheel is read while it is downloaded, for one request more.
const largeWheel = 16 << 20

// earlyRead is the reading of a wheel while it is downloaded.
type earlyRead struct {
	s       *Supply
	wheel   resolver.Wheel
	address string
	growing *store.Growing

	dir     *wheelfile.Directory // as the server gave it by ranges
	objects []elffile.Object
	done    bool
}

func (s *Supply) readEarly(w resolver.Wheel, address string) *earlyRead {
	return &earlyRead{s: s, wheel: w, address: address, growing: s.Store.Growing(w.File.SHA256)}
}

// run reads what it can. A failure is none: it may be one of a server without ranges or of a download that is not
// right, and who reads the wheel once it is complete will see. The directory is asked for no longer than the wheel is
// downloaded: then it is there anyway.
func (e *earlyRead) run(ctx, downloading context.Context) {
	defer e.growing.Close()
	stop := context.AfterFunc(ctx, func() { e.growing.Close() })
	defer stop()
	dir, err := index.RemoteDirectory(downloading, e.s.Fetch, e.address, e.wheel.File.Name, e.wheel.File.Size)
	if err != nil {
		return
	}
	e.objects, err = elffile.ReadWheel(ctx, dir.From(e.growing))
	e.dir, e.done = dir, err == nil
}

// of is what was read, if it was of the wheel with that directory, whose hash is proven: the members are the download's,
// whatever came of the directory.
func (e *earlyRead) of(dir *wheelfile.Directory) ([]elffile.Object, bool) {
	if e == nil || !e.done || !slices.Equal(e.dir.Entries, dir.Entries) {
		return nil, false
	}
	return e.objects, true
}
