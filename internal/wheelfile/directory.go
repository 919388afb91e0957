package wheelfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
)

// The compression methods that a wheel may use (APPNOTE 4.4.5).
const (
	Stored  uint16 = 0
	Deflate uint16 = 8
)

// Entry is one member, as the central directory describes it.
type Entry struct {
	Name           string // as in the archive; a folder's ends in a slash
	Method         uint16
	Flags          uint16
	CRC32          uint32 // of the content
	CompressedSize int64
	Size           int64
	HeaderOffset   int64 // of the local header in the file
	DataOffset     int64 // of the compressed bytes; 0 in a Directory, which does not know it
	Executable     bool  // a regular file by its Unix mode, with any executable bit
	IsDir          bool
}

// Directory is a wheel's central directory.
type Directory struct {
	Wheel   string  // file name
	Size    int64   // of the file
	Entries []Entry // in the order of the central directory

	r      io.ReaderAt
	start  int64          // of the central directory
	folded map[string]int // indexes of Entries by what fold makes of the name
	byPos  []int          // indexes of Entries by HeaderOffset
}

const (
	endSize         = 22 // end of central directory record without comment (APPNOTE 4.3.16)
	end64Size       = 56 // APPNOTE 4.3.14, version 1
	locatorSize     = 20 // APPNOTE 4.3.15
	centralSize     = 46 // APPNOTE 4.3.12
	localSize       = 30 // APPNOTE 4.3.7
	maxComment      = math.MaxUint16
	maxEntries      = 1 << 20
	maxDirectory    = 256 << 20
	sigEnd          = "PK\x05\x06"
	sigEnd64        = "PK\x06\x06"
	sigLocator      = "PK\x06\x07"
	sigCentral      = "PK\x01\x02"
	sigLocal        = "PK\x03\x04"
	sigDescriptor   = "PK\x07\x08"
	extraZip64      = 0x0001
	extraUnicode    = 0x7075 // Info-ZIP Unicode Path
	flagDescriptor  = 1 << 3
	flagUTF8        = 1 << 11
	flagsEncryption = 1<<0 | 1<<6 | 1<<13
	flagsPatched    = 1 << 5
)

// ReadDirectory reads the central directory of the wheel of that file name, which is size bytes
// long, and checks all that can be checked by it alone. It reads from the file's end only: first 22
// bytes (65,557 if the archive has a comment), then the directory, in one read. r may be a [Tail].
//
// Errors: [*Error], wrapping the error of r where there was one.
func ReadDirectory(wheel string, r io.ReaderAt, size int64) (*Directory, error) {
	d := &Directory{Wheel: wheel, Size: size, r: r}
	e, err := d.readEnd()
	if err != nil {
		return nil, d.wrap(err)
	}
	raw := make([]byte, e.size)
	if err := d.read(raw, e.offset); err != nil {
		return nil, d.wrap(fmt.Errorf("reading the central directory: %w", err))
	}
	d.start = e.offset
	if err := d.parse(raw, e.entries); err != nil {
		return nil, err
	}
	if err := d.checkNames(); err != nil {
		return nil, err
	}
	if err := d.checkSizes(); err != nil {
		return nil, err
	}
	return d, nil
}

// From is the directory with its members read from r.
func (d *Directory) From(r io.ReaderAt) *Directory {
	from := *d
	from.r = r
	return &from
}

func (d *Directory) wrap(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return &Error{Wheel: d.Wheel, Err: err}
}

// read fills p from offset on.
func (d *Directory) read(p []byte, off int64) error {
	if off < 0 || off > d.Size-int64(len(p)) {
		return fmt.Errorf("%d bytes at %d are not in a file of %d", len(p), off, d.Size)
	}
	n, err := d.r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// end is what the records behind the central directory say of it.
type end struct {
	offset, size, entries int64
}

// readEnd finds the end of central directory record. It must be the only one: no comment may hold
// another, and the directory must end where the records begin.
func (d *Directory) readEnd() (end, error) {
	if d.Size < endSize {
		return end{}, errors.New("not a zip archive: shorter than its end record")
	}
	tail := make([]byte, endSize)
	if err := d.read(tail, d.Size-endSize); err != nil {
		return end{}, fmt.Errorf("reading the end of the archive: %w", err)
	}
	if string(tail[:4]) != sigEnd || tail[20] != 0 || tail[21] != 0 {
		var err error
		if tail, err = d.commented(); err != nil {
			return end{}, err
		}
	}
	pos := d.Size - int64(len(tail))
	le := binary.LittleEndian
	disk, cdDisk := le.Uint16(tail[4:]), le.Uint16(tail[6:])
	here, total := le.Uint16(tail[8:]), le.Uint16(tail[10:])
	e := end{entries: int64(total), size: int64(le.Uint32(tail[12:])), offset: int64(le.Uint32(tail[16:]))}
	wide := disk == math.MaxUint16 || cdDisk == math.MaxUint16 || here == math.MaxUint16 || total == math.MaxUint16 ||
		e.size == math.MaxUint32 || e.offset == math.MaxUint32
	switch found, err := d.readEnd64(pos, &e, wide); {
	case err != nil:
		return end{}, err
	case found:
		pos = d.start
	case disk != 0 || cdDisk != 0 || here != total:
		return end{}, unsupported("the archive spans several disks")
	}
	switch {
	case e.entries > maxEntries:
		return end{}, unsupported("%d members are more than %d", e.entries, maxEntries)
	case e.size > maxDirectory:
		return end{}, unsupported("a central directory of %d bytes is too large", e.size)
	case e.offset < 0 || e.size < 0 || e.offset != pos-e.size:
		return end{}, fmt.Errorf("the central directory is said to be %d bytes at %d, but its end record is at %d", e.size, e.offset, pos)
	}
	return e, nil
}

// commented finds an end record that a comment follows, and returns the file's tail from it on.
func (d *Directory) commented() ([]byte, error) {
	tail := make([]byte, min(d.Size, endSize+maxComment))
	if err := d.read(tail, d.Size-int64(len(tail))); err != nil {
		return nil, fmt.Errorf("reading the end of the archive: %w", err)
	}
	at := bytes.LastIndex(tail[:len(tail)-endSize+4], []byte(sigEnd))
	if at < 0 {
		return nil, errors.New("not a zip archive, or cut off: no end record")
	}
	if n := int(binary.LittleEndian.Uint16(tail[at+20:])); at+endSize+n != len(tail) {
		return nil, fmt.Errorf("%d bytes follow the end record, which has a comment of %d", len(tail)-at-endSize, n)
	}
	return tail[at:], nil
}

// readEnd64 reads the zip64 records before the end record at pos, if there are any, and leaves the
// position of the first in d.start. Where the end record has a number, both must agree on it.
func (d *Directory) readEnd64(pos int64, e *end, wide bool) (bool, error) {
	var locator [locatorSize]byte
	if pos < locatorSize+end64Size {
		if wide {
			return false, errors.New("zip64 records are missing")
		}
		return false, nil
	}
	// Without a need for it, a locator is looked for only where the directory does not end.
	if !wide && e.offset+e.size == pos {
		return false, nil
	}
	if err := d.read(locator[:], pos-locatorSize); err != nil {
		return false, fmt.Errorf("reading the zip64 locator: %w", err)
	}
	le := binary.LittleEndian
	if string(locator[:4]) != sigLocator {
		if wide {
			return false, errors.New("zip64 locator is missing")
		}
		return false, nil
	}
	at := le.Uint64(locator[8:])
	if le.Uint32(locator[4:]) != 0 || le.Uint32(locator[16:]) > 1 {
		return false, unsupported("the archive spans several disks")
	}
	if at != uint64(pos-locatorSize-end64Size) {
		return false, fmt.Errorf("the zip64 locator points to %d, the record before it is at %d", at, pos-locatorSize-end64Size)
	}
	var rec [end64Size]byte
	if err := d.read(rec[:], int64(at)); err != nil {
		return false, fmt.Errorf("reading the zip64 end record: %w", err)
	}
	if string(rec[:4]) != sigEnd64 || le.Uint64(rec[4:]) != end64Size-12 {
		return false, errors.New("zip64 end record is missing or of an unknown form")
	}
	if le.Uint32(rec[16:]) != 0 || le.Uint32(rec[20:]) != 0 || le.Uint64(rec[24:]) != le.Uint64(rec[32:]) {
		return false, unsupported("the archive spans several disks")
	}
	entries, size, offset := le.Uint64(rec[32:]), le.Uint64(rec[40:]), le.Uint64(rec[48:])
	if entries > maxEntries || size > maxDirectory || offset > math.MaxInt64/2 {
		return false, unsupported("a central directory of %d members in %d bytes is too large", entries, size)
	}
	if e.entries != math.MaxUint16 && uint64(e.entries) != entries || e.size != math.MaxUint32 && uint64(e.size) != size ||
		e.offset != math.MaxUint32 && uint64(e.offset) != offset {
		return false, errors.New("the end record and the zip64 end record disagree")
	}
	*e = end{offset: int64(offset), size: int64(size), entries: int64(entries)}
	d.start = int64(at)
	return true, nil
}

// order sorts the entries by position.
func (d *Directory) order() {
	d.byPos = make([]int, len(d.Entries))
	for i := range d.byPos {
		d.byPos[i] = i
	}
	sort.SliceStable(d.byPos, func(a, b int) bool {
		return d.Entries[d.byPos[a]].HeaderOffset < d.Entries[d.byPos[b]].HeaderOffset
	})
}

// Find gives the entry of that name.
func (d *Directory) Find(name string) (Entry, bool) {
	i, ok := d.index(name)
	if !ok {
		return Entry{}, false
	}
	return d.Entries[i], true
}

func (d *Directory) index(name string) (int, bool) {
	i, ok := d.folded[fold(name)]
	return i, ok && d.Entries[i].Name == name
}
