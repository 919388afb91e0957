package backend

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/deflate"
	"github.com/envpack/envpack/internal/wheelfile"
)

// maxWheel bounds a wheel and each of its members, in bytes: what a zip has without the records for more.
const maxWheel = math.MaxUint32 - 1<<20

// Normalize writes a wheel again, so that two builds that make the same files give the same bytes: members in the order of
// their names with the .dist-info folder at the end, of 1980, with the modes 644 and 755, compressed by the frozen encoder;
// a RECORD made of what is there; no signatures, folders, extra fields and comments. name is the wheel's file name.
//
// Requirements in METADATA that a line break before them hides are brought back; mended tells whether there were any.
//
// Errors: [*wheelfile.Error] for what is no wheel; a wheel that is too large; those of w.
func Normalize(w io.Writer, name string, r io.ReaderAt, size int64) (mended bool, err error) {
	if size > maxWheel {
		return false, fmt.Errorf("the wheel %s has %d bytes, more than %d", name, size, int64(maxWheel))
	}
	wheel, err := wheelfile.Open(name, r, size)
	if err != nil {
		return false, err
	}
	info, err := wheel.DistInfo()
	if err != nil {
		return false, err
	}
	metadata, err := wheel.ReadFile(info.Path("METADATA"), 32<<20)
	if err != nil {
		return false, err
	}
	metadata, mended = mendMetadata(metadata)
	return mended, rewrite(w, wheel, info, metadata)
}

// rewrite writes a wheel's members again, with a METADATA.
func rewrite(w io.Writer, wheel *wheelfile.File, info wheelfile.DistInfo, metadata []byte) error {
	z := &zipper{w: w, encoder: deflate.NewEncoder(io.Discard)}
	record := info.Dir + "/RECORD"
	for _, e := range ordered(wheel.Entries, info.Dir) {
		if e.IsDir || e.Name == record || e.Name == record+".jws" || e.Name == record+".p7s" {
			continue
		}
		if e.Size > maxWheel {
			return fmt.Errorf("the wheel %s: %s has %d bytes, more than %d", wheel.Wheel, e.Name, e.Size, int64(maxWheel))
		}
		content := func(sink func([]byte) error) error { return wheel.Inflate(e, sink) }
		if e.Name == info.Path("METADATA") {
			content = func(sink func([]byte) error) error { return sink(metadata) }
		}
		if err := z.member(e.Name, e.Executable, content); err != nil {
			return err
		}
	}
	rows := z.record.String() + quoted(record) + ",,\n" // RECORD has no hash of itself
	err := z.member(record, false, func(sink func([]byte) error) error { return sink([]byte(rows)) })
	if err != nil {
		return err
	}
	return z.end()
}

// ordered are the members by their names, those of the folder dir last (PyPA, Binary distribution format, Recommended
// archiver features).
func ordered(entries []wheelfile.Entry, dir string) []wheelfile.Entry {
	list := slices.Clone(entries)
	slices.SortFunc(list, func(a, b wheelfile.Entry) int {
		inA, inB := strings.HasPrefix(a.Name, dir+"/"), strings.HasPrefix(b.Name, dir+"/")
		switch {
		case inA && !inB:
			return 1
		case inB && !inA:
			return -1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// zipper writes a zip without what it does not need (APPNOTE 4.3).
type zipper struct {
	w         io.Writer
	encoder   *deflate.Encoder
	at        int64
	directory bytes.Buffer
	members   int
	record    strings.Builder // rows of the members up to now
}

// Of the headers: the version that knows deflate, made on Unix; names in UTF-8; and 1 January 1980, the first day there is.
const (
	zipVersion = 20
	madeOnUnix = 3<<8 | zipVersion
	utf8Names  = 1 << 11
	zipDate    = 1<<5 | 1
)

// member writes a file. Its content comes in chunks, and is compressed into memory, since its size comes before it.
func (z *zipper) member(name string, executable bool, content func(sink func(p []byte) error) error) error {
	if z.members++; z.members > math.MaxUint16-1 {
		return errors.New("the wheel has more members than a zip has without the records for more")
	}
	var packed bytes.Buffer
	z.encoder.Reset(&packed)
	sum, crc, size := sha256.New(), crc32.NewIEEE(), int64(0)
	err := content(func(p []byte) error {
		size += int64(len(p))
		sum.Write(p)
		crc.Write(p)
		_, err := z.encoder.Write(p)
		return err
	})
	if err != nil {
		return err
	}
	if err := z.encoder.Close(); err != nil {
		return err
	}
	if z.at+int64(packed.Len()) > maxWheel {
		return fmt.Errorf("the wheel has more than %d bytes", int64(maxWheel))
	}
	mode := uint32(0o100644)
	if executable {
		mode = 0o100755
	}
	le := binary.LittleEndian
	common := le.AppendUint16(nil, zipVersion)
	common = le.AppendUint16(common, utf8Names)
	common = le.AppendUint16(common, wheelfile.Deflate)
	common = le.AppendUint16(common, 0) // midnight
	common = le.AppendUint16(common, zipDate)
	common = le.AppendUint32(common, crc.Sum32())
	common = le.AppendUint32(common, uint32(packed.Len()))
	common = le.AppendUint32(common, uint32(size))
	common = le.AppendUint16(common, uint16(len(name)))
	common = le.AppendUint16(common, 0)

	z.directory.WriteString("PK\x01\x02")
	z.directory.Write(le.AppendUint16(nil, madeOnUnix))
	z.directory.Write(common)
	z.directory.Write(make([]byte, 6)) // no comment, the first disk, no text
	z.directory.Write(le.AppendUint32(nil, mode<<16))
	z.directory.Write(le.AppendUint32(nil, uint32(z.at)))
	z.directory.WriteString(name)

	z.record.WriteString(quoted(name) + ",sha256=" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)) + "," + strconv.FormatInt(size, 10) + "\n")
	for _, part := range [][]byte{[]byte("PK\x03\x04"), common, []byte(name), packed.Bytes()} {
		if err := z.write(part); err != nil {
			return err
		}
	}
	return nil
}

func (z *zipper) write(p []byte) error {
	n, err := z.w.Write(p)
	z.at += int64(n)
	return err
}

// end writes the directory.
func (z *zipper) end() error {
	le := binary.LittleEndian
	tail := append([]byte("PK\x05\x06"), 0, 0, 0, 0)
	tail = le.AppendUint16(tail, uint16(z.members))
	tail = le.AppendUint16(tail, uint16(z.members))
	tail = le.AppendUint32(tail, uint32(z.directory.Len()))
	tail = le.AppendUint32(tail, uint32(z.at))
	tail = le.AppendUint16(tail, 0)
	if err := z.write(z.directory.Bytes()); err != nil {
		return err
	}
	return z.write(tail)
}

// quoted is a field of CSV as Python's csv module writes it.
func quoted(s string) string {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
