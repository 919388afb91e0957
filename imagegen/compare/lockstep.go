package compare

import (
	"bytes"
	"sync"
)

const (
	// ahead is how far, in bytes, one stream may be read before the other: more than any reader between the streams
	// keeps for itself, so that two of these, of a layer and of its tar, never wait for each other.
	ahead = 1 << 20
	// around is how many bytes are kept before the first that differs, and behind it of each stream.
	around = 512
)

// lockstep finds the first byte in which two streams differ that two goroutines write to it, one each. It keeps at
// most [ahead] bytes and what is around the difference.
type lockstep struct {
	mu    sync.Mutex
	moved *sync.Cond

	equal int64  // bytes that both have
	lines int64  // LF among them
	first []byte // the first of them
	tail  []byte // the last of them
	sides [2]stream
	over  bool // a difference was found, or there is nothing left to compare
	found bool
}

// stream is one side of a lockstep.
type stream struct {
	pending []byte // what the other has not reached yet
	buffer  []byte // that pending begins in
	ended   bool
	cut     bool   // it ended where it should not have
	after   []byte // from the first differing byte on; empty if the stream ends before it
}

func newLockstep() *lockstep {
	l := &lockstep{}
	l.moved = sync.NewCond(&l.mu)
	return l
}

// tap gives the function that takes a side's bytes. It waits while the side is too far ahead.
func (l *lockstep) tap(side int) func([]byte) { return func(p []byte) { l.write(side, p) } }

func (l *lockstep) write(side int, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, other := &l.sides[side], &l.sides[1-side]
	for len(p) > 0 {
		switch {
		case l.over:
			own.keep(p)
			return
		case len(own.pending) == 0 && len(other.pending) > 0:
			n := min(len(p), len(other.pending))
			if l.compare(p[:n], other.pending[:n]) {
				other.pending = other.pending[n:]
				p = p[n:]
				l.moved.Broadcast()
				continue
			}
			at := mismatch(p[:n], other.pending[:n])
			own.keep(p[at:])
			other.keep(other.pending[at:])
			l.differ()
			return
		case other.ended:
			own.keep(p)
			l.differ()
			return
		case other.cut:
			l.over = true
			return
		case len(own.pending) < ahead:
			n := min(len(p), ahead-len(own.pending))
			if len(own.pending) == 0 {
				own.pending = own.buffer
			}
			own.pending = append(own.pending, p[:n]...)
			if cap(own.pending) > cap(own.buffer) {
				own.buffer = own.pending[:0]
			}
			p = p[n:]
			l.moved.Broadcast()
		default:
			l.moved.Wait()
		}
	}
}

// compare takes in what is equal, and tells whether all is.
func (l *lockstep) compare(a, b []byte) bool {
	n := len(a)
	same := bytes.Equal(a, b)
	if !same {
		n = mismatch(a, b)
	}
	l.equal += int64(n)
	l.lines += int64(bytes.Count(a[:n], []byte("\n")))
	if missing := around - len(l.first); missing > 0 {
		l.first = append(l.first, a[:min(n, missing)]...)
	}
	if n >= around {
		l.tail = append(l.tail[:0], a[n-around:n]...)
		return same
	}
	l.tail = append(l.tail, a[:n]...)
	if more := len(l.tail) - around; more > 0 {
		l.tail = append(l.tail[:0], l.tail[more:]...)
	}
	return same
}

// differ ends the comparison with a difference. The lock is held.
func (l *lockstep) differ() {
	l.found, l.over = true, true
	for i := range l.sides {
		l.sides[i].pending = nil
	}
	l.moved.Broadcast()
}

// end says that a side's stream is complete.
func (l *lockstep) end(side int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, other := &l.sides[side], &l.sides[1-side]
	own.ended = true
	if !l.over && len(own.pending) == 0 && len(other.pending) > 0 {
		other.keep(other.pending)
		l.differ()
	}
	l.moved.Broadcast()
}

// giveUp says that a side cannot be read on. What it gave is still compared, and what comes behind that is no
// difference.
func (l *lockstep) giveUp(side int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sides[side].cut = true
	l.over = l.over || len(l.sides[side].pending) == 0
	l.moved.Broadcast()
}

func (s *stream) keep(p []byte) {
	s.after = append(s.after, p[:min(len(p), around-len(s.after))]...)
}

func mismatch(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}
