package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// memoMagic begins a memo's file; the SHA-256 of the data and the data follow.
const memoMagic = "envpack memo 1\n"

// Memo gives the data that was noted under the key, if there is any and it is undamaged.
func (s *Store) Memo(kind, key string) ([]byte, bool) {
	name, err := s.memoPath(kind, key)
	if err != nil {
		return nil, false
	}
	raw, err := os.ReadFile(name)
	if err != nil || len(raw) < len(memoMagic)+sha256.Size || string(raw[:len(memoMagic)]) != memoMagic {
		return nil, false
	}
	sum, data := raw[len(memoMagic):len(memoMagic)+sha256.Size], raw[len(memoMagic)+sha256.Size:]
	if got := sha256.Sum256(data); string(got[:]) != string(sum) {
		return nil, false
	}
	return data, true
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

func (s *Store) memoPath(kind, key string) (string, error) {
	if kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", fmt.Errorf("%q cannot be a kind of memo", kind)
	}
	sum := sha256.Sum256([]byte(key))
	h := hex.EncodeToString(sum[:])
	return filepath.Join(s.dir, "memo", kind, h[:2], h), nil
}
