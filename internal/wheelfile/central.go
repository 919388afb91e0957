package wheelfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// Unix modes, as the upper half of a member's external attributes holds them.
const (
	modeType    = 0o170000
	modeRegular = 0o100000
	modeDir     = 0o040000
	modeSymlink = 0o120000
	modeExec    = 0o111
)

// parse reads the central directory's entries, which must fill it.
func (d *Directory) parse(raw []byte, entries int64) error {
	if entries > int64(len(raw)/centralSize) {
		return d.fault("", "%d members do not fit in a central directory of %d bytes", entries, len(raw))
	}
	d.Entries = make([]Entry, 0, entries)
	for range entries {
		n, err := d.parseEntry(raw)
		if err != nil {
			return err
		}
		raw = raw[n:]
	}
	if len(raw) != 0 {
		return d.fault("", "%d bytes follow the last member in the central directory", len(raw))
	}
	d.order()
	return nil
}

// parseEntry reads the first entry in raw and returns its length.
func (d *Directory) parseEntry(raw []byte) (int, error) {
	if len(raw) < centralSize || string(raw[:4]) != sigCentral {
		return 0, d.fault("", "the central directory is broken after %d members", len(d.Entries))
	}
	le := binary.LittleEndian
	nameLen, extraLen, commentLen := int(le.Uint16(raw[28:])), int(le.Uint16(raw[30:])), int(le.Uint16(raw[32:]))
	total := centralSize + nameLen + extraLen + commentLen
	if len(raw) < total {
		return 0, d.fault("", "the central directory is broken after %d members", len(d.Entries))
	}
	name := raw[centralSize : centralSize+nameLen]
	e := Entry{
		Name:           string(name),
		Flags:          le.Uint16(raw[8:]),
		Method:         le.Uint16(raw[10:]),
		CRC32:          le.Uint32(raw[16:]),
		CompressedSize: int64(le.Uint32(raw[20:])),
		Size:           int64(le.Uint32(raw[24:])),
		HeaderOffset:   int64(le.Uint32(raw[42:])),
	}
	disk := int64(le.Uint16(raw[34:]))
	x, err := parseExtra(raw[centralSize+nameLen:centralSize+nameLen+extraLen], name)
	if err == nil {
		err = x.resolve(&e.Size, &e.CompressedSize, &e.HeaderOffset, &disk)
	}
	if err != nil {
		return 0, d.fault(e.Name, "%w", err)
	}
	if disk != 0 {
		return 0, d.fault(e.Name, "%w", unsupported("the archive spans several disks"))
	}
	if err := e.check(le.Uint32(raw[38:]) >> 16); err != nil {
		return 0, d.fault(e.Name, "%w", err)
	}
	d.Entries = append(d.Entries, e)
	return total, nil
}

// check judges what an entry is and says; mode is its Unix mode, 0 if it has none.
func (e *Entry) check(mode uint32) error {
	if e.Flags&flagsEncryption != 0 {
		return unsupported("is encrypted")
	}
	if e.Flags&flagsPatched != 0 {
		return unsupported("is patch data")
	}
	if e.Method != Stored && e.Method != Deflate {
		return unsupported("is compressed by %s; wheels are stored or deflated", methodName(e.Method))
	}
	if err := checkName(e.Name, e.Flags&flagUTF8 != 0); err != nil {
		return err
	}
	e.IsDir = e.Name[len(e.Name)-1] == '/'
	switch mode & modeType {
	case modeSymlink:
		return harmful("is a symbolic link")
	case 0, modeRegular:
	case modeDir:
		if !e.IsDir {
			return errors.New("is a folder by its mode and a file by its name")
		}
	default:
		return harmful("is neither file nor folder (mode %o)", mode)
	}
	// As pip decides it: zip_item_is_executable in pip/_internal/utils/unpacking.py.
	e.Executable = mode&modeType == modeRegular && mode&modeExec != 0
	switch {
	case e.IsDir && e.Size != 0:
		return errors.New("is a folder with content")
	case e.Method == Stored && e.Size != e.CompressedSize:
		return fmt.Errorf("is stored, %d bytes as %d", e.Size, e.CompressedSize)
	case e.Method == Deflate && e.CompressedSize < 2:
		return fmt.Errorf("a deflate stream has no less than 2 bytes, not %d", e.CompressedSize)
	case e.Method == Deflate && e.Size/maxRatio > e.CompressedSize:
		return harmful("%d bytes cannot inflate to %d", e.CompressedSize, e.Size)
	}
	return nil
}

// maxRatio is more than what deflate can do: a length of 258 takes at least two bits.
const maxRatio = 1033

const (
	maxTotal  = 256 << 30 // inflated bytes of a wheel
	freeTotal = 1 << 30   // inflated bytes for which no ratio is too high
	bombRatio = 200       // of all inflated bytes to the file, above freeTotal
)

// checkSizes refuses bombs, and entries that overlap each other or the directory.
func (d *Directory) checkSizes() error {
	var total, next int64
	for i, at := range d.byPos {
		e := &d.Entries[at]
		if i == 0 && e.HeaderOffset != 0 {
			return d.fault("", "%d bytes precede the first member", e.HeaderOffset)
		}
		if e.HeaderOffset < next {
			return d.fault(e.Name, "%w", harmful("overlaps the member before it"))
		}
		least := localSize + int64(len(e.Name))
		if e.CompressedSize > d.start || e.HeaderOffset > d.start-least-e.CompressedSize {
			return d.fault(e.Name, "%d bytes at %d reach beyond the members' part of the archive", e.CompressedSize, e.HeaderOffset)
		}
		next = e.HeaderOffset + least + e.CompressedSize
		if e.Size > maxTotal-total {
			return d.wrap(unsupported("the members inflate to more than %d bytes", int64(maxTotal)))
		}
		total += e.Size
	}
	if len(d.byPos) == 0 {
		return d.fault("", "the archive is empty")
	}
	if total > freeTotal && total/bombRatio > d.Size {
		return d.wrap(harmful("%d bytes inflate to %d, as only a bomb does", d.Size, total))
	}
	return nil
}

// extra is what matters in a member's extra fields (APPNOTE 4.5).
type extra struct {
	zip64   []byte
	isZip64 bool
}

func parseExtra(b, name []byte) (extra, error) {
	var x extra
	for len(b) >= 4 {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if n > len(b)-4 {
			return x, errors.New("has a broken extra field")
		}
		field := b[4 : 4+n]
		b = b[4+n:]
		switch id {
		case extraZip64:
			if x.isZip64 {
				return x, errors.New("has two zip64 fields")
			}
			x.zip64, x.isZip64 = field, true
		case extraUnicode:
			// Some readers take the name from here.
			if len(field) < 5 || field[0] != 1 || binary.LittleEndian.Uint32(field[1:]) != crc32.ChecksumIEEE(name) || string(field[5:]) != string(name) {
				return x, harmful("has a second name in an extra field")
			}
		}
	}
	for _, c := range b { // padding for alignment
		if c != 0 {
			return x, errors.New("has a broken extra field")
		}
	}
	return x, nil
}

// resolve replaces the numbers that say "see the zip64 field", in the order of APPNOTE 4.5.3. The
// disk number is a 16-bit one.
func (x extra) resolve(size, compressed, offset, disk *int64) error {
	rest := x.zip64
	for _, v := range []*int64{size, compressed, offset} {
		if v == nil || *v != math.MaxUint32 {
			continue
		}
		if len(rest) < 8 {
			return errors.New("has a size or place that needs a zip64 field, which is missing")
		}
		wide := binary.LittleEndian.Uint64(rest)
		if wide > math.MaxInt64/2 {
			return fmt.Errorf("has a size or place of %d", wide)
		}
		*v, rest = int64(wide), rest[8:]
	}
	if disk != nil && *disk == math.MaxUint16 {
		if len(rest) < 4 {
			return errors.New("has a disk number that needs a zip64 field, which is missing")
		}
		*disk = int64(binary.LittleEndian.Uint32(rest))
	}
	return nil
}

var methods = map[uint16]string{
	1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "LZMA", 20: "zstd (old number)", 93: "zstd",
	95: "xz", 98: "PPMd", 99: "AES encryption",
}

func methodName(m uint16) string {
	if name, ok := methods[m]; ok {
		return name
	}
	return fmt.Sprintf("method %d", m)
}
