package sources

import (
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// ini is a file in the form of Python's configparser, which pip uses: settings by section and key.
// Keys are in lower case.
type ini map[string]map[string]setting

// parseINI reads such a file (configparser, Supported INI File Structure, with its defaults: "="
// and ":" separate, lines that begin with "#" or ";" are comments, deeper indented lines go on).
func parseINI(file, text string) (ini, error) {
	out := ini{}
	var section map[string]setting
	key, keyIndent := "", 0
	for i, raw := range strings.Split(text, "\n") {
		line := strings.TrimRight(raw, " \t\r")
		trimmed := strings.TrimLeft(line, " \t")
		indent := len(line) - len(trimmed)
		pos := place(file, i+1, indent+1, line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case key != "" && indent > keyIndent:
			s := section[key]
			s.value = strings.TrimPrefix(s.value+"\n"+trimmed, "\n")
			section[key] = s
		case trimmed[0] == '[':
			end := strings.LastIndexByte(trimmed, ']')
			if end < 2 {
				return nil, diag.New(diag.Failure, "no section header").At(pos)
			}
			name := trimmed[1:end]
			if out[name] == nil {
				out[name] = map[string]setting{}
			}
			section, key = out[name], ""
		case section == nil:
			return nil, diag.New(diag.Failure, "a setting before the first section").At(pos)
		default:
			at := strings.IndexAny(trimmed, "=:")
			if at < 1 {
				return nil, diag.New(diag.Failure, "neither section nor setting").At(pos)
			}
			key, keyIndent = strings.ToLower(strings.TrimSpace(trimmed[:at])), indent
			section[key] = setting{strings.TrimSpace(trimmed[at+1:]), lineOf(pos), pos}
		}
	}
	return out, nil
}
