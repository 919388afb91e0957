package interpreter

import (
	"bytes"
	"path"
)

// settingsMark stands in every libcrypto before the folder for which it was built, and a quotation mark behind it
// (OpenSSL, crypto/cversion.c; `openssl version -d` prints it).
const settingsMark = `OPENSSLDIR: "`

// maxSettings is the longest folder that is believed, in bytes.
const maxSettings = 256

// finder looks for the mark in what is written to it, and keeps no more than could be one's beginning.
type finder struct {
	dir  string
	tail []byte
}

// Write never fails.
func (f *finder) Write(p []byte) (int, error) {
	if f.dir != "" {
		return len(p), nil
	}
	data := append(f.tail, p...)
	for {
		at := bytes.Index(data, []byte(settingsMark))
		if at < 0 {
			f.tail = append([]byte(nil), data[max(0, len(data)-len(settingsMark)+1):]...)
			return len(p), nil
		}
		data = data[at:]
		rest := data[len(settingsMark):]
		end := bytes.IndexAny(rest[:min(len(rest), maxSettings)], "\"\x00\n")
		switch {
		case end < 0 && len(rest) < maxSettings: // more may come
			f.tail = append([]byte(nil), data...)
			return len(p), nil
		case end > 0 && rest[end] == '"' && rest[0] == '/' && path.Clean(string(rest[:end])) == string(rest[:end]):
			f.dir, f.tail = string(rest[:end]), nil
			return len(p), nil
		}
		data = rest
	}
}
