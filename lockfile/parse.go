package lockfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Parse reads a lock. The name is that of the file, for errors. It accepts exactly what [Encode]
// writes, save that lines may end in CRLF, as git writes them on some machines: a lock that was edited
// or merged by hand may look right and not be what was resolved. Every error is a *[ParseError].
func Parse(name string, data []byte) (*Lock, error) {
	text := unixLines(data)
	if l, broken := parseCanonical(text); l != nil {
		if err := l.validate(broken); err != nil {
			return nil, locate(string(text)).error(name, err)
		}
		return l, nil
	}
	return parseTOML(name, text)
}

// parseTOML is Parse by way of a TOML reader, which knows what is wrong with a text that is no lock. It takes ten times
// as long.
func parseTOML(name string, text []byte) (*Lock, error) {
	l, where, err := decode(name, text, true)
	if err != nil {
		return nil, err
	}
	if err := l.Validate(); err != nil {
		return nil, where.error(name, err)
	}
	want := Encode(l)
	if bytes.Equal(want, text) {
		l.Normalize()
		return l, nil
	}
	line, got, wanted := firstDifference(text, want)
	return nil, &ParseError{File: name, Line: line, Source: where.source(line), Edited: true,
		Msg: fmt.Sprintf("edited by hand or merged: here stands %s where envpack writes %s", orEnd(got), orEnd(wanted))}
}

// ParseLoose reads as much as a new resolution needs of an old lock, for its preferences: the file
// must be TOML of a known format with the right types, but may have been edited, hold facts that
// contradict each other, or keys that are unknown. Its result is not to be built from.
// Every error is a *[ParseError].
func ParseLoose(name string, data []byte) (*Lock, error) {
	text := unixLines(data)
	if l, _ := parseCanonical(text); l != nil {
		return l, nil
	}
	l, _, err := decode(name, text, false)
	if err != nil {
		return nil, err
	}
	l.Normalize()
	return l, nil
}

// parseCanonical reads a lock whose text is what Encode writes for it; nil if it is not. It may still be invalid.
func parseCanonical(text []byte) (l *Lock, broken []string) {
	l, ok := readCanonical(string(text))
	if !ok {
		return nil, nil
	}
	again, broken := encode(l)
	if !bytes.Equal(again, text) {
		return nil, nil
	}
	return l, broken
}

// Read is [Parse] of the file. An error of reading is as os.ReadFile gives it.
func Read(path string) (*Lock, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

func unixLines(data []byte) []byte { return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) }

// decode reads the text into a lock. If strict, unknown keys are errors.
func decode(name string, text []byte, strict bool) (*Lock, *places, error) {
	where := locate(string(text))
	for i, line := range where.lines {
		if sign, _, _ := marker(line); sign != 0 {
			return nil, nil, &ParseError{File: name, Line: i + 1, Col: 1, Source: line, Conflict: true, Msg: "conflict markers that a merge left"}
		}
	}
	if err := checkFormat(name, text, where); err != nil {
		return nil, nil, err
	}
	var doc struct {
		Format int64 `toml:"format"`
		Lock
	}
	meta, err := toml.Decode(string(text), &doc)
	if err != nil {
		return nil, nil, syntaxError(name, where, err)
	}
	if unknown := meta.Undecoded(); strict && len(unknown) > 0 {
		path := strings.Join(unknown[0], ".")
		at := where.of(path)
		return nil, nil, &ParseError{File: name, Line: at.line, Col: at.col, Source: where.source(at.line), Unknown: true, Msg: "unknown key " + path}
	}
	return &doc.Lock, where, nil
}

// checkFormat refuses a file whose format is not [Format], whatever else a newer one may hold.
func checkFormat(name string, text []byte, where *places) error {
	if bytes.HasPrefix(text, []byte(beginning)) {
		return nil // as always; reading the file twice takes its time
	}
	var version struct {
		Format any `toml:"format"`
	}
	if _, err := toml.Decode(string(text), &version); err != nil {
		return syntaxError(name, where, err)
	}
	switch n := version.Format.(type) {
	case nil:
		return where.fail(name, place{1, 1}, false, "no format number: this is not a lock that envpack wrote")
	case int64:
		if n > Format {
			return where.fail(name, where.of("format"), true, "written by a newer envpack: format %d, and this one knows only %d", n, Format)
		}
		if n != Format {
			return where.fail(name, where.of("format"), false, "there is no format %d", n)
		}
	default:
		return where.fail(name, where.of("format"), false, "the format must be a number")
	}
	return nil
}

// fail is an error at a place.
func (p *places) fail(name string, at place, newer bool, format string, args ...any) error {
	return &ParseError{File: name, Line: at.line, Col: at.col, Source: p.source(at.line), Newer: newer, Msg: fmt.Sprintf(format, args...)}
}

// typeError takes apart what the decoder says of a value of the wrong type, which has no type of its own.
var typeError = regexp.MustCompile(`^toml: (?:line (\d+) )?(?:\(last key "(.*?)"\): )?(.*)$`)

func syntaxError(name string, where *places, err error) error {
	e := &ParseError{File: name, Msg: err.Error()}
	var p toml.ParseError
	if errors.As(err, &p) {
		e.Line, e.Col, e.Msg = p.Position.Line, p.Position.Col, p.Message
		if p.LastKey != "" && e.Msg == "" {
			e.Msg = "wrong value of " + p.LastKey
		}
	} else if m := typeError.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Msg = strings.NewReplacer("incompatible types: TOML value has type", "the value is of type", "; destination has type", " and should be of type").Replace(m[3])
		if m[2] != "" {
			e.Msg = m[2] + ": " + e.Msg
		}
	}
	e.Source = where.source(e.Line)
	return e
}

// error is err, which [Lock.Validate] gave, with its place in the file.
func (p *places) error(name string, err error) error {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return &ParseError{File: name, Msg: err.Error()}
	}
	at := p.of(invalid.Path)
	return &ParseError{File: name, Line: at.line, Col: at.col, Source: p.source(at.line), Unknown: invalid.Unknown, Msg: invalid.Error()}
}

// firstDifference is the number of the first line that differs, counted from 1, and the line in both;
// "" stands for the end.
func firstDifference(got, want []byte) (line int, g, w string) {
	gl, wl := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := 0; ; i++ {
		g, w = "", ""
		if i < len(gl) {
			g = gl[i]
		}
		if i < len(wl) {
			w = wl[i]
		}
		if g != w || i >= len(gl) && i >= len(wl) {
			return min(i+1, len(gl)), g, w
		}
	}
}

func orEnd(line string) string {
	if line == "" {
		return "nothing"
	}
	return "`" + line + "`"
}
