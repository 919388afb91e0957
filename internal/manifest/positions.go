package manifest

import (
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/tomltext"
)

// positions knows where the keys and values of a TOML document stand.
type positions struct {
	*tomltext.Places
	file string
}

func findPositions(file, src string) *positions {
	return &positions{tomltext.Find(file, src), file}
}

// key is the place of a key, value that of its value; what has no place of its own has its parent's.
func (p *positions) key(path string) diag.Position { return p.Key(path) }

func (p *positions) value(path string) diag.Position { return p.Value(path) }

// inside is the place of a byte within the string that is the value of path.
func (p *positions) inside(path, text string, offset int) diag.Position {
	return p.Inside(path, text, offset)
}

// written is the text at a place.
func written(pos diag.Position) string {
	runes := []rune(pos.Source)
	from := min(max(pos.Col-1, 0), len(runes))
	return string(runes[from:min(from+pos.Width, len(runes))])
}

func join(prefix, part string) string { return tomltext.Join(prefix, part) }
