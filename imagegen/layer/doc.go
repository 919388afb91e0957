// Package layer writes image layers: a tar in one gzip member, whose bytes are a function of the
// entries alone. It is the only place that writes compressed bytes.
//
// What lies deflated in a wheel stays so: its deflate stream is spliced into the member's, with a
// few bits changed, and never compressed again. Everything else, tar headers included, goes through the
// frozen encoder of internal/deflate. [Write] makes one pass over the contents, in which they are
// inflated and checked, and returns digest, diff ID, size and a [Recipe]: the literal bytes
// and ranges of blobs that the layer consists of, from which it can be streamed again at the speed
// of reading. [New] makes the lazy v1.Layer of a layer whose digests are known.
//
// The package does not know where files come from or belong, and does not pick modes, owners or
// which entries make a layer; it opens no files and reaches no network.
//
// Invariants of a layer's bytes (which never change: another layout would be another format of every kind of layer):
//   - entries are in bytewise order of their paths, each path once, each parent folder in it before
//     its children; of files linked to each other the first is the file;
//   - USTAR headers, written here; PAX records (path, linkpath, size) only where USTAR cannot say it;
//     no names of owners; [Mtime] throughout; two zero blocks at the end and nothing after them;
//   - the gzip header is the ten bytes 1f 8b 08 00 00 00 00 00 00 ff.
//
// Nothing depends on the number of processors, the sizes of reads, the clock or the locale.
package layer
