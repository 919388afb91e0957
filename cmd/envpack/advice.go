package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/wheelfile"
)

// advise adds to the error of a wheel or a package that cannot be installed what to do. Its bytes are those that the lock
// names, so that no other try helps.
func advise(err error) error {
	if len(diag.HintsOf(err)) > 0 {
		return err
	}
	var unreadable *rootfs.PackageError
	var file *fs.PathError // of this machine
	if errors.As(err, &unreadable) && !errors.As(err, &file) && !errors.Is(err, context.Canceled) {
		return diag.Wrap(err, 0, "").
			Hint("the package has the hash that its archive's signed index names: it was published like this, and who publishes it should know").
			Hint("to go on without it, leave it out of system.packages, or ask there for another version than %s, as in \"%s=VERSION\"", unreadable.Version, unreadable.Name)
	}
	var wrong *wheelfile.Error
	if !errors.As(err, &wrong) {
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
