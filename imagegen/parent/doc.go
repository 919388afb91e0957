// Package parent reads an image that another is to stand on: what its layers make together, and what of that
// matters to who adds wheels and packages to it.
//
// [Read] streams each layer once, from the lowest on, holds it to its digests, and keeps the tree of the file system
// (names, kinds, modes, owners, links), the few texts that tell of packages, users and the linker, and what the
// binaries of Python and of the C library say of themselves. Nothing of the image is run. [Parent.Choose] then says
// whether an environment can stand on it, and on which interpreter.
//
// It does not fetch, find or write images (imagegen/publish does), and resolves nothing. The result is a pure
// function of the image: it can be remembered by the manifest's digest, as JSON.
//
// Sources of the rules: the OCI image specification (layer.md: Applying Changesets, Whiteouts; media-types.md),
// os-release(5), dpkg(1) and deb-src-control(5), ELF's program header.
package parent
