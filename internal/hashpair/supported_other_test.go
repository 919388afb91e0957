//go:build !amd64 || purego

package hashpair

func supported() bool { return false }
