package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// memoMagic begins a memo's file; the SHA-256 of the data and the data follow.
const memoMagic = "envpack memo 1\n"

// memoHeader is how many bytes come before the data.
const memoHeader = len(memoMagic) + sha256.Size

// Memo gives the data that was noted under the key, if there is any and it is undamaged.
func (s *Store) Memo(kind, key string) ([]byte, bool) {
	name, err := s.memoPath(kind, key)
	if err != nil {
		return nil, false
	}
	f, err := openRaw(name)
	if err != nil {
		return nil, false
	}
	defer f.close()
	start, room := beginning(f)
	defer beginnings.Put(room)
	if len(start) < memoHeader || string(start[:len(memoMagic)]) != memoMagic {
		return nil, false
	}
	size, changed, err := f.info()
	if err != nil {
		return nil, false
	}
	data := bytes.Clone(start[memoHeader:])
	if len(start) == len(room) { // there may be more
		if size < int64(len(start)) {
			return nil, false
		}
		data = make([]byte, size-int64(memoHeader))
		if n, err := f.readAt(data, int64(memoHeader)); err != nil || n < len(data) {
			return nil, false
		}
	}
	if got := sha256.Sum256(data); string(got[:]) != string(start[len(memoMagic):memoHeader]) {
		return nil, false
	}
	used(name, changed, memoGrain)
	s.traced.memo(name)
	return data, true
}

// beginnings has room for what is read at once of a memo: most are smaller.
var beginnings = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// beginning reads the first bytes of a file, as many as there is room for. The room is to be given back.
func beginning(f rawFile) (start []byte, room *[16 << 10]byte) {
	room = beginnings.Get().(*[16 << 10]byte)
	n, err := f.readAt(room[:], 0)
	if err != nil {
		n = 0
	}
	return room[:n], room
}

// PutMemo notes data under a key. kind has lower-case letters, digits and hyphens; the key is any
// text. Memos are not flushed to the disk: a damaged one counts as absent.
func (s *Store) PutMemo(kind, key string, data []byte) error {
	sum := sha256.Sum256(data)
	return s.writeMemo(kind, key, append([]byte(memoMagic), sum[:]...), data)
}

func (s *Store) writeMemo(kind, key string, parts ...[]byte) error {
	name, err := s.memoPath(kind, key)
	if err != nil {
		return err
	}
	s.traced.memo(name)
	return s.writeFile(name, kind, parts...)
}

// writeFile writes a memo's file.
func (s *Store) writeFile(name, kind string, parts ...[]byte) error {
	f, err := s.create()
	if err != nil {
		return s.fail(err, "writing memo %s", kind)
	}
	for _, part := range parts {
		if err == nil {
			_, err = f.Write(part)
		}
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = place(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return s.fail(err, "writing memo %s", kind)
	}
	return nil
}

func checkKind(kind string) error {
	if kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%q cannot be a kind of memo", kind)
	}
	return nil
}

func (s *Store) memoPath(kind, key string) (string, error) {
	if err := checkKind(kind); err != nil {
		return "", err
	}
	return filepath.Join(s.dir, filepath.FromSlash(MemoName(kind, key))), nil
}

// MemoName is where the memo of that kind and key is, below the store's folder, with slashes: as in [Entry].
func MemoName(kind, key string) string {
	sum := sha256.Sum256([]byte(key))
	h := hex.EncodeToString(sum[:])
	return "memo/" + kind + "/" + h[:2] + "/" + h
}
