package apt

import (
	"fmt"
	"strings"
)

// paragraph is one stanza of a deb822 file: values by field name in lower case (deb822(5): names are
// case-insensitive). Lines of a folded or multi-line value are joined by newlines, without their first blank.
type paragraph map[string]string

// parseControl reads all stanzas of a deb822(5) text. Comments are allowed. A line that is neither field
// nor continuation, or a field that is there twice, is an error that names the line.
func parseControl(text string) ([]paragraph, error) {
	var all []paragraph
	var p paragraph
	field := ""
	var lines strings.Builder // of the field, if it has several: a Release has thousands
	end := func() {
		if lines.Len() > 0 {
			p[field] = lines.String()
			lines.Reset()
		}
	}
	for n := 1; text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
			end()
			p, field = nil, ""
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if field == "" {
				return nil, fmt.Errorf("line %d continues no field", n)
			}
			if lines.Len() == 0 {
				lines.WriteString(p[field])
			}
			lines.WriteByte('\n')
			lines.WriteString(line[1:])
		default:
			name, value, ok := strings.Cut(line, ":")
			if !ok || name == "" || strings.ContainsAny(name, " \t") {
				return nil, fmt.Errorf("line %d is no field", n)
			}
			end()
			field = strings.ToLower(name)
			if p == nil {
				p = paragraph{}
				all = append(all, p)
			}
			if _, twice := p[field]; twice {
				return nil, fmt.Errorf("line %d: field %s is there twice", n, name)
			}
			p[field] = strings.TrimLeft(value, " \t")
		}
	}
	end()
	return all, nil
}
