package project

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// The modes of index entries (gitformat-index).
const (
	gitFile       = 0o100644
	gitExecutable = 0o100755
	gitLink       = 0o120000
	gitSubmodule  = 0o160000
	gitFolder     = 0o040000 // only in a sparse index
)

// tracked is an entry of git's index.
type tracked struct {
	path string // slash-separated, relative to the repository's top folder
	mode uint32
}

var errSplitIndex = errors.New("the index is split over two files")

const (
	indexHeader   = 12
	entryFixed    = 40 // up to the object's name
	flagExtended  = 0x4000
	nameMask      = 0x0fff
	longestPrefix = 1 << 20
)

// parseIndex reads git's index, versions 2, 3 and 4, as gitformat-index describes it. The names of
// objects have nameSize bytes: 20 (SHA-1) or 32 (SHA-256). A path that is in conflict comes several times.
func parseIndex(data []byte, nameSize int) ([]tracked, error) {
	if len(data) < indexHeader+nameSize || string(data[:4]) != "DIRC" {
		return nil, errors.New("not an index of git")
	}
	if err := checkIndexSum(data, nameSize); err != nil {
		return nil, err
	}
	version, count := binary.BigEndian.Uint32(data[4:]), binary.BigEndian.Uint32(data[8:])
	if version < 2 || version > 4 {
		return nil, fmt.Errorf("version %d of the index is not known", version)
	}
	body := data[:len(data)-nameSize]
	rest := body[indexHeader:]
	var list []tracked
	previous := ""
	for i := range count {
		entry, size, err := parseEntry(rest, nameSize, version, previous)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %d: %w", i+1, count, err)
		}
		list = append(list, entry)
		previous, rest = entry.path, rest[size:]
	}
	return list, checkExtensions(rest)
}

// checkIndexSum compares the hash at the end; all zeros (index.skipHash) are no hash.
func checkIndexSum(data []byte, nameSize int) error {
	body, sum := data[:len(data)-nameSize], data[len(data)-nameSize:]
	if bytes.Equal(sum, make([]byte, nameSize)) {
		return nil
	}
	var want []byte
	if nameSize == sha256.Size {
		s := sha256.Sum256(body)
		want = s[:]
	} else {
		s := sha1.Sum(body)
		want = s[:]
	}
	if !bytes.Equal(sum, want) {
		return errors.New("its checksum is wrong: the file is damaged")
	}
	return nil
}

var errShortIndex = errors.New("it ends too early")

// parseEntry gives the first entry in data and its size there.
func parseEntry(data []byte, nameSize int, version uint32, previous string) (tracked, int, error) {
	at := entryFixed + nameSize
	if len(data) < at+2 {
		return tracked{}, 0, errShortIndex
	}
	entry := tracked{mode: binary.BigEndian.Uint32(data[24:])}
	flags := binary.BigEndian.Uint16(data[at:])
	at += 2
	if flags&flagExtended != 0 {
		if version < 3 {
			return tracked{}, 0, errors.New("extended flags in version 2")
		}
		at += 2
		if len(data) < at {
			return tracked{}, 0, errShortIndex
		}
	}
	prefix := ""
	if version == 4 {
		drop, n, err := offsetNumber(data[at:])
		if err != nil {
			return tracked{}, 0, err
		}
		if drop > len(previous) {
			return tracked{}, 0, errors.New("its path shares more with the one before than that has")
		}
		prefix = previous[:len(previous)-drop]
		at += n
	}
	end := bytes.IndexByte(data[at:], 0)
	if end < 0 {
		return tracked{}, 0, errShortIndex
	}
	entry.path = prefix + string(data[at:at+end])
	if n := int(flags & nameMask); n != min(len(entry.path), nameMask) {
		return tracked{}, 0, errors.New("the length of its path is wrong")
	}
	at += end + 1
	if version < 4 {
		at = (at + 7) / 8 * 8 // NUL bytes up to a multiple of 8, one at least
		if len(data) < at {
			return tracked{}, 0, errShortIndex
		}
	}
	return entry, at, nil
}

// offsetNumber is the variable-length number of pack files' offset deltas (gitformat-pack).
func offsetNumber(data []byte) (n, size int, err error) {
	for i, c := range data {
		n = n<<7 | int(c&0x7f)
		if n > longestPrefix {
			break
		}
		if c&0x80 == 0 {
			return n, i + 1, nil
		}
		n++
	}
	return 0, 0, errors.New("a number is too long")
}

// checkExtensions refuses extensions that change what the entries mean: those whose name does not begin
// with a capital letter. A sparse index ("sdir") is known: its folders are entries of their own kind.
func checkExtensions(data []byte) error {
	for len(data) > 0 {
		if len(data) < 8 {
			return errShortIndex
		}
		name, size := string(data[:4]), binary.BigEndian.Uint32(data[4:])
		if uint64(size) > uint64(len(data)-8) {
			return errShortIndex
		}
		switch {
		case name == "link":
			return errSplitIndex
		case name == "sdir", 'A' <= name[0] && name[0] <= 'Z':
		default:
			return fmt.Errorf("the extension %q of the index is not known", name)
		}
		data = data[8+int(size):]
	}
	return nil
}
