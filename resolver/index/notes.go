package index

import (
	"encoding/json"

	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/inventory"
)

// NoteReaders tell what notes need that indexes leave in the store: what was learnt of a file without a hash, the file.
func NoteReaders() map[string]inventory.Reader {
	return map[string]inventory.Reader{
		learntMemo: func(data []byte) (inventory.Needs, error) {
			var known fetch.Downloaded
			if err := json.Unmarshal(data, &known); err != nil {
				return inventory.Needs{}, err
			}
			return inventory.Needs{Blobs: []string{known.SHA256}}, nil
		},
	}
}

// TailIntact tells whether the second part of a note of that kind is what the first promises; kinds in one part have none.
func TailIntact(kind string, head, tail []byte) bool {
	if kind != pageMemo {
		return len(tail) == 0
	}
	p, err := decodePage(string(head))
	if err != nil {
		return true // of another release: nobody reads it
	}
	if len(tail) != int(p.files.size()) {
		return false
	}
	for _, r := range p.files.releases {
		if sumRecords(tail[r.from:r.to]) != r.sum {
			return false
		}
	}
	return true
}
