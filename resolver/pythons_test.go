package resolver

import (
	"slices"
	"testing"
)

func TestPythons(t *testing.T) {
	got := Pythons("linux/amd64")
	for _, want := range []string{"3.8", "3.9", "3.10", "3.11", "3.13"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %v", want, got)
		}
	}
	if slices.Contains(got, "3.2") || slices.Index(got, "3.9") > slices.Index(got, "3.10") {
		t.Errorf("%v", got)
	}
}
