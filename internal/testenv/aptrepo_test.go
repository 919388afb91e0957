package testenv_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/envpack/envpack/internal/testenv"
)

func example() testenv.DebOptions {
	return testenv.DebOptions{
		Fields:    map[string]string{"Depends": "libc6 (>= 2.36)"},
		Files:     map[string]string{"usr/bin/hello": "#!/bin/sh\necho hello\n", "var/lib/hello/": ""},
		Links:     map[string]string{"usr/bin/hi": "hello"},
		Hardlinks: map[string]string{"usr/bin/also": "usr/bin/hello"},
		Modes:     map[string]uint32{"usr/bin/hello": 0o4755},
		Owners:    map[string][2]int{"var/lib/hello": {0, 42}},
		Members:   map[string]string{"postinst": "#!/bin/sh\n"},
	}
}

// Packed packages are as frozen as the deflate encoder, which has tests of its own.
func TestDebIsFrozen(t *testing.T) {
	o := example()
	o.Uncompress = true
	name, content := testenv.Deb("hello", "1:2.0-1", "amd64", o)
	if name != "hello_2.0-1_amd64.deb" {
		t.Errorf("name %s", name)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != "af4a6e73e96757220950a6c48dc327d08064951764337845885a22f9da335843" {
		t.Errorf("digest %s", got)
	}
}

func TestDebIsReadByDpkg(t *testing.T) {
	dpkg := testenv.Tool(t, "dpkg-deb")
	name, content := testenv.Deb("hello", "1:2.0-1", "amd64", example())
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(dpkg, "--contents", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"-rwsr-xr-x 0/0", "./usr/bin/hi -> hello", "./usr/bin/also link to ./usr/bin/hello", "./var/lib/hello/"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	out, err = exec.Command(dpkg, "--field", file, "Version", "Depends").CombinedOutput()
	if err != nil || string(out) != "Version: 1:2.0-1\nDepends: libc6 (>= 2.36)\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAptRepoIsTheSame(t *testing.T) {
	make := func() *testenv.AptRepo {
		r := testenv.NewAptRepo()
		r.AddDeb("hello", "1:2.0-1", "amd64", example())
		r.AddEmpty("other")
		return r
	}
	a, b := make(), make()
	if a.ArmoredKey() != b.ArmoredKey() {
		t.Error("the keys differ")
	}
	for _, path := range []string{
		"debian/dists/bookworm/InRelease", "debian/dists/bookworm-updates/InRelease", "debian-security/dists/bookworm-security/InRelease",
		"debian/dists/bookworm/main/binary-amd64/Packages.xz", "debian/pool/main/o/other/other_1.0_all.deb",
	} {
		if a.File(path) == nil || !bytes.Equal(a.File(path), b.File(path)) {
			t.Errorf("%s is missing or differs", path)
		}
	}
	if a.File("debian/nothing") != nil {
		t.Error("there is something where nothing should be")
	}
}

// TestAptRepoIsReadByGpgv has another implementation check the signature.
func TestAptRepoIsReadByGpgv(t *testing.T) {
	gpgv := testenv.Tool(t, "gpgv")
	r := testenv.NewAptRepo()
	block, err := armor.Decode(strings.NewReader(r.ArmoredKey()))
	if err != nil {
		t.Fatal(err)
	}
	key, err := io.ReadAll(block.Body)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"key.gpg": key, "InRelease": r.File("debian/dists/bookworm/InRelease")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(gpgv, "--keyring", filepath.Join(dir, "key.gpg"), filepath.Join(dir, "InRelease")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
