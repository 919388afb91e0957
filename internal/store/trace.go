package store

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"
)

// Trace notes which blobs and memos are read and written, so that what some work needs of a store can be taken elsewhere.
type Trace struct {
	dir string

	mu    sync.Mutex
	blobs map[string]bool
	memos map[string]bool
}

// Trace begins to note. It must not be called while others use this Store.
func (s *Store) Trace() *Trace {
	s.traced = &Trace{dir: s.dir, blobs: map[string]bool{}, memos: map[string]bool{}}
	return s.traced
}

func (t *Trace) blob(sha256 string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blobs[sha256] = true
}

func (t *Trace) memo(path string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.memos[path] = true
}

// Used are the blobs, by hash, and the memos, by their names as in [Entry], both sorted.
func (t *Trace) Used() (blobs, memos []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for path := range t.memos {
		if name, err := filepath.Rel(t.dir, path); err == nil {
			memos = append(memos, filepath.ToSlash(name))
		}
	}
	slices.Sort(memos)
	return slices.Sorted(maps.Keys(t.blobs)), memos
}
