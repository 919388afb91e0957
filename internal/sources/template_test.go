package sources

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/manifest"
)

func TestTemplates(t *testing.T) {
	found, err := Find(machine(t, "", nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := found.Variant("pytorch", "cu126"); !strings.HasPrefix(got, "https://") || !strings.HasSuffix(got, "/whl/cu126/") {
		t.Errorf("the well-known address is %s", got)
	}
	if got := found.Variant("other", "cu126"); got != "" {
		t.Errorf("an index that nobody knows is at %s", got)
	}
	for _, known := range manifest.Templates {
		if found.Variant(known.Name, "cpu") == "" {
			t.Errorf("nobody knows where %s is", known.Name)
		}
	}

	h := machine(t, "-- home/.config/envpack/config.toml --\n[templates]\npytorch = \"https://me:secret@mirror.example/whl/\"\n", nil)
	if found, err = Find(h, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := found.Variant("pytorch", "cpu"); got != "https://mirror.example/whl/cpu/" {
		t.Errorf("the mirror is %s", got)
	}
	if user, password, ok := found.Credentials("mirror.example"); !ok || user != "me" || password != "secret" {
		t.Errorf("the mirror's credentials are %s, %s", user, password)
	}

	h = machine(t, "-- home/.config/envpack/config.toml --\n[templates]\ntorch = \"https://mirror.example/whl\"\n", nil)
	if _, err = Find(h, Options{}); err == nil || !strings.Contains(err.Error(), "no index is known by the name torch") {
		t.Error(err)
	}
}
