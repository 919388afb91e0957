package templates

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/manifest"
)

// TestLoad reads each template as a manifest, as it is and with every comment that is a setting made
// one, so that what it proposes works as well.
func TestLoad(t *testing.T) {
	for _, name := range append(Names(), PyProject) {
		for _, data := range []Data{
			{Name: "digits"},
			{Name: "My.Project_2", Python: ">=3.11,<3.12", Requirements: []string{"requirements.txt"}, Include: []string{"src", `a"b\c`}, Command: []string{"python", "-m", "x"}},
		} {
			text, err := Render(name, data)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "\n\n\n") || !strings.HasSuffix(string(text), "\n") {
				t.Errorf("%s has stray lines:\n%s", name, text)
			}
			for _, settings := range []bool{false, true} {
				m, err := load(t, name, string(text), settings)
				if err != nil {
					t.Errorf("%s: %v\n%s", name, err, text)
					continue
				}
				if m.Name != data.Name || len(data.Command) != len(m.Image.Command) && !settings {
					t.Errorf("%s: %+v", name, m)
				}
				if settings && (m.Image.Tag == "" || len(m.Image.Command) == 0 || len(m.Image.Include) == 0 || m.GPU == nil) {
					t.Errorf("%s proposes too little: %+v", name, m.Image)
				}
			}
		}
	}
}

func load(t *testing.T, name, text string, settings bool) (*manifest.Manifest, error) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"requirements.txt": "numpy\n", manifest.FileName: text}
	if settings {
		files[manifest.FileName] = uncomment(text)
	}
	if name == PyProject {
		project := "[project]\nname = \"digits\"\nrequires-python = \">=3.10\"\n[dependency-groups]\ntrain = [\"torch\"]\n\n"
		if strings.Contains(text, "my.project_2") {
			project = strings.Replace(project, "digits", "My.Project_2", 1)
		}
		files[manifest.PyProject] = project + files[manifest.FileName]
		delete(files, manifest.FileName)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return manifest.Load(dir, manifest.Selection{})
}

// uncomment takes the comment sign from lines that are TOML behind it.
func uncomment(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(rest, "[") || strings.Contains(rest, " = ")) {
			lines[i] = rest
		}
	}
	return strings.Join(lines, "\n")
}

func TestErrors(t *testing.T) {
	if _, err := Render("jax", Data{Name: "x"}); err == nil || !strings.Contains(err.Error(), `no template "jax": there is default, torch`) {
		t.Errorf("%v", err)
	}
	if _, err := Render(Default, Data{Name: "a\nb"}); err == nil {
		t.Error("a name with a line end is accepted")
	}
}
