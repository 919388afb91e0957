package rootfs

import (
	"crypto/md5"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

func TestAccounts(t *testing.T) {
	tree := mustAssemble(t, fakeBase()...)
	for p, want := range map[string]string{
		"etc/passwd":  "root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\napp:x:1000:1000::/home/app:/bin/bash\n",
		"etc/group":   "root:x:0:\nshadow:x:42:\napp:x:1000:\n",
		"etc/shadow":  "root:*::0:99999:7:::\n_apt:*::0:99999:7:::\napp:!::0:99999:7:::\n",
		"etc/gshadow": "root:*::\nshadow:*::\napp:!::\n",
		"etc/subuid":  "",
	} {
		if diff := cmp.Diff(want, tree.text(t, p)); diff != "" {
			t.Errorf("/%s: %s", p, diff)
		}
	}
	if e := tree.entry(t, "etc/shadow"); e.Mode != 0o640 || e.UID != 0 || e.GID != 42 {
		t.Errorf("/etc/shadow is %o, of %d:%d", e.Mode, e.UID, e.GID)
	}
	for _, p := range []string{"home/app", "home/app/.cache", "home/app/.config", "home/app/.local"} {
		if e := tree.entry(t, p); e.UID != AppID || e.GID != 0 || e.Mode != 0o775 {
			t.Errorf("/%s is %o, of %d:%d", p, e.Mode, e.UID, e.GID)
		}
	}
	if e := tree.entry(t, "home/app/.bashrc"); e.UID != AppID || e.GID != AppID {
		t.Errorf("/home/app/.bashrc is of %d:%d", e.UID, e.GID)
	}
	if e := tree.entry(t, "etc/skel/.bashrc"); e.UID != 0 {
		t.Errorf("the skeleton became the user's")
	}
}

func TestAccountsWithoutMasters(t *testing.T) {
	tree := mustAssemble(t, deb("a", testenv.DebOptions{}))
	if got, want := tree.text(t, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\napp:x:1000:1000::/home/app:/bin/sh\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestAccountErrors(t *testing.T) {
	for _, c := range []struct{ master, want string }{
		{"root:*:0:0:root:/root:/bin/bash\napp:*:7:7::/:/bin/sh\n", "the image's user app (1000) is taken"},
		{"ubuntu:*:1000:1000::/:/bin/sh\n", "the image's user app (1000) is taken"},
		{"root\n", `"root" is no line of an account table`},
	} {
		err := assembleError(t, deb("base-passwd", testenv.DebOptions{Files: map[string]string{"usr/share/base-passwd/passwd.master": c.master}}))
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/usr/share/base-passwd/passwd.master") {
			t.Errorf("got %q, want %q", err, c.want)
		}
	}
}

func TestCertificates(t *testing.T) {
	tree := mustAssemble(t, debOf("ca-certificates", "1", "all", testenv.DebOptions{Files: map[string]string{
		"usr/share/ca-certificates/mozilla/Z_Root.crt":                   "Z\n",
		"usr/share/ca-certificates/mozilla/NetLock Arany (Class, G).crt": "N", // no newline at its end
		"usr/share/ca-certificates/README":                               "no certificate\n",
		"usr/share/ca-certificates/own/a.crt":                            "a\n",
		"usr/share/ca-certificates/folder.crt/":                          "",
	}}))
	if got, want := tree.text(t, bundle), "N\nZ\na\n"; got != want {
		t.Errorf("the bundle is %q, want %q", got, want)
	}
	for p, want := range map[string]string{
		"etc/ssl/certs/NetLock_Arany_=Class__G=.pem": "/usr/share/ca-certificates/mozilla/NetLock Arany (Class, G).crt",
		"etc/ssl/certs/Z_Root.pem":                   "/usr/share/ca-certificates/mozilla/Z_Root.crt",
		"etc/ssl/certs/a.pem":                        "/usr/share/ca-certificates/own/a.crt",
		"usr/lib/ssl/cert.pem":                       "/etc/ssl/certs/ca-certificates.crt",
	} {
		if got := tree.link(t, p); got != want {
			t.Errorf("/%s -> %s, want %s", p, got, want)
		}
	}
	var listed []string
	for _, line := range strings.Split(strings.TrimSpace(tree.text(t, "etc/ca-certificates.conf")), "\n") {
		if !strings.HasPrefix(line, "#") {
			listed = append(listed, line)
		}
	}
	if diff := cmp.Diff([]string{"mozilla/NetLock Arany (Class, G).crt", "mozilla/Z_Root.crt", "own/a.crt"}, listed); diff != "" {
		t.Error(diff)
	}
	if _, ok := mustAssemble(t, deb("a", testenv.DebOptions{})).find(bundle); ok {
		t.Error("a bundle without certificates")
	}
}

func TestPackagedCertPem(t *testing.T) {
	tree := mustAssemble(t, append(fakeBase(), deb("openssl", testenv.DebOptions{Links: map[string]string{"usr/lib/ssl/cert.pem": "/etc/ssl/certs/own.crt"}}))...)
	if got := tree.link(t, "usr/lib/ssl/cert.pem"); got != "/etc/ssl/certs/own.crt" {
		t.Errorf("the package's link became %s", got)
	}
}

func TestDefaults(t *testing.T) {
	tree := mustAssemble(t, append(fakeBase(),
		debOf("tzdata", "1", "all", testenv.DebOptions{Files: map[string]string{"usr/share/zoneinfo/Etc/UTC": "TZif"}}),
		debOf("netbase", "1", "all", testenv.DebOptions{Files: map[string]string{"etc/networks": "mine"}}),
		deb("debianutils", testenv.DebOptions{Files: map[string]string{
			"usr/share/debianutils/shells":        "# /etc/shells: valid login shells\n/bin/sh\n",
			"usr/share/debianutils/shells.d/bash": "/bin/bash\n# none\n/bin/rbash # restricted\n/usr/local/bin/x\n\n",
		}}))...)
	for p, want := range map[string]string{
		"etc/motd": "welcome", "root/.bashrc": "# bashrc", "etc/profile": "# profile", "etc/timezone": "Etc/UTC\n", "etc/networks": "mine", "etc/environment": "",
		"etc/shells": "# /etc/shells: valid login shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash \n/usr/bin/rbash \n/usr/local/bin/x\n",
	} {
		if diff := cmp.Diff(want, tree.text(t, p)); diff != "" {
			t.Errorf("/%s: %s", p, diff)
		}
	}
	for p, want := range map[string]string{
		"etc/localtime": "/usr/share/zoneinfo/Etc/UTC", "etc/dpkg/origins/default": "debian", "var/run": "/run", "var/lock": "/run/lock",
		"var/spool/mail": "../mail", "usr/local/man": "share/man",
	} {
		if got := tree.link(t, p); got != want {
			t.Errorf("/%s -> %s, want %s", p, got, want)
		}
	}
	for p, want := range map[string]uint32{"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700, "run/lock": 0o1777, "var/mail": 0o2775, "proc": 0o755, "usr/local/share/man": 0o755} {
		if e := tree.entry(t, p); e.Kind != layer.Dir || e.Mode != want {
			t.Errorf("/%s: kind %c, mode %o", p, e.Kind, e.Mode)
		}
	}
}

// TestProfile runs the file that login shells read.
func TestProfile(t *testing.T) {
	sh := testenv.Tool(t, "sh")
	file := filepath.Join(t.TempDir(), "envpack.sh")
	if err := os.WriteFile(file, []byte(mustAssemble(t, fakeBase()...).text(t, "etc/profile.d/envpack.sh")), 0o644); err != nil {
		t.Fatal(err)
	}
	for before, want := range map[string]string{
		"/usr/bin:/bin":              "/opt/env/bin:/usr/bin:/bin",
		"/opt/env/bin:/usr/bin:/bin": "/opt/env/bin:/usr/bin:/bin",
	} {
		cmd := exec.Command(sh, "-euc", `PATH=$1; . "$0"; echo "$PATH"`, file, before)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s became %s (%v)", before, out, err)
		}
	}
}

func TestPythonNames(t *testing.T) {
	tree := mustAssemble(t, fakeBase()...)
	if tree.link(t, "usr/bin/python3") != "python3.11" || tree.link(t, "usr/bin/python") != "python3" {
		t.Error("the names lead elsewhere")
	}
	if e := tree.entry(t, "usr/local/lib/python3.11/dist-packages"); e.Kind != layer.Dir {
		t.Error("no folder for local packages")
	}
	tree = mustAssemble(t, append(fakeBase(), deb("python3-minimal", testenv.DebOptions{Links: map[string]string{"usr/bin/python3": "python3.9"}}))...)
	if got := tree.link(t, "usr/bin/python3"); got != "python3.9" {
		t.Errorf("the package's link became %s", got)
	}
	if _, ok := mustAssemble(t, deb("a", testenv.DebOptions{})).find("usr/bin/python"); ok {
		t.Error("a name without an interpreter")
	}
}

func databaseDebs() []Deb {
	return []Deb{
		deb("libssl3", testenv.DebOptions{
			Fields: map[string]string{"Multi-Arch": "same", "Depends": "libc6", "Description": "TLS\n long text\n ."},
			Files:  map[string]string{"usr/lib/x86_64-linux-gnu/libssl.so.3": "tls", "etc/ssl/openssl.cnf": "config\n"},
			Members: map[string]string{
				"conffiles": "/etc/ssl/openssl.cnf\nremove-on-upgrade /etc/ssl/old.cnf\n", "triggers": "activate-noawait ldconfig\ninterest ssl-reload # why\n",
			},
		}),
		deb("libc-bin", testenv.DebOptions{
			Files:   map[string]string{"sbin/ldconfig": "x"},
			Members: map[string]string{"triggers": "interest-noawait ldconfig\ninterest-noawait /usr/lib\n", "postinst": "#!/bin/sh\n"},
		}),
		debOf("tzdata", "2024a-0+deb12u1", "all", testenv.DebOptions{Fields: map[string]string{"Multi-Arch": "foreign"}}),
	}
}

func TestDatabase(t *testing.T) {
	tree := mustAssemble(t, databaseDebs()...)
	const status = `Package: libc-bin
Status: install ok installed
Version: 1.0
Architecture: amd64
Description: libc-bin
Maintainer: Nobody <nobody@maintainer.example>

Package: libssl3
Status: install ok installed
Version: 1.0
Architecture: amd64
Depends: libc6
Conffiles:
 /etc/ssl/openssl.cnf %x
 /etc/ssl/old.cnf newconffile remove-on-upgrade
Description: TLS
 long text
 .
Maintainer: Nobody <nobody@maintainer.example>
Multi-Arch: same

Package: tzdata
Status: install ok installed
Version: 2024a-0+deb12u1
Architecture: all
Description: tzdata
Maintainer: Nobody <nobody@maintainer.example>
Multi-Arch: foreign

`
	for p, want := range map[string]string{
		"status":                       fmt.Sprintf(status, md5.Sum([]byte("config\n"))),
		"arch":                         "amd64\n",
		"info/format":                  "1\n",
		"info/libssl3:amd64.list":      "/.\n/etc\n/etc/ssl\n/etc/ssl/openssl.cnf\n/usr\n/usr/lib\n/usr/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu/libssl.so.3\n",
		"info/libssl3:amd64.conffiles": "/etc/ssl/openssl.cnf\nremove-on-upgrade /etc/ssl/old.cnf\n",
		"info/tzdata.list":             "/.\n",
		"info/tzdata.md5sums":          "",
		"triggers/File":                "/usr/lib libc-bin/noawait\n",
		"triggers/ldconfig":            "libc-bin/noawait\n",
		"triggers/ssl-reload":          "libssl3:amd64\n",
		"triggers/Unincorp":            "",
		"diversions":                   "",
	} {
		if diff := cmp.Diff(want, tree.text(t, "var/lib/dpkg/"+p)); diff != "" {
			t.Errorf("%s: %s", p, diff)
		}
	}
	if e := tree.entry(t, "var/lib/dpkg/info/libc-bin.postinst"); e.Mode != 0o755 {
		t.Errorf("the script has mode %o", e.Mode)
	}
	tree.entry(t, "var/lib/dpkg/info/libssl3:amd64.md5sums")
}

func TestConffileThatIsNotThere(t *testing.T) {
	err := assembleError(t, deb("a", testenv.DebOptions{Members: map[string]string{"conffiles": "/etc/gone\n"}}))
	if !strings.Contains(err.Error(), "a: conffile /etc/gone: no such file in the packages") {
		t.Error(err)
	}
}

// TestDatabaseIsReadByDpkg has dpkg read the database and verify what is installed.
func TestDatabaseIsReadByDpkg(t *testing.T) {
	query, dpkg := testenv.Tool(t, "dpkg-query"), testenv.Tool(t, "dpkg")
	tree := mustAssemble(t, databaseDebs()...)
	root := t.TempDir()
	tree.lay(t, root)
	admin := "--admindir=" + filepath.Join(root, "var/lib/dpkg")
	out, err := exec.Command(query, admin, "-W", "-f", "${Package} ${Version} ${Architecture} ${Status}\n").CombinedOutput()
	want := "libc-bin 1.0 amd64 install ok installed\nlibssl3 1.0 amd64 install ok installed\ntzdata 2024a-0+deb12u1 all install ok installed\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"--audit"}, {"--verify"}} {
		out, err := exec.Command(dpkg, append([]string{"--root=" + root, admin}, args...)...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("dpkg %s: %v: %s", args[0], err, out)
		}
	}
}
