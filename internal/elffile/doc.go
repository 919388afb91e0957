// Package elffile reads what the dynamic linker reads of an ELF file: which libraries it needs, under which
// name it is known itself, where it has them looked for, and which versions of their interfaces it wants.
//
// It goes by program headers, as ld.so does, never by section headers: these stand at the end of a file, tools
// that patch wheels leave them wrong, and the linker does not look at them. That is why debug/elf, which finds
// the dynamic section by them, gives only its names for numbers here. The package resolves no names, and reads no
// symbols and no code, but what the containers of code for GPUs say of themselves (package fatbin; [ReadCUDA]). Only where
// there are some, the names of sections tell which of them are not linked.
//
// A file is read by ranges, in order as far as its form allows ([Read]); [ReadWheel] reads all ELF files of a wheel.
// Memory is bounded whatever the file says: less than 5 MiB for a file, 40 MiB for one that
// consists of such containers, and for inflating as deflate.ReaderAt has it.
//
// Invariants: every string that is returned ends in the file with a NUL within the string table, has no control
// characters, and is at most 4,095 bytes long; malformed input is an error, never a panic.
package elffile
