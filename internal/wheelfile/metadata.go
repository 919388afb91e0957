package wheelfile

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// Metadata is what resolving needs of METADATA or PKG-INFO (PyPA's core metadata). Values are as
// they stand there, without surrounding space.
type Metadata struct {
	MetadataVersion string
	Name            string
	Version         string
	RequiresDist    []string // requirements, in order
	RequiresPython  string
	ProvidesExtra   []string
	Dynamic         []string // fields that a build may change (Metadata 2.2)
}

// ParseMetadata reads METADATA, as leniently as Python's email parser, which wrote all the metadata there
// is: header names in any case; folded lines; LF, CRLF or CR; a byte order mark; bytes that are not
// UTF-8, which are read as Latin-1. Headers end at an empty line or one that cannot be a header. Of a
// field that may stand once the first counts, and the value UNKNOWN, which setuptools wrote, is none.
//
// Errors: no Name or no Version.
func ParseMetadata(raw []byte) (*Metadata, error) {
	var m Metadata
	headers(raw, func(key, value string) {
		switch key {
		case "metadata-version":
			once(&m.MetadataVersion, value)
		case "name":
			once(&m.Name, value)
		case "version":
			once(&m.Version, value)
		case "requires-dist":
			m.RequiresDist = add(m.RequiresDist, value)
		case "requires-python":
			once(&m.RequiresPython, value)
		case "provides-extra":
			m.ProvidesExtra = add(m.ProvidesExtra, value)
		case "dynamic":
			m.Dynamic = add(m.Dynamic, value)
		}
	})
	if m.Name == "" {
		return nil, errors.New("has no Name")
	}
	if m.Version == "" {
		return nil, errors.New("has no Version")
	}
	return &m, nil
}

func once(field *string, value string) {
	if *field == "" && value != "UNKNOWN" {
		*field = value
	}
}

func add(list []string, value string) []string {
	if value == "" || value == "UNKNOWN" {
		return list
	}
	return append(list, value)
}

// headers calls visit for each header, its name in lower case.
func headers(raw []byte, visit func(key, value string)) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	var key string
	var value strings.Builder
	emit := func() {
		if key != "" {
			visit(key, strings.TrimSpace(value.String()))
		}
		key = ""
		value.Reset()
	}
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			value.WriteByte('\n')
			value.WriteString(decode(line))
			continue
		}
		emit()
		at := bytes.IndexByte(line, ':')
		if at <= 0 || bytes.ContainsAny(line[:at], " \t") {
			break
		}
		key = strings.ToLower(string(line[:at]))
		value.WriteString(decode(line[at+1:]))
	}
	emit()
}

// cutLine splits at the first LF, CRLF or CR.
func cutLine(b []byte) (line, rest []byte) {
	at := bytes.IndexAny(b, "\r\n")
	if at < 0 {
		return b, nil
	}
	if b[at] == '\r' && at+1 < len(b) && b[at+1] == '\n' {
		return b[:at], b[at+2:]
	}
	return b[:at], b[at+1:]
}

func decode(line []byte) string {
	if utf8.Valid(line) {
		return string(line)
	}
	var b strings.Builder
	for _, c := range line {
		b.WriteRune(rune(c))
	}
	return b.String()
}
