// Package cuda is what envpack knows of CUDA: which driver runs what, which GPU needs which code, and which CUDA a locked
// package brings. Facts that cannot be read in wheels are in facts.toml, with their sources; where a wheel's own code was
// measured (internal/fatbin), that decides.
//
// Four questions are kept apart, because most trouble comes from mixing them up: whether there is code for the GPU; whether
// the driver runs this major version of CUDA; whether exactly one brings its libraries; and whether the C library is new
// enough.
//
// The package reads no files and knows no network.
package cuda
