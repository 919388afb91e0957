package reqfile

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// codingForm finds the encoding that a comment names (PEP 263).
var codingForm = pattern.New(`coding[:=]\s*([-\w.]+)`)

// windows1252 are the characters of the bytes from 0x80 to 0x9f; 0: there is none.
const windows1252 = "€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ"

// Decode gives the text of a requirements file, which is in UTF-8, or in what its byte order mark or a comment in its
// first two lines says, as pip reads it.
func Decode(file string, data []byte) (string, error) {
	if text, ok, err := fromUTF32(file, data); ok || err != nil {
		return text, err
	}
	if name, line := coding(data); name != "" && !bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		at := diag.Position{File: file, Line: line}
		switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
		case "utf-8", "utf8", "utf-8-sig":
		case "ascii", "us-ascii":
			for i, b := range data {
				if b >= utf8.RuneSelf {
					at.Line = 1 + bytes.Count(data[:i], []byte("\n"))
					return "", diag.New(diag.Manifest, "not ASCII, as its comment says").At(at).Hint("%s", saveUTF8)
				}
			}
		case "latin-1", "latin1", "iso-8859-1", "iso8859-1", "l1":
			return fromBytes(file, data, nil)
		case "cp1252", "windows-1252":
			return fromBytes(file, data, []rune(windows1252))
		default:
			return "", diag.New(diag.Manifest, "the encoding %q is not known", name).At(at).Hint("%s", saveUTF8)
		}
	}
	if marked := bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}); marked && len(data)%2 != 0 {
		return "", diag.New(diag.Manifest, "not UTF-16, as its byte order mark says: the last character is cut short").At(diag.Position{File: file, Line: 1}).Hint("%s", saveUTF8)
	}
	return DecodeText(file, data)
}

// saveUTF8 is what makes any text readable.
const saveUTF8 = "save the file as UTF-8, without a comment that names another encoding"

// coding is the encoding that one of the first two lines names, and which; "" if none does.
func coding(data []byte) (string, int) {
	for i, line := range bytes.SplitN(data, []byte("\n"), 3) {
		if m := codingForm().FindSubmatch(line); i < 2 && bytes.HasPrefix(line, []byte("#")) && m != nil {
			return string(m[1]), i + 1
		}
	}
	return "", 0
}

// fromBytes decodes a text of one byte a character; high are those from 0x80 on that are not their number.
func fromBytes(file string, data []byte, high []rune) (string, error) {
	var b strings.Builder
	for i, c := range data {
		r := rune(c)
		if n := int(c) - utf8.RuneSelf; n >= 0 && n < len(high) {
			if r = high[n]; r == 0 {
				return "", diag.New(diag.Manifest, "the byte 0x%x is no character of the encoding that the comment names", c).
					At(diag.Position{File: file, Line: 1 + bytes.Count(data[:i], []byte("\n"))}).Hint("%s", saveUTF8)
			}
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}

// fromUTF32 decodes a text that says by its byte order mark that it is UTF-32.
func fromUTF32(file string, data []byte) (text string, ok bool, err error) {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe, 0, 0}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0, 0, 0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return "", false, nil
	}
	var b strings.Builder
	line := 1
	for i := 4; i < len(data); i += 4 {
		if len(data)-i < 4 || order.Uint32(data[i:]) > utf8.MaxRune || !utf8.ValidRune(rune(order.Uint32(data[i:]))) {
			return "", true, diag.New(diag.Manifest, "not UTF-32, as its byte order mark says").At(diag.Position{File: file, Line: line})
		}
		r := rune(order.Uint32(data[i:]))
		if r == '\n' {
			line++
		}
		b.WriteRune(r)
	}
	return b.String(), true, nil
}

// DecodeText gives a text in UTF-8, or in UTF-16 with a byte order mark.
func DecodeText(file string, data []byte) (string, error) {
	text := strings.TrimPrefix(FromUTF16(data), "\ufeff")
	for i, line := range strings.Split(text, "\n") {
		if !utf8.ValidString(line) {
			return "", diag.New(diag.Manifest, "not UTF-8").At(diag.Position{File: file, Line: i + 1}).Hint("%s", saveUTF8)
		}
	}
	return text, nil
}

// FromUTF16 decodes a text that says by its byte order mark that it is UTF-16, as PowerShell writes
// what is redirected into a file; pip reads such files too. Other texts stay as they are.
func FromUTF16(data []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return string(data)
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return string(utf16.Decode(units))
}
