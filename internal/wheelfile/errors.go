package wheelfile

import (
	"errors"
	"fmt"
)

// Error is what is wrong with a wheel.
type Error struct {
	Wheel  string // file name
	Member string // name of the member as it stands in the archive; "" is the archive itself
	Err    error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Member == "" {
		return fmt.Sprintf("wheel %s: %v", e.Wheel, e.Err)
	}
	return fmt.Sprintf("wheel %s: member %q: %v", e.Wheel, e.Member, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// ErrNotFound says that the wheel has no member of the name.
var ErrNotFound = errors.New("no such member")

// ShortTailError says that more of the file's end is needed than a [Tail] holds.
type ShortTailError struct {
	Need int64 // bytes at the end of the file
}

// Error implements error.
func (e *ShortTailError) Error() string {
	return fmt.Sprintf("the last %d bytes of the file are needed", e.Need)
}

func (d *Directory) fault(member, format string, args ...any) error {
	return &Error{Wheel: d.Wheel, Member: member, Err: fmt.Errorf(format, args...)}
}
