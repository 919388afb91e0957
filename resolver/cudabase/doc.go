// Package cudabase finds what a GPU image needs of its base: which of CUDA's libraries its wheels ask for and do not bring, and
// the smallest of NVIDIA's images that has them.
//
// It asks no registry. What wheels ask for is read in their ELF files (DT_NEEDED) and, for frameworks that open libraries by
// name, in the embedded table; which image has what is in the table too. What the driver brings from the host is asked of
// nobody.
//
// Invariants: the result depends on nothing but the input, whatever the order of the wheels; an image that is chosen has
// all that was asked for.
package cudabase
