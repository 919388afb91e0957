package testenv

import (
	"bytes"
	"sync"
)

// Spool is a temporary file in memory, which grows as it is written.
type Spool struct {
	mu   sync.Mutex
	data []byte
}

// WriteAt implements io.WriterAt.
func (s *Spool) WriteAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if need := int(off) + len(p); need > len(s.data) {
		s.data = append(s.data, make([]byte, need-len(s.data))...)
	}
	return copy(s.data[off:], p), nil
}

// ReadAt implements io.ReaderAt.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.NewReader(s.data).ReadAt(p, off)
}
