package pylock

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
)

// TestParseOracle: packaging.pylock and this reader take the same documents.
func TestParseOracle(t *testing.T) {
	var data struct{ Documents [][2]any }
	testenv.Oracle(t, "pylock", &data)
	if len(data.Documents) < 1000 {
		t.Fatalf("%d documents", len(data.Documents))
	}
	wrong := 0
	for _, row := range data.Documents {
		text, valid := row[0].(string), row[1].(bool)
		_, err := Parse("pylock.toml", []byte(text))
		if (err == nil) == valid {
			continue
		}
		if wrong++; wrong <= 10 {
			t.Errorf("valid: %t, but: %v\n%s", valid, err, text)
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d documents are judged otherwise", wrong, len(data.Documents))
	}
}

// TestParseExport: what is written is read, with every package and hash.
func TestParseExport(t *testing.T) {
	l := lock()
	text, err := Export(l, where)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Parse("pylock.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	for _, p := range d.Packages {
		for _, f := range p.Files {
			hashes[f.Name] = p.Name + " " + p.Version + " " + f.SHA256
		}
	}
	n := 0
	for _, p := range l.Packages {
		for _, f := range p.Files {
			n++
			if want := p.Name + " " + p.Version + " " + f.SHA256; hashes[f.Name] != want {
				t.Errorf("%s: %q, want %q", f.Name, hashes[f.Name], want)
			}
		}
	}
	if len(hashes) != n || d.RequiresPython != ">=3.11" || d.Packages[1].Marker == nil {
		t.Errorf("%+v", d)
	}
}

func TestParsePlaces(t *testing.T) {
	for text, want := range map[string]string{
		"lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"A\"\n": "pylock.toml:4:8",
		"lock-version = 1\n":   "pylock.toml:1:16",
		"lock-version = \"1\n": "pylock.toml:1",
		"\x05":                 "pylock.toml:1:1", // the decoder's offset is below zero
		"lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"a\"\n[[packages.wheels]]\nname = \"b-1-py3-none-any.whl\"\nurl = \"u\"\nhashes.sha256 = \"0\"\n": "pylock.toml:5:3",
	} {
		_, err := Parse("pylock.toml", []byte(text))
		if err == nil || !strings.HasPrefix(diag.PositionOf(err).String(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	text, err := Export(lock(), where)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("lock-version = \"1.0\"\ncreated-by = \"x\"\npackages = []\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse("pylock.toml", []byte(text))
		if (d == nil) == (err == nil) {
			t.Fatalf("%v, %v", d, err)
		}
		if err != nil && diag.PositionOf(err).File != "pylock.toml" {
			t.Fatalf("no place: %v", err)
		}
	})
}
