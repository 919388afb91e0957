package index

import (
	"sync"

	"github.com/envpack/envpack/internal/store"
)

// pageMemo is the kind of the notes in which the store keeps pages.
const pageMemo = "index-page"

// kept is a page that the store has; nil: it has none. The page of one project leaves its records in the store. That
// of a flat index has those of all projects, which are sorted out at once.
func (x *Index) kept(name string) *page {
	head, tail, ok := x.o.Store.Head(pageMemo, x.pageKey(name))
	if !ok {
		return nil
	}
	p, err := decodePage(head)
	if err != nil || tail.Size() != int64(p.files.size()) {
		return nil
	}
	x.leave(p, name, tail)
	if name == "" && !p.files.load() {
		return nil
	}
	return p
}

// keep brings a page, of which nothing is left in the store, into the store in place of the one that is there.
func (x *Index) keep(name string, p *page) error {
	head, records := encodePage(p)
	tail, err := x.o.Store.PutParts(pageMemo, x.pageKey(name), head, records)
	if err == nil && name != "" {
		x.leave(p, name, tail)
	}
	return err
}

func (x *Index) pageKey(name string) string { return x.base.Redacted() + "\x00" + name }

// leave lets the records of a page be read from the store, where they are.
func (x *Index) leave(p *page, name string, tail store.Tail) {
	p.files.text = nil
	p.files.kept = &stored{tail: tail, of: name + " in index " + x.o.Name, again: func() *page { return x.kept(name) }}
}

// stored is where the records of a page are.
type stored struct {
	tail  store.Tail
	of    string       // for errors: "numpy in index default"
	again func() *page // the page as the store has it now; nil: it has none

	mu    sync.Mutex
	reads int    // so far
	ahead []byte // what was read last, with what follows
	from  uint32 // where that begins
}

const (
	// fewReads is how many versions are looked at one by one. Where there are more, one after the other is given up, and
	// many older ones may follow.
	fewReads = 3
	// readAhead is how many bytes are read then.
	readAhead = 16 << 10
)

// records reads those of a release. They are not to be had if the store has others in their place, or none.
func (k *stored) records(r release) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.from < k.from || int(r.to-k.from) > len(k.ahead) {
		n := int64(r.to - r.from)
		if k.reads++; k.reads > fewReads {
			n = max(n, min(readAhead, k.tail.Size()-int64(r.from)))
		}
		raw, err := k.tail.Read(int64(r.from), int(n))
		if err != nil {
			return "", false
		}
		k.ahead, k.from = raw, r.from
	}
	raw := k.ahead[r.from-k.from : r.to-k.from]
	return string(raw), sumRecords(raw) == r.sum
}

// size is how many bytes all records take.
func (f *Files) size() uint32 {
	if len(f.releases) == 0 {
		return 0
	}
	return f.releases[len(f.releases)-1].to
}

// load takes all records into memory, unless they are not to be had any more.
func (f *Files) load() bool {
	if f.kept == nil {
		return true
	}
	raw, err := f.kept.tail.Read(0, int(f.size()))
	if err != nil {
		return false
	}
	for _, r := range f.releases {
		if sumRecords(raw[r.from:r.to]) != r.sum {
			return false
		}
	}
	f.text, f.kept = raw, nil
	return true
}
