package manifest

import (
	"math/rand"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// TestTagPushes holds that what pushes images takes every tag that is accepted here. It takes more:
// what registries refuse.
func TestTagPushes(t *testing.T) {
	pieces := []string{"a", "B", "0", ".", "-", "_", "/", ":", "__", "localhost", "r.example", ":5000", "/a", "@", "[::1]:1/", " "}
	r := rand.New(rand.NewSource(1))
	accepted := 0
	for range 100_000 {
		tag := ""
		for range 1 + r.Intn(7) {
			tag += pieces[r.Intn(len(pieces))]
		}
		if !checkTag(tag) {
			continue
		}
		accepted++
		if _, err := name.NewTag(tag); err != nil {
			t.Errorf("%q: %v", tag, err)
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d tags were tried", accepted)
	}
}
