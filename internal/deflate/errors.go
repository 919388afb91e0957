package deflate

import (
	"errors"
	"fmt"
)

// ErrTruncated says that the stream goes on past the compressed size.
var ErrTruncated = errors.New("deflate stream is truncated")

// CorruptError says that the stream is not DEFLATE.
type CorruptError struct {
	Bit int64  // offset of the bit where reading stopped, near the fault
	Why string // zlib's message for the same fault
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("deflate stream is corrupt at bit %d: %s", e.Bit, e.Why)
}

// TrailingError says that the stream ends before the last byte of the compressed size.
type TrailingError struct {
	End  int64 // bytes that the stream takes
	Size int64 // the compressed size
}

// Error implements error.
func (e *TrailingError) Error() string {
	return fmt.Sprintf("deflate stream ends after %d of %d bytes", e.End, e.Size)
}

// LimitError says that more came out of the stream than was allowed.
type LimitError struct {
	Limit int64 // bytes
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("deflate stream holds more than %d bytes", e.Limit)
}
