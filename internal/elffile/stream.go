package elffile

import (
	"errors"
	"fmt"
	"io"
	"sort"
)

// maxHead is how much of a stream's begin is kept: all of most libraries.
const maxHead = 4 << 20

// ErrStop is what the sink of a stream returns when it needs no more.
var ErrStop = errors.New("stop")

// ReadStream reads a file of size bytes from a stream that can be begun anew: each call of begin hands the
// content to sink from the first byte on, in chunks that are valid until sink returns, and ends, without error,
// when sink returns an error that is [ErrStop].
//
// A file of at most 4 MiB, or one without a dynamic section, takes one begin. A larger one takes four: its
// head, then up to the dynamic section, which stands near the end, then up to the string table, which stands
// near the begin in what linkers write, for names and for versions. Errors are those of [Read] and begin.
func ReadStream(size int64, begin func(sink func(p []byte) error) error) (*File, error) {
	return read(&stream{size: size, begin: begin})
}

type stream struct {
	size  int64
	begin func(sink func(p []byte) error) error
	head  []byte
}

func (s *stream) length() int64 { return s.size }

func (s *stream) fetch(spans []*span) error {
	if s.head == nil {
		head := &span{data: make([]byte, min(s.size, maxHead))}
		if err := s.pass([]*span{head}); err != nil {
			return err
		}
		s.head = head.data
	}
	var rest []*span
	for _, p := range spans {
		if p.offset+int64(len(p.data)) <= int64(len(s.head)) {
			copy(p.data, s.head[p.offset:])
		} else {
			rest = append(rest, p)
		}
	}
	return s.pass(rest)
}

// pass fills the spans from one run of the stream.
func (s *stream) pass(spans []*span) error {
	if len(spans) == 0 {
		return nil
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].offset < spans[j].offset })
	var at, last int64
	for _, p := range spans {
		last = max(last, p.offset+int64(len(p.data)))
	}
	err := s.begin(func(chunk []byte) error {
		end := at + int64(len(chunk))
		for len(spans) > 0 && spans[0].offset+int64(len(spans[0].data)) <= at {
			spans = spans[1:]
		}
		for _, p := range spans {
			if p.offset >= end {
				break
			}
			if from := max(p.offset, at); from < p.offset+int64(len(p.data)) {
				copy(p.data[from-p.offset:], chunk[from-at:])
			}
		}
		if at = end; at >= last {
			return ErrStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrStop) {
		return err
	}
	if at < last {
		return fmt.Errorf("reading up to %d: %w", last, io.ErrUnexpectedEOF)
	}
	return nil
}
