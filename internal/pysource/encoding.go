package pysource

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/envpack/envpack/internal/pattern"
)

// cookie is the comment that names a file's encoding, on one of its first two lines (PEP 263).
var cookie = pattern.New(`^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)`)

// decode gives a file's text. What is not known of an encoding becomes U+FFFD, of which only strings, comments and names have
// any: what is wrong there for Python is no matter for what the file imports.
func decode(data []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); ok {
		data = rest
	}
	if at := bytes.IndexByte(data, 0); at >= 0 {
		return "", &SyntaxError{1 + bytes.Count(data[:at], []byte("\n")), 1, "there is a null byte, which no Python source has"}
	}
	name := encodingOf(data)
	switch {
	case singleByte[name]:
		return latin1(data), nil
	case utf8.Valid(data):
		return string(data), nil
	case multiByte().MatchString(name):
		return wideCharacters(data), nil
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), nil
}

// encodingOf is the name in a file's cookie, in lower case with hyphens.
func encodingOf(data []byte) string {
	for range 2 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		if m := cookie().FindSubmatch(line[:min(len(line), 512)]); m != nil {
			return strings.ReplaceAll(strings.ToLower(string(m[1])), "_", "-")
		}
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' {
			return ""
		}
		data = rest
	}
	return ""
}

// singleByte are the encodings of which each byte is a character, and the lower half ASCII. Those of other alphabets than Latin's
// are read as Latin's, which changes nothing but the letters.
var singleByte = map[string]bool{
	"latin-1": true, "latin1": true, "iso-8859-1": true, "iso8859-1": true, "l1": true, "iso-latin-1": true,
	"iso-8859-2": true, "iso-8859-15": true, "iso8859-15": true, "latin-9": true, "cp1250": true, "cp1251": true, "cp1252": true,
	"windows-1250": true, "windows-1251": true, "windows-1252": true, "koi8-r": true, "koi8-u": true, "mac-roman": true,
}

// multiByte are encodings of which a character may have a second byte that alone would be ASCII's.
var multiByte = pattern.New(`^(gbk|gb2312|gb18030|cp936|ms936|hz|big5.*|cp950|shift-?jis|sjis|cp932|ms932|euc-?(kr|jp|cn|tw)|cp949|johab)$`)

func latin1(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// wideCharacters puts one character in the place of each pair of bytes.
func wideCharacters(data []byte) string {
	var b strings.Builder
	for i := 0; i < len(data); i++ {
		if data[i] < utf8.RuneSelf {
			b.WriteByte(data[i])
			continue
		}
		b.WriteRune(utf8.RuneError)
		if i+1 < len(data) && data[i+1] >= 0x30 && data[i+1] != '\n' {
			i++
		}
	}
	return b.String()
}
