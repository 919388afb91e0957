package ui

import (
	"os"

	"golang.org/x/term"
)

// For gives options for a stream: what it is, and what the environment wishes. NO_COLOR, if not
// empty, means no colour (no-color.org); TERM=dumb means no terminal. The clock is the caller's.
func For(f *os.File, env func(string) string) Options {
	fd := int(f.Fd())
	terminal := term.IsTerminal(fd) && env("TERM") != "dumb" && enableControl(f.Fd())
	return Options{
		Terminal: terminal,
		Color:    terminal && env("NO_COLOR") == "",
		Width: func() int {
			width, _, err := term.GetSize(fd)
			if err != nil {
				return 0
			}
			return width
		},
	}
}
