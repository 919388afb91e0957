//go:build !purego

package hashpair

func supported() bool { return hasInstructions() }
