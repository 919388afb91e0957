package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/testenv"
)

// verify gives what verify says of an image, and its status.
func (x tools) verify(t *testing.T, args ...string) (report verified, status int) {
	t.Helper()
	cmd := exec.Command(testenv.Tool(t, "envpack"), append([]string{"verify", "--json"}, args...)...)
	cmd.Dir, cmd.Env = x.dir, x.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("verify %v: %v\n%s", args, err, stderr.String())
	}
	return report, status
}

// TestVerifyDigits verifies the digits example in a registry, from an empty store and with bytes that the registry's disk has
// lost, and as skopeo stores it.
func TestVerifyDigits(t *testing.T) {
	testenv.Real(t, "an index, a Debian mirror, docker-registry and skopeo")
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("examples/digits is for linux/amd64")
	}
	x, r := newTools(t), startRegistry(t)
	if err := os.CopyFS(filepath.Join(x.dir, "digits"), os.DirFS(filepath.Join("..", "..", "examples", "digits"))); err != nil {
		t.Fatal(err)
	}
	there := r.host + "/digits:v1"
	x.run(t, "digits", "envpack", "push", "-q", "--tag", there)
	sealed := x.lock(t, "digits").Seals[0]

	whole := func(report verified, status int, state string) {
		t.Helper()
		if status != 0 || !report.Verified || len(report.Images) != 1 {
			t.Fatalf("status %d: %+v", status, report)
		}
		for _, l := range report.Images[0].Layers {
			if state != "" && l.State != state {
				t.Errorf("layer %d is %s, not %s", l.Number, l.State, state)
			}
		}
	}
	report, status := x.verify(t, "--deep", there, "--cache-dir", "empty")
	whole(report, status, verify.Same)
	if f := report.Images[0].Files; f == nil || f.Wheels != 7 || f.Debs < 60 || f.Wheel < 3000 || f.Deb < 4000 || f.Made["dpkg's database"] < 100 {
		t.Errorf("%+v", f)
	}
	report, status = x.verify(t, there, "--project", "digits")
	whole(report, status, verify.Same)

	x.run(t, "", "skopeo", "copy", "-q", "--src-tls-verify=false", "docker://"+there, "docker-archive:skopeo.tar:digits:v1")
	report, status = x.verify(t, "skopeo.tar")
	whole(report, status, verify.Recompressed)
	x.run(t, "", "skopeo", "copy", "-q", "--dest-tls-verify=false", "docker-archive:skopeo.tar", "docker://"+r.host+"/again:v1")
	report, status = x.verify(t, r.host+"/again:v1")
	whole(report, status, "") // skopeo remembers layers that it has seen, and may push these
	if got := strings.TrimSpace(x.run(t, "", "envpack", "build", "-q", "--from", "skopeo.tar", "-o", "oci:again")); got != sealed.Image {
		t.Errorf("built again as %s, not %s", got, sealed.Image)
	}

	file := func(digest string) string {
		hex := strings.TrimPrefix(digest, "sha256:")
		return filepath.Join(r.data, "docker", "registry", "v2", "blobs", "sha256", hex[:2], hex, "data")
	}
	wrong := func(digest string, layer int) {
		t.Helper()
		data, err := os.ReadFile(file(digest))
		if err != nil {
			t.Fatal(err)
		}
		at := len(data) / 3
		data[at] ^= 0x24
		if err := os.WriteFile(file(digest), data, 0o644); err != nil {
			t.Fatal(err)
		}
		report, status := x.verify(t, there)
		if status != 6 || len(report.Images) != 1 || len(report.Images[0].Findings) != 1 {
			t.Errorf("%s: status %d: %+v", digest, status, report)
			return
		}
		f := report.Images[0].Findings[0]
		if f.Layer != layer || f.Byte == nil || f.Byte.Offset != int64(at) {
			t.Errorf("%s, byte %d: %+v", digest, at, f)
		}
		data[at] ^= 0x24
		if err := os.WriteFile(file(digest), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range sealed.Layers {
		if l.Name == "base" || strings.HasPrefix(l.Name, "numpy") || l.Name == "lock" {
			wrong(l.Digest, i+1)
		}
	}
	wrong(report.Images[0].ID, 0)
}
