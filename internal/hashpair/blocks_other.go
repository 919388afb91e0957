//go:build !amd64 || purego

package hashpair

// paired tells that blocks can be used.
const paired = false

func blocks(_, _ *[8]uint32, _, _ *byte, _ int) { panic("hashpair: there is no such processor") }
