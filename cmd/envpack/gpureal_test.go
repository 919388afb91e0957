package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
)

// TestRealCUDABases reads real wheels for what they ask of the base, and holds what is said of it: each is locked on a named
// distribution, which may not be replaced, and again, without a look at the large wheels, with the requirement that is proposed instead.
func TestRealCUDABases(t *testing.T) {
	testenv.Real(t, "an index and a Debian mirror")
	x := newTools(t)
	for _, c := range []struct {
		requires    string
		asks, image string
		instead     string // a requirement that the error proposes and that resolves; "": none
	}{
		{"xgboost==3.0.5", "", "", ""},
		{"cupy-cuda12x==14.2.0", "libcufft.so.11, libnvrtc.so.12, libcublas.so.12, libcurand.so.10 and 2 more for cupy-cuda12x 14.2.0", "nvidia/cuda:12.9.1-runtime-ubuntu24.04", "cupy-cuda12x[ctk]"},
		{"ctranslate2==4.8.5", "libcublas.so.12 for ctranslate2 4.8.5", "nvidia/cuda:12.9.1-runtime-ubuntu24.04", "nvidia-cublas-cu12"},
	} {
		lock := func(scan string, requires ...string) (string, error) {
			x.write(t, "demo", map[string]string{"envpack.toml": "[project]\nname = \"demo\"\npython = \"3.11\"\ndependencies = [\"" + strings.Join(requires, `", "`) + "\"]\n" +
				"[system]\ndistro = \"debian:12\"\npockets = [\"release\"]\n[gpu]\n"})
			cmd := exec.Command("envpack", "lock", "--dry-run", scan)
			cmd.Dir, cmd.Env = filepath.Join(x.dir, "demo"), x.env
			text, err := cmd.CombinedOutput()
			return string(text), err
		}
		text, err := lock("--no-scan=false", c.requires)
		if c.asks == "" {
			if err != nil {
				t.Errorf("%s: %v\n%s", c.requires, err, text)
			}
			continue
		}
		for _, want := range []string{": " + c.asks + "\n", "hint: require " + c.instead, `"` + c.image + `"`} {
			if err == nil || !strings.Contains(text, want) {
				t.Errorf("%s: want %q: %v\n%s", c.requires, want, err, text)
			}
		}
		if text, err := lock("--no-scan", c.requires, c.instead); err != nil {
			t.Errorf("with %s: %v\n%s", c.instead, err, text)
		}
	}
}
