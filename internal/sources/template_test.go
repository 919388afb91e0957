package sources

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/manifest"
)

// TestKnownByName holds that an extra index of the form of PyTorch's is proposed by its name, and no more where the manifest has it.
func TestKnownByName(t *testing.T) {
	for variant, want := range map[string]string{"none": "\n    [[index]]\n    name = \"pytorch\"\n    variant = \"cu126\"", "": "", "cu126": "", "cu121": "variant = \"cu126\""} {
		h := machine(t, "", map[string]string{"PIP_EXTRA_INDEX_URL": "https://mirror.example/whl/cu126"})
		var o Options
		if variant != "none" {
			o.Indexes = []manifest.Index{{Name: "pytorch", Template: true, Variant: variant}}
		}
		s, err := Find(h, o)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range s.Warnings {
			got += w.String()
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("variant %q: %q, want %q", variant, got, want)
		}
	}
}
