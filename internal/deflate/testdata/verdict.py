# Reads streams from standard input, each behind its length in four bytes (little endian), and writes for each a line
# with what zlib makes of it: verdict, size and CRC-32, separated by tabs.
import struct, sys, zlib

print(zlib.ZLIB_RUNTIME_VERSION, flush=True)
while head := sys.stdin.buffer.read(4):
    data = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
    d, verdict, out = zlib.decompressobj(-15), "ok", b""
    try:
        out = d.decompress(data)
        if not d.eof:
            verdict = "truncated"
        elif d.unused_data:
            verdict = "trailing"
    except zlib.error as e:
        verdict = str(e).split(": ", 1)[1]
    print(verdict, len(out), zlib.crc32(out), sep="\t", flush=True)
