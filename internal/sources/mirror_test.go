package sources

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
)

func TestMirrors(t *testing.T) {
	h := machine(t, `
-- home/.config/envpack/config.toml --
[files]
"https://models.example/" = "https://mirror.example/m"
"https://models.example/big" = "https://me:secret@other.example/"
"http://plain.example/a" = "https://mirror.example/a/"
`, nil)
	s, err := Find(h, Options{Mirrors: []string{"https://models.example/flag/=https://flag.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"https://models.example/x/a.bin":      "https://mirror.example/m/x/a.bin",
		"https://models.example/x/a.bin?v=1":  "https://mirror.example/m/x/a.bin?v=1",
		"https://models.example/big":          "https://other.example",
		"https://models.example/big/a.bin":    "https://other.example/a.bin",
		"https://models.example/bigger/a.bin": "https://mirror.example/m/bigger/a.bin",
		"https://models.example.org/a.bin":    "https://models.example.org/a.bin",
		"https://models.example/flag/a":       "https://flag.example/a",
		"http://plain.example/a/b":            "https://mirror.example/a/b",
		"http://plain.example/ab":             "http://plain.example/ab",
		"https://plain.example/a/b":           "https://plain.example/a/b",
		"":                                    "",
	} {
		if got := s.Mirrored(from); got != want {
			t.Errorf("%s is asked at %s, want %s", from, got, want)
		}
		if line := s.DescribeMirror(from); (line != "") != (want != from) || strings.Contains(line, "secret") {
			t.Errorf("%s: %q", from, line)
		}
	}
	if user, password, ok := s.Credentials("other.example"); !ok || user != "me" || password != "secret" {
		t.Errorf("credentials %q %q %t", user, password, ok)
	}
}

func TestMirrorErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[files]` + "\n" + `"models.example/" = "https://mirror.example/"`:            "no http or https address",
		`[files]` + "\n" + `"https://models.example/" = "mirror"`:                     "no http or https address",
		`[files]` + "\n" + `"https://models.example/" = ""`:                           "has no address",
		`[files]` + "\n" + `"https://a:b@models.example/" = "https://mirror.example"`: "has a user",
	} {
		_, err := Find(machine(t, "-- home/.config/envpack/config.toml --\n"+text+"\n", nil), Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, flag := range []string{"https://models.example/", "=https://mirror.example/", "models=https://mirror.example/", "https://a.example/=b"} {
		_, err := Find(machine(t, "-- home/x --\n", nil), Options{Mirrors: []string{flag}})
		if diag.CodeOf(err) != diag.Usage {
			t.Errorf("--file-mirror %s: %v", flag, err)
		}
	}
}
