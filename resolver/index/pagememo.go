package index

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/envpack/envpack/resolver/pep440"
)

// pageFormat begins a page in the store. It changes with what follows, so that older ones are not
// misread; also with the form of records and with pep440's keys.
const pageFormat = "page6"

// encodePage writes a page in the form that the store keeps, in two parts: strings with their lengths, and the list of
// versions; and the records of files, of which few are ever read.
func encodePage(p *page) (head, tail []byte) {
	b := make([]byte, 0, 300+64*len(p.files.releases))
	b = append(b, pageFormat...)
	b = binary.AppendVarint(b, p.fetched.UnixNano())
	b = appendString(b, p.etag)
	missing := uint64(0)
	if p.missing {
		missing = 1
	}
	b = binary.AppendUvarint(b, missing)
	b = appendString(b, p.status)
	b = appendString(b, p.reason)
	b = appendString(b, p.version)
	b = binary.AppendUvarint(b, uint64(p.unreadable.Count))
	b = binary.AppendUvarint(b, uint64(len(p.unreadable.First)))
	for _, e := range p.unreadable.First {
		b = appendString(appendString(b, e.Name), e.Reason)
	}
	f := &p.files
	b = appendString(b, f.prefix)
	b = binary.AppendUvarint(b, uint64(f.count))
	b = binary.AppendUvarint(b, uint64(len(f.misnamed)))
	for _, name := range f.misnamed {
		b = appendString(b, name)
	}
	b = binary.AppendUvarint(b, uint64(len(f.releases)))
	for _, r := range f.releases {
		b = r.version.AppendPacked(b)
		b = binary.AppendUvarint(b, uint64(r.to-r.from))
		sum := sumRecords(f.text[r.from:r.to])
		b = append(b, sum[:]...)
	}
	return b, f.text
}

var errMemo = errors.New("damaged note in the store")

// decodePage reads the head of a page. Of its files only what that has is there, until somebody says where the
// records are.
func decodePage(head string) (*page, error) {
	d := &decoder{s: head}
	if d.take(len(pageFormat)) != pageFormat {
		return nil, errMemo
	}
	p := &page{fetched: time.Unix(0, d.varint()).UTC(), etag: d.string(), missing: d.uvarint() == 1, status: d.string(), reason: d.string(), version: d.string()}
	p.unreadable.Count = int(d.uvarint() & 0x7fffffff)
	for range d.count() {
		p.unreadable.First = append(p.unreadable.First, Entry{d.string(), d.string()})
	}
	f := &p.files
	f.prefix, f.count = d.string(), int(d.uvarint()&0x7fffffff)
	for range d.count() {
		f.misnamed = append(f.misnamed, d.string())
	}
	if n := d.count(); n > 0 {
		f.releases = make([]release, n)
	}
	at := uint32(0)
	for i := range f.releases {
		r := &f.releases[i]
		var ok bool
		if r.version, d.s, ok = pep440.Unpack(d.s); !ok {
			return nil, errMemo
		}
		n := d.uvarint()
		if n > math.MaxUint32-uint64(at) || i > 0 && !r.version.Less(f.releases[i-1].version) {
			return nil, errMemo
		}
		r.from, r.to = at, at+uint32(n)
		at = r.to
		copy(r.sum[:], d.take(len(r.sum)))
		if !r.version.IsZero() {
			f.versions++
		}
	}
	if d.bad || d.s != "" {
		return nil, errMemo
	}
	return p, nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decoder reads what appendString and encoding/binary wrote. Strings share memory with its text.
type decoder struct {
	s   string
	bad bool
}

func (d *decoder) take(n int) string {
	if n < 0 || n > len(d.s) {
		d.bad, d.s = true, ""
		return ""
	}
	v := d.s[:n]
	d.s = d.s[n:]
	return v
}

func (d *decoder) uvarint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64 && len(d.s) > 0; shift += 7 {
		c := d.s[0]
		d.s = d.s[1:]
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// count reads how many things follow, each of which takes a byte or more.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.s)) {
		d.bad, d.s = true, ""
		return 0
	}
	return int(n)
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.s)) {
		d.bad, d.s = true, ""
		return ""
	}
	return d.take(int(n))
}
