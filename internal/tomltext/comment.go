package tomltext

import "strings"

// Comment puts lines above the one that a key begins, with its indentation. ok is false if the key does not begin a line.
func Comment(text, path string, lines []string) (edited string, ok bool) {
	key, ok := Find("", text).keys[path]
	if !ok || !ownLine(text, key.from) {
		return "", false
	}
	at := lineStart(text, key.from)
	var above strings.Builder
	for _, line := range lines {
		above.WriteString(indentAt(text, at) + line + newline(text))
	}
	return text[:at] + above.String() + text[at:], true
}
