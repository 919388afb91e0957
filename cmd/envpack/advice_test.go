package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/wheelfile"
)

func TestAdvise(t *testing.T) {
	wheel := func(err error) error {
		return fmt.Errorf("layer wheels 07: %w", &wheelfile.Error{Wheel: "Some_Thing-1.0-py3-none-any.whl", Member: "a", Err: err})
	}
	for _, c := range []struct {
		name string
		err  error
		want []string // one a hint
	}{
		{"broken", wheel(errors.New("has CRC-32 00000000")), []string{"published like this", `"some-thing != 1.0"`}},
		{"unsafe", wheel(wheelfile.AsUnsafe(errors.New("is a symbolic link"))), []string{"do not use it", `"some-thing != 1.0"`}},
		{"understood", diag.Wrap(wheel(errors.New("x")), diag.Fetch, "y").Hint("z"), []string{"z"}},
		{"package", fmt.Errorf("layer base: %w", &rootfs.PackageError{Name: "odd", Version: "1.0", Err: errors.New("x")}), []string{"published like this", `another version than 1.0, as in "odd=VERSION"`}},
		{"disk", &rootfs.PackageError{Name: "odd", Version: "1.0", Err: &fs.PathError{Op: "write", Path: "x", Err: fs.ErrPermission}}, nil},
		{"another", errors.New("x"), nil},
	} {
		err := advise(c.err)
		hints := diag.HintsOf(err)
		if err.Error() != c.err.Error() || diag.CodeOf(err) != diag.CodeOf(c.err) || len(hints) != len(c.want) {
			t.Errorf("%s: %v, hints %q", c.name, err, hints)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(hints[i], want) {
				t.Errorf("%s: hint %q, want %q", c.name, hints[i], want)
			}
		}
	}
}
