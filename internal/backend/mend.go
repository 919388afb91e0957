package backend

import (
	"bytes"

	"github.com/envpack/envpack/internal/pattern"
)

var (
	// lostField is a field that says what is installed together, at the beginning of a line.
	lostField = pattern.New(`(?m)^(?:Requires-Dist|Requires-Python|Provides-Extra): .*$`)
	anyField  = pattern.New(`^[A-Za-z][A-Za-z0-9-]*: `)
)

// mendMetadata mends METADATA whose headers end too early: some releases of setuptools write the line breaks of a value as they are, and
// whatever fields follow are then read by nobody. Lines of such a value are indented, as the format of e-mail has it and older
// releases did, up to the last of the fields that say what a package needs. mended tells whether there was one to save.
func mendMetadata(data []byte) (text []byte, mended bool) {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	lines := bytes.SplitAfter(data, []byte("\n"))
	end := 0 // of the headers, as they are read
	for end < len(lines) && (anyField().Match(lines[end]) || end > 0 && (bytes.HasPrefix(lines[end], []byte(" ")) || bytes.HasPrefix(lines[end], []byte("\t")))) {
		end++
	}
	if end == 0 || end == len(lines) {
		return data, false
	}
	broken := len(bytes.TrimSpace(lines[end])) > 0 // a body begins after an empty line
	last := -1
	for i := end; i < len(lines); i++ {
		if lostField().Match(lines[i]) {
			last = i
		}
	}
	if !broken || last < 0 {
		return data, false
	}
	var out bytes.Buffer
	for i, line := range lines {
		if i >= end && i < last && !anyField().Match(line) {
			out.WriteString("        ")
		}
		out.Write(line)
	}
	return out.Bytes(), true
}
