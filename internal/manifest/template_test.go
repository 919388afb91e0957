package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTemplates(t *testing.T) {
	for _, c := range []struct{ tables, want, fails string }{
		{"[[index]]\nname = \"pytorch\"\n", "cpu", ""},
		{"[[index]]\nname = \"pytorch\"\nvariant = \"cu126\"\n", "cu126", ""},
		{"[[index]]\nname = \"pytorch\"\nvariant = \"rocm6.4\"\n", "rocm6.4", ""},
		{"[[index]]\nname = \"pytorch\"\n[gpu]\ncuda = \"12.6\"\n", "cu126", ""},
		{"[[index]]\nname = \"pytorch\"\n[gpu]\ncuda = \"13.9\"\n", "cu139", ""}, // newer than the list
		{"[[index]]\nname = \"pytorch\"\n[gpu]\ncuda = \">=12.6,<13\"\n", "cu129 cu128 cu126", ""},
		{"[[index]]\nname = \"pytorch\"\n[gpu]\ncuda = \"12\"\nmin-driver = \"535\"\n", "cu129 cu128 cu126 cu124 cu121", ""},
		{"[[index]]\nname = \"pytorch\"\n[gpu]\nmin-driver = \"450.80.02\"\n", "cu118 cu117 cu116 cu115 cu113 cu111 cu110 cu102 cu101 cu100 cu92", ""},
		{"[[index]]\nname = \"pytorch\"\nvariant = \"cu126\"\n[gpu]\ncuda = \"13\"\n", "cu126", ""}, // which solving refuses
		{"[[index]]\nname = \"pytorch\"\nvariant = \"../x\"\n", "", `index.variant "../x" is none`},
		{"[[index]]\nname = \"pytorch\"\ndefault = true\n", "", "cannot be the default index"},
		{"[[index]]\nname = \"pytorch\"\nurl = \"https://packages.example/whl\"\n", "", ""}, // an address goes before the name
		{"[[index]]\nname = \"PyTorch\"\n", "", "url and path are missing"},
		{"[[index]]\nname = \"own\"\npath = \"wheels\"\nvariant = \"cpu\"\n", "", "has variants"},
	} {
		dir := t.TempDir()
		text := "[project]\nname = \"demo\"\npython = \"3.11\"\n" + c.tables
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Load(dir, Selection{})
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %s", c.tables, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.tables, err)
			continue
		}
		if got := strings.Join(m.VariantsOf(m.Indexes[0]), " "); got != c.want {
			t.Errorf("%s: variants %s, want %s", c.tables, got, c.want)
		}
		if i := m.Indexes[0]; i.Template && !i.Binds("torchvision") {
			t.Errorf("%s: torchvision may come from elsewhere", c.tables)
		}
	}
}
