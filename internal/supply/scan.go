package supply

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/resolver"
)

// elfMemo keeps what is known of a wheel's ELF files.
const elfMemo = "elf"

// Objects implements resolver.Scanner. A wheel is read once: what was found is remembered by its hash.
func (s *Supply) Objects(ctx context.Context, wheels []resolver.Wheel) ([][]elffile.Object, error) {
	found := make([][]elffile.Object, len(wheels))
	var unread []int
	var missing []imagegen.Wheel
	for i, w := range wheels {
		if data, ok := s.Store.Memo(elfMemo, elfKey(w)); ok {
			if objects, err := elffile.Decode(data); err == nil {
				found[i] = objects
				continue
			}
		}
		unread = append(unread, i)
		missing = append(missing, imagegen.Wheel{Package: w.Package, File: w.File})
	}
	done := make([]bool, len(wheels))
	err := s.wheels(ctx, missing, func(ctx context.Context, k int) (err error) {
		i := unread[k]
		found[i], err = s.readObjects(ctx, wheels[i])
		done[i] = err == nil
		return err
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
			objects, err := s.readObjects(ctx, wheels[i])
			found[i] = objects
			return err
		})
	}
	return found, group.Wait()
}

func elfKey(w resolver.Wheel) string { return fmt.Sprintf("%s-%d", w.File.SHA256, elffile.WheelFormat) }

func (s *Supply) readObjects(ctx context.Context, w resolver.Wheel) ([]elffile.Object, error) {
	blob, err := s.Store.Blob(w.File.SHA256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	dir, err := wheelfile.ReadDirectory(w.File.Name, blob, blob.Size())
	if err != nil {
		return nil, err
	}
	objects, err := elffile.ReadWheel(ctx, dir)
	if err != nil {
		return nil, err
	}
	data, err := elffile.Encode(objects)
	if err != nil {
		return nil, err
	}
	return objects, s.Store.PutMemo(elfMemo, elfKey(w), data)
}
