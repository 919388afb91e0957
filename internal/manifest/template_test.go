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

// TestTemplateAddress holds that a requirements file may name the index that the manifest names, and no other variant of it.
func TestTemplateAddress(t *testing.T) {
	const named, main = "[[index]]\nname = \"pytorch\"\n", "[[index]]\nname = \"main\"\ndefault = true\nurl = \"https://a.example/simple/\"\n"
	for _, c := range []struct {
		tables, line string
		fine         bool
	}{
		{named + "variant = \"cu121\"\n", "--extra-index-url https://a.example/whl/cu121/", true},
		{named + "variant = \"cu121\"\n", "--index-url https://a.example/whl/cu121", true},
		{named + "variant = \"cu121\"\n", "-f https://a.example/whl/cu121/torch_stable.html", true},
		{named + "variant = \"cu121\"\n", "-f https://a.example/whl/torch_stable.html", true},
		{named + "variant = \"cu121\"\n", "--extra-index-url https://a.example/whl/cu126", false},
		{named, "--extra-index-url https://a.example/whl/cpu", true},
		{named, "--extra-index-url https://a.example/whl/cu126", false},
		{named + "[gpu]\ncuda = \"12.6\"\n", "--extra-index-url https://a.example/whl/cu126", true},
		{named + "[gpu]\ncuda = \"12\"\n", "--extra-index-url https://a.example/whl/cu126", false}, // which may not be the one
		{named + "variant = \"cu121\"\n", "--extra-index-url https://a.example/whl/nightly/cu121", false},
		{"", "--extra-index-url https://a.example/whl/cu121", false},
		{main, "--index-url https://a.example/simple", true},
		{main, "--extra-index-url https://a.example/simple", false},
		{"[[index]]\nname = \"own\"\nurl = \"https://a.example/own/\"\npackages = [\"own-*\"]\n", "--extra-index-url https://a.example/own/", true},
		{"[[index]]\nname = \"own\"\nurl = \"https://a.example/own/\"\npackages = [\"own-*\"]\n", "--index-url https://a.example/own/", false},
	} {
		dir := t.TempDir()
		text := "[project]\nname = \"demo\"\npython = \"3.11\"\nrequirements = [\"requirements.txt\"]\n" + c.tables
		for name, content := range map[string]string{FileName: text, "requirements.txt": c.line + "\ntorch\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Load(dir, Selection{}); (err == nil) != c.fine {
			t.Errorf("%s%s: %v, want fine: %v", c.tables, c.line, err, c.fine)
		}
	}
}
