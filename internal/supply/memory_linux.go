package supply

import "golang.org/x/sys/unix"

// mostMemory is what a build may take where the machine has more than that, in bytes.
const mostMemory = 32 << 30

// buildMemory is what a build may take of the memory: four fifths, so that the machine stays usable.
func buildMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return mostMemory
	}
	return min(mostMemory, int64(info.Totalram)*int64(info.Unit)/5*4)
}
