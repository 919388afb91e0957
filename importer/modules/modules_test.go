package modules

import (
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/resolver/pep508"
)

func TestStandard(t *testing.T) {
	for _, c := range []struct {
		module, python string
		want           bool
	}{
		{"os", "3.8", true}, {"os.path", "2.7", true}, {"numpy", "3.8", false}, {"dataclasses", "3.6", false}, {"dataclasses", "3.7.16", true},
		{"asyncore", "3.11", true}, {"asyncore", "3.12", false}, {"distutils", "3.13", false}, {"cPickle", "2.7", true}, {"cPickle", "3.6", false},
		{"xml.etree.ElementTree", "3.14", true}, {"_ctypes", "3.6", true}, {"winreg", "3.10", true}, {"queue", "3.3", true}, {"tomllib", "3.15", true},
	} {
		if got := Standard(c.module, c.python); got != c.want {
			t.Errorf("%s in %s: got %v", c.module, c.python, got)
		}
	}
	for module, want := range map[string]string{"dataclasses": "3.7 and later", "imp": "2.7 to 3.11", "cPickle": "2.7", "numpy": "", "os": "2.7 and later"} {
		if got := EverStandard(module); got != want {
			t.Errorf("%s: got %q, want %q", module, got, want)
		}
	}
}

func TestPackages(t *testing.T) {
	for module, want := range map[string]string{
		"cv2": "opencv-python", "PIL.Image": "pillow", "google.protobuf.message": "protobuf", "google": "", "ruamel.yaml": "ruamel-yaml", "numpy": "", "tree": "dm-tree",
	} {
		got := ""
		if list := Packages(module); len(list) > 0 {
			got = list[0]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", module, got, want)
		}
	}
	if Elsewhere("apex.amp") == "" || Elsewhere("numpy") != "" {
		t.Error("what is had elsewhere")
	}
	if !Generic("utils.data") || Generic("numpy") {
		t.Error("generic names")
	}
}

// TestFacts holds the table to its form: sources, normalised names, no module twice, none that Python has at all times.
func TestFacts(t *testing.T) {
	var raw struct {
		Generic []string
		Mapping []struct {
			Source  string
			Modules map[string][]string
		}
		Elsewhere []struct{ Module, From, Source string }
	}
	if _, err := toml.Decode(factsText, &raw); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range raw.Mapping {
		if m.Source == "" {
			t.Error("a mapping has no source")
		}
		for module, packages := range m.Modules {
			if seen[module] || Standard(module, "2.7") && Standard(module, "3.12") {
				t.Errorf("%s stands there twice, or is Python's", module)
			}
			seen[module] = true
			for _, p := range packages {
				if pep508.NormalizeName(p) != p {
					t.Errorf("%s: %s is not normalised", module, p)
				}
			}
		}
	}
	for _, e := range raw.Elsewhere {
		if e.From == "" || e.Source == "" || seen[e.Module] {
			t.Errorf("%+v", e)
		}
	}
	if !slices.IsSorted(raw.Generic) {
		t.Errorf("not sorted: %s", strings.Join(raw.Generic, " "))
	}
}
