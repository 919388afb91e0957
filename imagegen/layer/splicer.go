package layer

import (
	"errors"
	"io"

	"github.com/envpack/envpack/internal/deflate"
)

// splicer passes a deflate stream on to the layer while it is being inflated, so that it need not be read again for that. Which
// bits change is known only when the last block begins, so what the decoder has not looked at yet is held back.
type splicer struct {
	w    *writer
	src  io.Reader
	held []byte // the bytes of the stream from at on
	at   int64

	final *deflate.Patch // of the last block's head, once that is known
}

// Read implements io.Reader, for the decoder, which calls it once for each time that it needs more.
func (s *splicer) Read(p []byte) (int, error) {
	if n := len(s.held) - deflate.Unseen; n > 0 {
		if err := s.pass(n); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadFull(s.src, p)
	s.held = append(s.held, p[:n]...)
	return n, err
}

// pass passes on the first n bytes that are held. No other than a last block that the decoder knows of begins in them.
func (s *splicer) pass(n int) error {
	if bit, known := s.w.dec.FinalBit(); known && s.final == nil {
		s.final = &deflate.Patch{Bytes: []deflate.BytePatch{deflate.ClearFinal(bit)}}
		if bit/8 < s.at {
			return errLateFinal
		}
	}
	if s.final != nil {
		s.final.Apply(s.held[:n], s.at)
	}
	if err := s.w.addPart(s.held[:n]); err != nil {
		return err
	}
	s.at += int64(n)
	s.held = append(s.held[:0], s.held[n:]...)
	return nil
}

var errLateFinal = errors.New("the head of the last block was passed on before it was known to be that")

// end passes on what is left, with the changes that the whole stream has.
func (s *splicer) end(patch deflate.Patch) error {
	patch.Apply(s.held, s.at)
	return s.pass(len(s.held))
}
