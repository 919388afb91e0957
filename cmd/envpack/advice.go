package main

import (
	"errors"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/wheelfile"
)

// advise adds to the error of a wheel that cannot be installed what to do. Its bytes are those that the lock
// names, so that no other try helps.
func advise(err error) error {
	var wrong *wheelfile.Error
	if !errors.As(err, &wrong) || len(diag.HintsOf(err)) > 0 {
		return err
	}
	e := diag.Wrap(err, 0, "")
	switch wrong.Class() {
	case wheelfile.Unsafe:
		_ = e.Hint("such a wheel can do harm where it is unpacked: do not use it before its makers, or those of the index, have said what it is")
	case wheelfile.Unsupported:
		_ = e.Hint("wheels need no such thing, and envpack does not read it; a newer envpack may, and its makers can publish it without")
	default:
		_ = e.Hint("the wheel has the hash that the lock names: it was published like this, and its makers should know")
	}
	name, version, nerr := wheelfile.ParseName(wrong.Wheel)
	if nerr != nil {
		return e
	}
	return e.Hint("to go on without it, ask for another version in the manifest, such as %q, and lock again", wheelfile.Normalize(name)+" != "+version)
}
