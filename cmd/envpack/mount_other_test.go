//go:build !linux

package main

import (
	"errors"
	"os"
)

func mount(string, int) (unmount func(), err error) {
	return nil, errors.New("only on Linux")
}

func mountReadOnly(string) (unmount func(), err error) {
	return nil, errors.New("only on Linux")
}

func pause(*os.Process)  {}
func resume(*os.Process) {}
