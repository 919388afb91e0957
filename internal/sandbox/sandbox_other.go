//go:build !linux

package sandbox

import (
	"context"
	"runtime"
)

// Sandbox runs commands apart from the machine.
type Sandbox struct{}

// New returns an *[Unavailable]: there are sandboxes on Linux alone.
func New() (*Sandbox, error) {
	return nil, &Unavailable{
		Why:  "sandboxes need Linux, and this is " + runtime.GOOS,
		Hint: "lock on a machine with Linux, or take the wheels that one has built from its cache repository",
	}
}

// Run is never called, since there is no Sandbox.
func (s *Sandbox) Run(context.Context, Command) error {
	_, err := New()
	return err
}
