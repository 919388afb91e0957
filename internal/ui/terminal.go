package ui

import (
	"os"

	"golang.org/x/term"
)

// For gives options for a stream: what it is, and what the environment wishes. NO_COLOR, if not
// empty, means no colour (no-color.org), else CLICOLOR_FORCE, if not empty or 0, colour without a terminal as well
// (bixense.com/clicolors); TERM=dumb means no terminal. The clock is the caller's.
func For(f *os.File, env func(string) string) Options {
	fd := int(f.Fd())
	terminal := term.IsTerminal(fd) && env("TERM") != "dumb" && enableControl(f.Fd())
	return Options{
		Terminal: terminal,
		Color:    env("NO_COLOR") == "" && (terminal || env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0"),
		Width: func() int {
			width, _, err := term.GetSize(fd)
			if err != nil {
				return 0
			}
			return width
		},
	}
}
