package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/smoke"
)

// TestSmokeReal imports real packages in real bases, and holds what is offered where that fails to what is known to help.
func TestSmokeReal(t *testing.T) {
	testenv.Real(t, "an index, mirrors of Debian and Ubuntu, and bubblewrap")
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the projects are for linux/amd64")
	}
	testenv.Tool(t, "bwrap")
	x := newTools(t)
	for _, test := range []struct {
		name, manifest string
		imported       []string
		changes        []smoke.Change // of all findings, without the versions that were chosen
	}{
		{"digits", "python = \"3.11\"\ndependencies = [\"scikit-learn>=1.5\"]\n", []string{"sklearn"}, nil},
		{"opencv", "python = \"3.11\"\ndependencies = [\"opencv-python==4.9.0.80\", \"numpy<2\"]\n[system]\ndistro = \"debian:12\"\nauto = false\n[smoke]\nimports = [\"yaml\", \"tkinter\"]\n",
			[]string{"numpy"}, []smoke.Change{
				{Kind: smoke.AddSystem, Package: "libgl1"}, {Kind: smoke.AddSystem, Package: "libglib2.0-0"},
				{Kind: smoke.AddPackage, Package: "pyyaml"}, {Kind: smoke.AddSystem, Package: "python3-tk"},
			}},
		{"flask", "python = \"3.8\"\ndependencies = [\"flask==1.1.2\", \"pandas==1.0.5\"]\nas-of = 2023-06-01\n", nil, []smoke.Change{
			{Kind: smoke.Constrain, Package: "jinja2", Bound: "<=3.0.3"}, {Kind: smoke.Constrain, Package: "itsdangerous", Bound: "<=2.0.1"},
			{Kind: smoke.Constrain, Package: "werkzeug", Bound: "<=2.0.3"}, {Kind: smoke.Constrain, Package: "numpy", Bound: "<=1.23.5"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(x.dir, "smoke-"+test.name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "envpack.toml"), []byte("[project]\nname = \"demo\"\n"+test.manifest), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(testenv.Tool(t, "envpack"), "lock", "--smoke", "--json")
			cmd.Dir, cmd.Env = dir, x.env
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			var exit *exec.ExitError
			status := 0
			if errors.As(err, &exit) {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 0, false: 8}[test.changes == nil]; status != want {
				t.Fatalf("status %d, want %d: %s", status, want, stderr.String())
			}
			var got smoked
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var imported []string
			for _, m := range got.Platforms[0].Modules {
				if m.Result == smoke.Imported {
					imported = append(imported, m.Module)
				}
			}
			if !slices.Equal(imported, test.imported) {
				t.Errorf("imported %q, want %q", imported, test.imported)
			}
			changes := got.Platforms[0].Changes
			for i := range changes {
				changes[i].Version = ""
			}
			if !slices.Equal(changes, test.changes) || len(got.Platforms[0].Left) > 0 {
				t.Errorf("offered %+v, want %+v; %v cannot be imported with them", changes, test.changes, got.Platforms[0].Left)
			}
		})
	}
}
