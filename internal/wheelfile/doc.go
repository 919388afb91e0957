// Package wheelfile reads wheels (PyPA's binary distribution format): the zip archive, hardened
// against all that two readers could understand differently, and the metadata in it.
//
// [ReadDirectory] reads the central directory alone, from the file's tail, so that a member such
// as METADATA can be had by range requests. [Open] reads the local headers too and holds every
// byte of the archive to account. Both refuse what a wheel has no need of: encryption, methods
// other than stored and deflate, several disks, symbolic links, unclean names, names that collide
// on some file systems, and sizes that no honest archive has.
//
// The package unpacks nothing to disk, does not know where files are installed to, and does not
// compare versions.
//
// Invariants: names of entries are relative, clean, ASCII or flagged UTF-8, and unique without
// regard to case; no file is also the folder of another; entries do not overlap. A [File]'s entries and headers
// cover it without gap. Every error names the wheel, and the member where there is one.
package wheelfile
