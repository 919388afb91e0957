package deflate

import (
	"archive/zip"
	"bytes"
	stdflate "compress/flate"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"testing"

	kflate "github.com/klauspost/compress/flate"
)

// BenchmarkInflate inflates the deflated entries of all wheels in the directory that the variable
// DEFLATE_BENCH_WHEELS names. MB/s counts inflated bytes; CRC-32 is part of each run, since every
// reader of a zip needs it.
func BenchmarkInflate(b *testing.B) {
	dir := os.Getenv("DEFLATE_BENCH_WHEELS")
	if dir == "" {
		b.Skip("DEFLATE_BENCH_WHEELS names no directory of wheels")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.whl"))
	for _, name := range names {
		entries, size := loadEntries(b, name, 4<<30)
		label := filepath.Base(name)
		run := func(tool string, inflate func(e wheelEntry)) {
			b.Run(label+"/"+tool, func(b *testing.B) {
				b.SetBytes(size)
				done := perCPU(b)
				for range b.N {
					for _, e := range entries {
						inflate(e)
					}
				}
				done(size * int64(b.N))
			})
		}
		d := new(Decoder)
		run("own", func(e wheelEntry) {
			s, err := d.DecodeBytes(e.raw, e.size, nil)
			if err != nil || s.CRC32 != e.crc || s.Size != e.size {
				b.Fatalf("%+v %v", s, err)
			}
		})
		buf := make([]byte, 128<<10)
		k := kflate.NewReader(nil)
		run("klauspost", func(e wheelEntry) { inflateWith(b, k, e, buf) })
		s := stdflate.NewReader(nil)
		run("stdlib", func(e wheelEntry) { inflateWith(b, s, e, buf) })
	}
}

type wheelEntry struct {
	raw  []byte
	size int64
	crc  uint32
}

// loadEntries reads the deflated entries of a wheel, those together not above limit bytes inflated
// unless one alone is.
func loadEntries(b *testing.B, name string, limit int64) (entries []wheelEntry, size int64) {
	z, err := zip.OpenReader(name)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Method != zip.Deflate || size > 0 && size+int64(f.UncompressedSize64) > limit {
			continue
		}
		r, err := f.OpenRaw()
		if err != nil {
			b.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			b.Fatal(err)
		}
		entries = append(entries, wheelEntry{raw, int64(f.UncompressedSize64), f.CRC32})
		size += int64(f.UncompressedSize64)
	}
	return entries, size
}

func inflateWith(b *testing.B, r io.ReadCloser, e wheelEntry, buf []byte) {
	if err := r.(stdflate.Resetter).Reset(bytes.NewReader(e.raw), nil); err != nil {
		b.Fatal(err)
	}
	var crc uint32
	for {
		n, err := r.Read(buf)
		crc = crc32.Update(crc, crc32.IEEETable, buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if crc != e.crc {
		b.Fatal("wrong checksum")
	}
}
