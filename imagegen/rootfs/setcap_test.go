//go:build linux

package rootfs

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
)

// TestCapabilitiesAreSetcaps asks setcap itself. It needs root.
func TestCapabilitiesAreSetcaps(t *testing.T) {
	testenv.Real(t, "setcap, as root")
	setcap := testenv.Tool(t, "setcap")
	file := filepath.Join(t.TempDir(), "f")
	for _, c := range capabilityCases {
		if c.want == "" {
			continue // it takes more forms
		}
		if err := os.WriteFile(file, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(setcap, c.text, file).CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", c.text, err, out)
			continue
		}
		value := make([]byte, 64)
		n, err := syscall.Getxattr(file, "security.capability", value)
		if got := hex.EncodeToString(value[:max(n, 0)]); err != nil || got != c.want {
			t.Errorf("%q: %s, %v, want %s", c.text, got, err, c.want)
		}
	}
}
