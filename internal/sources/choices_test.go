package sources

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChoices has what decides versions for other tools be told, with lines for the manifest.
func TestChoices(t *testing.T) {
	h := machine(t, `
-- home/.config/pip/pip.conf --
[global]
constraint = bounds.txt
pre = no
-- home/.config/uv/uv.toml --
exclude-newer = "2024-01-01T00:00:00Z"
prerelease = "disallow"
constraint-dependencies = ["numpy<2"]
override-dependencies = ["torch==2.1; python_version < '3.12'"]
`, map[string]string{
		"PIP_CONSTRAINT": "https://me:secret@files.example/c.txt", "PIP_PRE": "1", "UV_PRERELEASE": "if-necessary", "UV_EXCLUDE_NEWER": "2024-05-01",
	})
	s, err := Find(h, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range s.Warnings {
		got = append(got, short(h, w.String()))
	}
	const machine, write = " has no effect, since the lock must not depend on the machine\n", "if it is to hold for the project, write into the manifest:\n    "
	want := []string{
		"PIP_CONSTRAINT: the constraint https://files.example/c.txt" + machine + write + "[constraints]\n    NAME = \"<2\"  # each of its bounds",
		"home/.config/pip/pip.conf:2: the constraint bounds.txt" + machine + write + "[constraints]\n    NAME = \"<2\"  # each of its bounds",
		"PIP_PRE: the choice of pre-releases" + machine + write + "[resolver]\n    prereleases = \"allow\"",
		"UV_EXCLUDE_NEWER: the date 2024-05-01" + machine + write + "[project]\n    as-of = \"2024-05-01\"",
		"home/.config/uv/uv.toml:3: the constraint numpy<2" + machine + write + "[constraints]\n    numpy = \"<2\"",
		"home/.config/uv/uv.toml:4: the override torch==2.1; python_version < '3.12'" + machine + write + "[overrides]\n    NAME = \"<2\"  # each of its bounds",
		"home/.config/uv/uv.toml:1: the date 2024-01-01T00:00:00Z" + machine + write + "[project]\n    as-of = \"2024-01-01T00:00:00Z\"",
		"home/.config/uv/uv.toml:2: the choice of pre-releases" + machine + write + "[resolver]\n    prereleases = \"disallow\"",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
