package apt

import (
	"encoding/binary"
	"errors"
)

// indexFormat is the first byte of the compact form; another means another set of fields.
const indexFormat = 2

var errIndexForm = errors.New("the compact index is damaged or of another format")

// strings lists the text fields in the order of the compact form.
func (c *candidate) strings() [12]*string {
	return [...]*string{&c.name, &c.version, &c.architecture, &c.preDepends, &c.depends, &c.provides,
		&c.conflicts, &c.breaks, &c.priority, &c.essential, &c.path, &c.sha256}
}

// encodeIndex writes the compact form: the format, the count, and for each candidate its texts, each after
// its length, and its size.
func encodeIndex(all []candidate) []byte {
	out := []byte{indexFormat}
	out = binary.AppendUvarint(out, uint64(len(all)))
	for i := range all {
		for _, s := range all[i].strings() {
			out = binary.AppendUvarint(out, uint64(len(*s)))
			out = append(out, *s...)
		}
		out = binary.AppendUvarint(out, uint64(all[i].size))
	}
	return out
}

// decodeIndex is the inverse of encodeIndex. The texts share one copy of data.
func decodeIndex(data []byte) ([]candidate, error) {
	if len(data) == 0 || data[0] != indexFormat {
		return nil, errIndexForm
	}
	text, at := string(data), 1
	number := func() (uint64, bool) {
		n, width := binary.Uvarint(data[at:])
		if width <= 0 {
			return 0, false
		}
		at += width
		return n, true
	}
	count, ok := number()
	if !ok || count > uint64(len(data)/13) { // a candidate has twelve lengths and a size, each of a byte at least
		return nil, errIndexForm
	}
	all := make([]candidate, count)
	for i := range all {
		for _, s := range all[i].strings() {
			n, ok := number()
			if !ok || n > uint64(len(data)-at) {
				return nil, errIndexForm
			}
			*s = text[at : at+int(n)]
			at += int(n)
		}
		size, ok := number()
		if !ok || size > 1<<62 {
			return nil, errIndexForm
		}
		all[i].size = int64(size)
	}
	if at != len(data) {
		return nil, errIndexForm
	}
	return all, nil
}
