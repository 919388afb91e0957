package ui

import "golang.org/x/sys/windows"

// enableControl makes a console understand control sequences, which Windows must be asked for
// (Console Virtual Terminal Sequences). False if it cannot.
func enableControl(fd uintptr) bool {
	var mode uint32
	if err := windows.GetConsoleMode(windows.Handle(fd), &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(windows.Handle(fd), mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
