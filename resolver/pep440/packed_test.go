package pep440_test

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pep440"
)

func TestPackedVersions(t *testing.T) {
	text := []byte(nil)
	all := []string{"0", "1!2.0a1.post2.dev3+local.1", "1." + strings.Repeat("9", 2000)}
	for _, v := range all {
		text = pep440.MustParse(v).AppendPacked(text)
	}
	rest := string(text)
	for _, want := range all {
		var v pep440.Version
		var ok bool
		if v, rest, ok = pep440.Unpack(rest); !ok || v != pep440.MustParse(want) {
			t.Fatalf("%.40s: %v %v", want, v, ok)
		}
	}
	if rest != "" {
		t.Errorf("%d bytes are left", len(rest))
	}
	for n := range len(text) {
		for part := string(text[:n]); part != ""; {
			var ok bool
			if _, part, ok = pep440.Unpack(part); !ok {
				break
			}
		}
	}
}
