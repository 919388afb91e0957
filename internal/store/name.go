package store

import (
	"path"
	"strings"
)

// NameMemo is the kind of the memos that say what blobs are.
const NameMemo = "name"

// Label is what a blob is, for people.
type Label struct {
	SHA256 string // of the blob
	Name   string // of the file, or in words what it is
}

// NameBlob notes what a blob is, for people who look at the store. No result depends on it.
func (s *Store) NameBlob(sha256, name string) error {
	if name = path.Base(name); name == "." || name == "/" {
		return nil
	}
	return s.PutMemo(NameMemo, sha256, []byte(sha256+"\n"+name))
}

// ParseLabel reads the memo that NameBlob writes.
func ParseLabel(data []byte) (l Label, ok bool) {
	sum, name, ok := strings.Cut(string(data), "\n")
	return Label{sum, name}, ok && checkHash(sum) == nil
}
