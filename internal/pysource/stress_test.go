package pysource

import (
	"strings"
	"testing"
	"time"
)

// TestHostile reads files whose pieces open what later ones do not close, in time that grows with their size alone.
func TestHostile(t *testing.T) {
	for _, piece := range []string{"f'{", "f\"{'''", "f'''{f\"\"\"{", "f'{x:{", "'''\"\"\"", "(", "a\\\n", "try:\n ", "x=f'{a", "\\", "f'\\N{", "sys.path.insert(0,", "import_module(", "if 1: ", "lambda:", "[sys.path.append(", "x=os.path.join('a',", "\t\f ", ".", "0x", "1e", "rb'", "é"} {
		src := []byte(strings.Repeat(piece, (1<<20)/len(piece)))
		start := time.Now()
		_, _ = Tokens(src)
		_, _ = Imports(src)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q takes %v", piece, took)
		}
		src = append([]byte("("), src...)
		start = time.Now()
		_, _ = Imports(src)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("(%q takes %v", piece, took)
		}
	}
}
