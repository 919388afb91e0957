package diag

import (
	"bytes"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:s3cret@h.example/p":                                    "https://h.example/p",
		"two: 'https://s3cret@h.example', http://u:s3@cret@h/":            "two: 'https://h.example', http://h/",
		"https://u:s3'cret@h.example/p":                                   "https://h.example/p",
		"https://u:s3#cret@h.example/p":                                   "https://h.example/p",
		"https://u:s3?c/ret@h.example/p":                                  "https://h.example/p",
		"git+https://u:s3/cret@h.example/r@v1":                            "git+https://v1",
		"https://h.example:8080/r@v1 http://[::1]:80/r@v1":                "https://h.example:8080/r@v1 http://[::1]:80/r@v1",
		"git+ssh://git@h.example/r@v1":                                    "git+ssh://git@h.example/r@v1",
		"ssh://git:s3cret@h.example/r":                                    "ssh://h.example/r",
		"https://h.example/r@v1?x=1#sha256=00":                            "https://h.example/r@v1?x=1#sha256=00",
		"https://h.example/a.whl?X-Amz-Date=1&X-Amz-Signature=s3cret&x=2": "https://h.example/a.whl?X-Amz-Date=1&X-Amz-Signature=...&x=2",
		"https://h.example/a?private_token=s3cret.":                       "https://h.example/a?private_token=...",
		"https://h.example/a?sv=1&sig=s3%2Bcret#sha256=00":                "https://h.example/a?sv=1&sig=...#sha256=00",
		"https://h.example/a?Key-Pair-Id=s3cret&Policy=x; next":           "https://h.example/a?Key-Pair-Id=...&Policy=x; next",
		"user@h.example":                                                  "user@h.example",
		"https://h.example/?key=":                                         "https://h.example/?key=",
		"https://h.example/?monkey=1&keyword=2&signal=3&design=4":         "https://h.example/?monkey=1&keyword=2&signal=3&design=4",
	} {
		got := Redact(in)
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if again := Redact(got); again != got {
			t.Errorf("%q: %q the second time", got, again)
		}
	}
	if name := SecretParameter("a=1&X-Amz-Credential=2"); name != "X-Amz-Credential" {
		t.Error(name)
	}
	if name := SecretParameter("download=1&token="); name != "" {
		t.Error(name)
	}
}

func TestStrip(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:s3cret@h.example/a.whl?x=1&token=s3cret&y=2#sha256=00": "https://h.example/a.whl?x=1&y=2#sha256=00",
		"https://h.example/a.whl?sig=s3cret":                              "https://h.example/a.whl",
		"https://h.example/a%2Bb.whl?x=1;token=s3cret":                    "https://h.example/a%2Bb.whl",
		"https://u:s3%zzcret@h.example/":                                  "https://h.example/",
	} {
		if got := Strip(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestRenderSecret lets no secret through in what is printed, wherever it stands.
func TestRenderSecret(t *testing.T) {
	const address = "https://user:s3cret@h.example/a?token=s3cret"
	err := New(Fetch, "asking %s", address).Hint("see %s", address).
		At(Position{File: "f", Line: 1, Col: 1, Source: `url = "` + address + `"`})
	var text, object bytes.Buffer
	if Render(&text, err) != nil || RenderJSON(&object, err) != nil {
		t.Fatal("cannot be rendered")
	}
	for _, out := range []string{text.String(), object.String()} {
		if strings.Contains(out, "s3cret") || !strings.Contains(out, "https://h.example/a?token=...") {
			t.Error(out)
		}
	}
}
