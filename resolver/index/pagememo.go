package index

import (
	"encoding/binary"
	"errors"
	"time"
)

// pageFormat begins a page in the store. It changes with what follows, so that older ones are not
// misread.
const pageFormat = "page5"

// encodePage writes a page in the form that the store keeps: strings with their lengths, and the files packed.
// Reading that takes a small part of the time of reading JSON.
func encodePage(p *page) []byte {
	b := make([]byte, 0, 300)
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
	b = appendString(b, p.files.prefix)
	b = binary.AppendUvarint(b, uint64(p.files.Len()))
	return append(b, p.files.text...)
}

var errMemo = errors.New("damaged note in the store")

func decodePage(raw []byte) (*page, error) {
	d := &decoder{s: string(raw)}
	if d.take(len(pageFormat)) != pageFormat {
		return nil, errMemo
	}
	p := &page{fetched: time.Unix(0, d.varint()).UTC(), etag: d.string(), missing: d.uvarint() == 1, status: d.string(), reason: d.string(), version: d.string()}
	p.unreadable.Count = int(d.uvarint() & 0x7fffffff)
	kept := d.uvarint()
	if kept > uint64(len(d.s)) { // as below
		return nil, errMemo
	}
	for range kept {
		p.unreadable.First = append(p.unreadable.First, Entry{d.string(), d.string()})
	}
	p.files.prefix = d.string()
	n := d.uvarint()
	if n > uint64(len(d.s)) { // a file takes more than a byte
		return nil, errMemo
	}
	p.files.text = d.s
	p.files.at = make([]uint32, n)
	for i := range p.files.at {
		p.files.at[i] = uint32(len(p.files.text) - len(d.s))
		d.skipFile()
		if d.bad {
			return nil, errMemo
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

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.s)) {
		d.bad, d.s = true, ""
		return ""
	}
	return d.take(int(n))
}
