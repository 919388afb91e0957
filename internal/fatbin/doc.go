// Package fatbin reads which GPUs a library has code for: the containers of device code that CUDA's compiler puts
// into an ELF file, one container for each file that it compiled. They stand in the sections .nv_fatbin and, before they
// are linked, __nv_relfatbin. Some libraries have further ones among their data: TensorFlow loads more than a thousand
// from there, of kernels that were not compiled by nvcc. They count as well.
//
// A [Finder] is given the file's bytes as they stream by and keeps what the headers say; it inflates nothing and
// holds no code. The package opens no files, knows no ELF, and judges nothing: whether a GPU is covered is for others
// to say.
//
// # Format
//
// There is no public description. What is relied upon was found by making containers with CUDA's own fatbinary (13.5)
// and reading back libraries of CUDA 10.1 to 13.5 next to cuobjdump's lists. All numbers are little-endian.
//
// A container stands at a multiple of 8: the magic number BA55ED50 (32 bits), version 1 (16), the header's size (16),
// the size of what follows the header (64). What follows are entries, without gaps, each a header and its payload:
//
//	 0  16  kind: 1 PTX, 2 cubin, 8 NVVM's code for linking later (LTO), 256 several entries compressed as one
//	 2  16  version: 101 hexadecimal
//	 4  32  size of this header, 64 or more
//	 8  64  size of the payload with padding
//	16  32  size of the payload if it is compressed, else 0
//	20  32  place of an extension in this header, 0 without one
//	24  16  of PTX the minor version of its instruction set
//	26  16  of PTX the major version
//	28  32  architecture: 90 for sm_90
//	32  64  place and length of a name
//	40  64  flags: 2000 compressed by LZ4, 8000 by Zstandard, 100000 for this architecture only (sm_90a), 200000
//	        for its family (sm_100f), in hexadecimal
//	56  64  size of the payload when it is not compressed
//
// The extension of kind 256 has the number of its entries, its own size (32 bits each), and their headers, which are
// as above but for having, at 4, the place of the payload in the inflated data, and at 8 its size there.
//
// Invariants: the result depends on the bytes alone, not on how they were cut; memory is bounded by what a library
// can have, not by what a header says; malformed input is an error, never a panic.
package fatbin
