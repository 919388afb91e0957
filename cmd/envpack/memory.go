package main

import (
	"os"
	"runtime/debug"
)

// spareMemory collects garbage twice as often until what it returns is called. Resolving makes much garbage of
// pages and the ends of wheels that were read; it takes a fifth less memory so, and a twentieth more time of the
// processor. Whoever sets GOGC knows better.
func spareMemory() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(50)
	return func() { debug.SetGCPercent(before) }
}
