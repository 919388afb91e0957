package resolver

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/resolver/direct"
	"github.com/envpack/envpack/resolver/pep440"
)

func TestIsPlain(t *testing.T) {
	for address, want := range map[string]bool{
		"http://files.example/a.whl": true, "HTTP://files.example/a.whl": true, "git://git.example/r": true, "http://192.0.2.1/a.whl": true,
		"https://files.example/a.whl": false, "ssh://git@git.example/r": false, "file:///srv/r": false, "": false,
		"http://localhost:80/a.whl": false, "http://127.0.0.1/a.whl": false, "git://[::1]/r": false,
	} {
		if got := isPlain(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// What several targets have in common is told once, always in the same order.
func TestWarnUnhashed(t *testing.T) {
	version := pep440.MustParse("1")
	s := &solved{versions: map[string]pep440.Version{}, provider: &provider{met: map[string]*release{}}}
	for name, d := range map[string]direct.Reference{
		"a": {Git: "http://git.example/a"}, "b": {Git: "git://git.example/b", Revision: "v1"}, "c": {URL: "http://files.example/c.zip"}, "d": {URL: "https://files.example/d.zip"},
	} {
		s.versions[name] = version
		s.provider.met[name] = &release{direct: &reference{Reference: d}, found: &Referenced{Hashed: true}, candidates: []*candidate{{version: version, settled: &undecided}}}
	}
	var got []string
	warnUnhashed([]*solved{s, s}, func(text string) { got = append(got, text) })
	const rest = ": what the lock says of it is what the network gave"
	want := []string{
		"a came without encryption (git+http://git.example/a)" + rest,
		"b came without encryption (git+git://git.example/b@v1)" + rest,
		"c came without encryption (http://files.example/c.zip)" + rest,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
