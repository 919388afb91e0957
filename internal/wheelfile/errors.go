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

// Class is what kind of thing is wrong with a wheel, and so what can be done about it.
type Class int

// The classes of errors.
const (
	Broken      Class = iota // the archive is damaged, or is not a wheel as its specification has them
	Unsupported              // it may be right, but uses what this package does not read
	Unsafe                   // unpacking it could do harm, or different things on different systems
)

// Class tells what kind of thing is wrong.
func (e *Error) Class() Class {
	var c *classed
	if errors.As(e.Err, &c) {
		return c.class
	}
	return Broken
}

type classed struct {
	class Class
	error
}

func (c *classed) Unwrap() error { return c.error }

// AsUnsafe gives an error of a wheel its class.
func AsUnsafe(err error) error { return &classed{Unsafe, err} }

func harmful(format string, args ...any) error { return AsUnsafe(fmt.Errorf(format, args...)) }
func unsupported(format string, args ...any) error {
	return &classed{Unsupported, fmt.Errorf(format, args...)}
}

// ErrNotFound says that the wheel has no member of the name.
var ErrNotFound = errors.New("no such member")

func (d *Directory) fault(member, format string, args ...any) error {
	return &Error{Wheel: d.Wheel, Member: member, Err: fmt.Errorf(format, args...)}
}
