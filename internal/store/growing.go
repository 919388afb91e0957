package store

import (
	"errors"
	"io"
	"os"
	"sync"
)

// ErrStartedOver says that a download, of which something was read already, began again from its first byte.
var ErrStartedOver = errors.New("the download started over")

// Growing reads a blob while this Store downloads it. What is read is not verified before the blob is in the
// store, and is worth nothing if it never comes there.
type Growing struct {
	s      *Store
	sha256 string

	mu   sync.Mutex
	more sync.Cond
	f    *os.File // of the partial download; nil before it is begun and after it ended
	have int64    // bytes of f that can be read
	read bool     // something was read of f
	err  error    // what ended it
	blob *Blob    // once it is complete
}

// Growing begins to watch for the download of a blob. The caller closes it.
func (s *Store) Growing(sha256 string) *Growing {
	g := &Growing{s: s, sha256: sha256}
	g.more.L = &g.mu
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.growing == nil {
		s.growing = map[string][]*Growing{}
	}
	s.growing[sha256] = append(s.growing[sha256], g)
	return g
}

// ReadAt implements io.ReaderAt. It waits until the bytes are there.
//
// Errors: ErrStartedOver, os.ErrClosed after Close, those of reading files.
func (g *Growing) ReadAt(b []byte, off int64) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.err == nil && g.blob == nil && (g.f == nil || g.have < off+int64(len(b))) {
		g.more.Wait()
	}
	switch {
	case g.err != nil:
		return 0, g.err
	case g.blob != nil:
		return g.blob.ReadAt(b, off)
	}
	g.read = true
	// Under the lock, so that nobody closes the file meanwhile.
	n, err := g.f.ReadAt(b, off)
	if err == io.EOF && n < len(b) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close ends the watch: who waits in ReadAt gets an error.
func (g *Growing) Close() error {
	g.s.mu.Lock()
	list := g.s.growing[g.sha256]
	for i, other := range list {
		if other == g {
			g.s.growing[g.sha256] = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(g.s.growing[g.sha256]) == 0 {
		delete(g.s.growing, g.sha256)
	}
	g.s.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = os.ErrClosed
	}
	g.more.Broadcast()
	if g.blob != nil {
		return g.blob.Close()
	}
	return nil
}

// watchers are those who read the blob while it grows.
func (s *Store) watchers(sha256 string) []*Growing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Growing(nil), s.growing[sha256]...)
}

// tell says how far the file is; nil: there is none now.
func (g *Growing) tell(f *os.File, have int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if have < g.have && g.read {
		g.startedOver()
	}
	g.f, g.have = f, have
	g.more.Broadcast()
}

// leave says that the download ended before it was complete. Another process may go on with it, or throw away what was
// read of it.
func (g *Growing) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.read {
		g.startedOver()
	}
	g.f = nil
}

func (g *Growing) startedOver() {
	if g.err == nil && g.blob == nil {
		g.err = ErrStartedOver
	}
	g.more.Broadcast()
}

// complete says that the store has the blob.
func (g *Growing) complete() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && g.blob == nil {
		g.blob, g.err = g.s.Blob(g.sha256)
	}
	g.more.Broadcast()
}

// Arrived says to who reads a blob while it grows that the store has it, whoever brought it: another process may have been
// quicker.
func (s *Store) Arrived(sha256 string) {
	for _, g := range s.watchers(sha256) {
		g.complete()
	}
}
