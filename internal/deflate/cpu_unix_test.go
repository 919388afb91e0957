//go:build unix

package deflate

import (
	"syscall"
	"testing"
	"time"
)

// perCPU reports the MB that were done in a second of processor time, which other programs disturb less than the time on
// the clock. What it returns is called after the last of n bytes.
func perCPU(b *testing.B) func(n int64) {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func(n int64) { b.ReportMetric(float64(n)/1e6/(used()-before).Seconds(), "MB/cpu-s") }
}
