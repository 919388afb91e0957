package main

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func list(items []string) string { return strings.Join(items, ", ") }

func platformsOf(l *lockfile.Lock) string {
	var names []string
	for _, t := range l.Targets {
		names = append(names, fmt.Sprintf("%s (Python %s)", t.Platform, t.Version()))
	}
	return list(names)
}

// size is a number of bytes for people, in units of 1000.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
