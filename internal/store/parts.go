package store

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
)

// partsMagic begins the file of a memo in two parts; the length of the head in four bytes (little endian), the
// SHA-256 of these and the head, the head and the tail follow.
const partsMagic = "envpack memo 2\n"

// partsHeader is how many bytes come before the head.
const partsHeader = len(partsMagic) + 4 + sha256.Size

// Tail is the second part of a memo, which is read in pieces. It is not open, and the file may have been replaced by
// another process since the head was read: whoever reads a piece has to know its hash.
type Tail struct {
	path string
	at   int64
	size int64
}

// PutParts notes data under a key in two parts, so that the tail need not be read to know the head. Memos in one part
// and in two of one kind and key replace each other. The rest is as with [Store.PutMemo].
func (s *Store) PutParts(kind, key string, head, tail []byte) (Tail, error) {
	sum, size := headSum(uint32(len(head)), head)
	start := append([]byte(partsMagic), size[:]...)
	return s.tailOf(kind, key, len(head), len(tail)), s.writeMemo(kind, key, append(start, sum[:]...), head, tail)
}

func (s *Store) tailOf(kind, key string, head, tail int) Tail {
	path, _ := s.memoPath(kind, key) // what is wrong with the kind, writing says
	return Tail{path, int64(partsHeader + head), int64(tail)}
}

// Head gives the head that PutParts noted under the key, if there is any and it is undamaged, and where its tail is.
func (s *Store) Head(kind, key string) (head string, tail Tail, ok bool) {
	path, err := s.memoPath(kind, key)
	if err != nil {
		return "", Tail{}, false
	}
	f, err := openRaw(path)
	if err != nil {
		return "", Tail{}, false
	}
	defer f.close()
	start, room := beginning(f)
	defer beginnings.Put(room)
	if len(start) < partsHeader || string(start[:len(partsMagic)]) != partsMagic {
		return "", Tail{}, false
	}
	size, changed, err := f.info()
	length := binary.LittleEndian.Uint32(start[len(partsMagic):])
	end := int64(partsHeader) + int64(length)
	if err != nil || size < end {
		return "", Tail{}, false
	}
	raw := start[partsHeader:min(int64(len(start)), end)]
	if len(raw) < int(length) {
		raw = make([]byte, length)
		if n, err := f.readAt(raw, int64(partsHeader)); err != nil || n < len(raw) {
			return "", Tail{}, false
		}
	}
	if sum, _ := headSum(length, raw); string(sum[:]) != string(start[len(partsMagic)+4:partsHeader]) {
		return "", Tail{}, false
	}
	used(path, changed, memoGrain)
	s.traced.memo(path)
	return string(raw), Tail{path, end, size - end}, true
}

func headSum(length uint32, head []byte) (sum [sha256.Size]byte, size [4]byte) {
	binary.LittleEndian.PutUint32(size[:], length)
	h := sha256.New()
	h.Write(size[:])
	h.Write(head)
	return [sha256.Size]byte(h.Sum(nil)), size
}

// Size is how many bytes the tail had when its head was read.
func (t Tail) Size() int64 { return t.size }

// Read gives n bytes of the tail. They may be damaged, or of another memo that has replaced this one.
func (t Tail) Read(from int64, n int) ([]byte, error) {
	f, err := openRaw(t.path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	piece := make([]byte, n)
	got, err := f.readAt(piece, t.at+from)
	if err == nil && got < n {
		err = io.ErrUnexpectedEOF
	}
	return piece[:got], err
}

// Remove removes the memo, of which the tail was found to be damaged.
func (t Tail) Remove() { os.Remove(t.path) }
