package wheelfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// File is a wheel whose local headers were checked against the central directory. Its entries have
// a DataOffset.
type File struct {
	*Directory
}

// Open reads the directory and every local header, and refuses an archive that has bytes outside
// its members. It reads no content.
func Open(wheel string, r io.ReaderAt, size int64) (*File, error) {
	d, err := ReadDirectory(wheel, r, size)
	if err != nil {
		return nil, err
	}
	var buf []byte
	for i, at := range d.byPos {
		e := &d.Entries[at]
		next := d.start
		if i+1 < len(d.byPos) {
			next = d.Entries[d.byPos[i+1]].HeaderOffset
		}
		if buf, err = d.checkLocal(e, next, buf); err != nil {
			return nil, &Error{Wheel: d.Wheel, Member: e.Name, Err: err}
		}
	}
	return &File{d}, nil
}

// local is a local file header.
type local struct {
	flags, method    uint16
	crc              uint32
	size, compressed int64
	length           int64 // of the header with name and extra fields
	name             []byte
	extra            extra
}

// parseLocal reads the header in b. If b is too short, only length is right, and at least localSize.
func parseLocal(b []byte) (local, error) {
	if len(b) < localSize {
		return local{length: localSize}, nil
	}
	le := binary.LittleEndian
	if string(b[:4]) != sigLocal {
		return local{}, errors.New("has no local header where the directory says")
	}
	nameLen, extraLen := int(le.Uint16(b[26:])), int(le.Uint16(b[28:]))
	l := local{
		flags: le.Uint16(b[6:]), method: le.Uint16(b[8:]), crc: le.Uint32(b[14:]),
		compressed: int64(le.Uint32(b[18:])), size: int64(le.Uint32(b[22:])),
		length: int64(localSize + nameLen + extraLen),
	}
	if int64(len(b)) < l.length {
		return l, nil
	}
	l.name = b[localSize : localSize+nameLen]
	var err error
	if l.extra, err = parseExtra(b[localSize+nameLen:l.length], l.name); err != nil {
		return l, fmt.Errorf("in the local header: %w", err)
	}
	return l, l.extra.resolve(&l.size, &l.compressed, nil, nil)
}

const sameFlags = flagsEncryption | flagsPatched | flagDescriptor | flagUTF8

// agrees tells where a local header and the central directory differ.
func (l local) agrees(e *Entry) error {
	switch {
	case string(l.name) != e.Name:
		return harmful("is called %q in its local header", l.name)
	case l.method != e.Method:
		return fmt.Errorf("is compressed by %s in its local header", methodName(l.method))
	case l.flags&sameFlags != e.Flags&sameFlags:
		return fmt.Errorf("has flags %#x in the directory and %#x in its local header", e.Flags, l.flags)
	}
	// With a data descriptor the local header may leave these open.
	open := l.flags&flagDescriptor != 0
	if !(l.crc == e.CRC32 || open && l.crc == 0) ||
		!(l.size == e.Size || open && l.size == 0) ||
		!(l.compressed == e.CompressedSize || open && l.compressed == 0) {
		return errors.New("has a checksum or size in its local header that is not the directory's")
	}
	return nil
}

// checkLocal checks the local header of e and that the member ends at next. It sets e.DataOffset.
func (d *Directory) checkLocal(e *Entry, next int64, buf []byte) ([]byte, error) {
	want := localSize + int64(len(e.Name)) + 64
	var l local
	for {
		want = min(want, next-e.HeaderOffset)
		buf = grow(buf, want)
		if err := d.read(buf, e.HeaderOffset); err != nil {
			return buf, fmt.Errorf("reading the local header: %w", err)
		}
		var err error
		if l, err = parseLocal(buf); err != nil {
			return buf, err
		}
		if l.length <= int64(len(buf)) {
			break
		}
		if l.length > next-e.HeaderOffset {
			return buf, harmful("has a local header that overlaps the next member")
		}
		want = l.length
	}
	if err := l.agrees(e); err != nil {
		return buf, err
	}
	e.DataOffset = e.HeaderOffset + l.length
	gap := next - e.DataOffset - e.CompressedSize
	switch {
	case gap < 0:
		return buf, harmful("overlaps the next member")
	case e.Flags&flagDescriptor != 0:
		return d.checkDescriptor(e, gap, buf)
	case gap > 0:
		return buf, fmt.Errorf("is followed by %d bytes that belong to nothing", gap)
	}
	return buf, nil
}

// checkDescriptor checks the n bytes behind the content of e: a data descriptor (APPNOTE 4.3.9), with
// or without signature, of 32-bit or 64-bit sizes.
func (d *Directory) checkDescriptor(e *Entry, n int64, buf []byte) ([]byte, error) {
	if n != 12 && n != 16 && n != 20 && n != 24 {
		return buf, fmt.Errorf("is followed by %d bytes, which is no data descriptor", n)
	}
	buf = grow(buf, n)
	if err := d.read(buf, e.DataOffset+e.CompressedSize); err != nil {
		return buf, fmt.Errorf("reading the data descriptor: %w", err)
	}
	b := buf
	if n == 16 || n == 24 {
		if !bytes.HasPrefix(b, []byte(sigDescriptor)) {
			return buf, errors.New("has a data descriptor without its signature")
		}
		b = b[4:]
	}
	le := binary.LittleEndian
	var compressed, size uint64
	if len(b) == 12 {
		compressed, size = uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[8:]))
		if e.CompressedSize > math.MaxUint32 || e.Size > math.MaxUint32 {
			return buf, errors.New("has a data descriptor too small for its sizes")
		}
	} else {
		compressed, size = le.Uint64(b[4:]), le.Uint64(b[12:])
	}
	if le.Uint32(b) != e.CRC32 || compressed != uint64(e.CompressedSize) || size != uint64(e.Size) {
		return buf, errors.New("has a data descriptor that is not the directory's")
	}
	return buf, nil
}

func grow(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		return make([]byte, n)
	}
	return b[:n]
}
