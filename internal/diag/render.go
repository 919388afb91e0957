package diag

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"
)

// Render writes err as the command prints it on stderr: "envpack: " and the error, the source line
// with a caret where one is known and no address on the line holds a secret, then one "hint: " line per hint. Colour is for
// the caller.
func Render(w io.Writer, err error) error {
	var b strings.Builder
	b.WriteString("envpack: ")
	b.WriteString(Clean(inPlace(err)))
	b.WriteString("\n")
	if pos := PositionOf(err); pos.Source != "" && Redact(pos.Source) == pos.Source {
		writeCaret(&b, pos)
	}
	for _, h := range HintsOf(err) {
		b.WriteString("hint: ")
		b.WriteString(Clean(h))
		b.WriteString("\n")
	}
	_, werr := io.WriteString(w, b.String())
	return werr
}

// inPlace is an error's text with the place that is nearest to the cause at its beginning, where people and editors look for it,
// and not behind what was being done.
func inPlace(err error) string {
	text := err.Error()
	pos := PositionOf(err)
	if pos.IsZero() {
		return text
	}
	place := pos.String() + ": "
	before, after, found := strings.Cut(text, place)
	if !found || before == "" || strings.Contains(before, "\n") {
		return text
	}
	return place + before + after
}

// Clean makes a message fit to be printed. It replaces what could move a terminal's cursor or change it: texts of others,
// such as the names of an index's files, get into messages. And it takes out secrets as [Redact] does, since messages end up
// in logs.
func Clean(s string) string {
	s = Redact(s)
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) {
			return r
		}
		return '?'
	}, s)
}

// maxSource is the longest source line that is shown, in characters.
const maxSource = 240

// writeCaret shows the source line and underlines the place. Tabs are kept in the caret's
// indentation, so that it stands below the right character whatever their width.
func writeCaret(b *strings.Builder, pos Position) {
	line := []rune(pos.Source)
	if len(line) > maxSource || pos.Col > maxSource {
		return // nobody finds a place in such a line by eye
	}
	for i, r := range line {
		if r != '\t' && !unicode.IsPrint(r) {
			line[i] = '\uFFFD' // one for one, so that columns stay; a terminal must not obey a file
		}
	}
	b.WriteString("    ")
	b.WriteString(string(line))
	b.WriteString("\n")
	if pos.Col < 1 {
		return
	}
	b.WriteString("    ")
	for i, r := range line {
		if i >= pos.Col-1 {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteRune(' ')
		}
	}
	b.WriteString(strings.Repeat("^", max(pos.Width, 1)))
	b.WriteString("\n")
}

// RenderJSON writes err as one JSON object: error, code, file, line, column, hints, changes.
func RenderJSON(w io.Writer, err error) error {
	pos := PositionOf(err)
	hints := HintsOf(err)
	for i, h := range hints {
		hints[i] = Redact(h)
	}
	out := struct {
		Error string   `json:"error"`
		Code  Code     `json:"code"`
		File  string   `json:"file,omitempty"`
		Line  int      `json:"line,omitempty"`
		Col   int      `json:"column,omitempty"`
		Hints []string `json:"hints,omitempty"`

		Changes []Change `json:"changes,omitempty"`
	}{Redact(inPlace(err)), CodeOf(err), pos.File, pos.Line, pos.Col, hints, ChangesOf(err)}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
