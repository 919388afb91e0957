package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// leastHeap is how large the heap may become before garbage is collected, in bytes: enough to resolve most manifests
// from the cache. Go's own least is an eighth of it.
const leastHeap = 32 << 20

// spareMemory has garbage collected as fits resolving until what it returns is called. Resolving makes much garbage of
// pages and the ends of wheels that were read: collecting it twice as often as usual takes a fifth less memory, and a
// twentieth more time of the processor. Whoever sets GOGC knows better.
func spareMemory() (restore func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	var mu sync.Mutex
	over, before := false, debug.SetGCPercent(8*100)
	var watch func()
	watch = func() {
		collected := new([64]byte) // small objects share memory, and may outlive a collection
		runtime.SetFinalizer(collected, func(*[64]byte) {
			mu.Lock()
			defer mu.Unlock()
			if !over {
				debug.SetGCPercent(growth(heapInUse()))
				watch()
			}
		})
	}
	watch()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		debug.SetGCPercent(before)
	}
}

// growth is by how many per cent a heap of that many bytes may grow until garbage is collected again.
func growth(heap uint64) int {
	return max(50, int(leastHeap*100/max(heap, 1<<20))-100)
}

// heapInUse is how many bytes the last collection of garbage left.
func heapInUse() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}
