package lockfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSmallDiff gives each package of the examples' locks a new version with new files: only the lines of that package
// change, and as many as there are facts that are new.
func TestSmallDiff(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "examples", "*", Name))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before := strings.Split(string(data), "\n[[package]]\n")
		l, err := Parse(file, data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range l.Packages {
			next := l.clone()
			p := &next.Packages[i]
			for j := range p.Files {
				f := &p.Files[j]
				f.Name = strings.Replace(f.Name, "-"+p.Version+"-", "-"+p.Version+".1-", 1)
				f.SHA256, f.Size = strings.Repeat("0", 64), f.Size+1
			}
			p.Version += ".1"
			after := strings.Split(string(Encode(next)), "\n[[package]]\n")
			if len(after) != len(before) {
				t.Fatalf("%s: %d packages, were %d", file, len(after), len(before))
			}
			for j := range after {
				if j != i+1 && after[j] != before[j] {
					t.Errorf("%s: %s %s changes lines of another package", file, p.Name, p.Version)
				}
			}
			changed := 0
			was, is := strings.Split(before[i+1], "\n"), strings.Split(after[i+1], "\n")
			for j := range is {
				if j >= len(was) || is[j] != was[j] {
					changed++
				}
			}
			if want := 1 + 3*len(p.Files); changed > want {
				t.Errorf("%s: %s %s changes %d lines, want %d at most", file, p.Name, p.Version, changed, want)
			}
		}
	}
}
