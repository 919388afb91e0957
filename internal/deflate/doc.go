// Package deflate reads and writes raw DEFLATE streams (RFC 1951) in the way that splicing needs.
//
// The [Decoder] inflates a stream whose compressed size is known, such as a zip entry's, and tells
// where its last block begins and ends, so that [Splice] can say which bits to change for other
// blocks to follow it. It refuses exactly what zlib refuses, and a stream that does not end in its
// last byte. The [Encoder] is frozen: what it writes depends on the bytes given to it, on the
// flushes between them and on [EncoderVersion], and on nothing else, neither platform nor Go
// version nor the sizes of the writes. [CombineCRC32] joins the checksums of parts.
//
// The package knows neither gzip nor zip nor tar, opens no files and starts no goroutines.
//
// Invariants: decoded bytes reach the sink in order and once; not one byte past the limit reaches
// it; no more than the compressed size is read from the source. Bit offsets count from the lowest
// bit of the stream's first byte. The bytes of an encoder version never change: a better encoder
// is a new version beside the old one.
package deflate
