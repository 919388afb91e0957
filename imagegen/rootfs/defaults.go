package rootfs

import (
	"bytes"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// profile keeps the environment first for login shells, whose /etc/profile sets PATH anew.
const profile = `# The Python environment comes first, in login shells too.
case ":$PATH:" in
*:/opt/env/bin:*) ;;
*) PATH="/opt/env/bin:$PATH" && export PATH ;;
esac
`

// defaults makes what is missing of that which the postinst scripts of base-files, libc-bin, tzdata,
// debianutils, netbase and login make on a first installation, once what could be read of them is done.
// greeting says that somebody makes /etc/motd.
func (t *tree) defaults(greeting bool) error {
	for from, to := range map[string]string{
		"usr/share/base-files/dot.profile": "root/.profile",
		"usr/share/base-files/dot.bashrc":  "root/.bashrc",
		"usr/share/base-files/profile":     "etc/profile",
		"usr/share/base-files/motd":        "etc/motd",
		"usr/share/base-files/info.dir":    "usr/share/info/dir",
		"usr/share/libc-bin/nsswitch.conf": "etc/nsswitch.conf",
		"usr/share/readline/inputrc":       "etc/inputrc",
	} {
		if to == "etc/motd" && !greeting {
			continue
		}
		if err := t.copyFile(from, to); err != nil {
			return err
		}
	}
	if t.exists("etc/dpkg/origins/debian") {
		t.symlink("etc/dpkg/origins/default", "debian")
	}
	if t.exists("usr/share/zoneinfo/Etc/UTC") {
		t.symlink("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
		t.fileIfMissing("etc/timezone", 0o644, 0, []byte("Etc/UTC\n"))
	}
	t.fileIfMissing("etc/environment", 0o644, 0, nil)
	t.fileIfMissing("etc/hosts", 0o644, 0, []byte("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"))
	t.fileIfMissing("etc/networks", 0o644, 0, []byte("default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n"))
	t.file("etc/profile.d/envpack.sh", 0o644, 0, []byte(profile))
	return t.shells()
}

// The groups that may write the mail folder and the records of logins: Debian Policy 9.2.2 keeps
// the numbers for good.
const (
	mailGroup = 8
	utmpGroup = 43
)

// baseFolders are base-files' install_directory, install_local_dir, migrate_directory and
// ensure_file_owner_mode.
func (t *tree) baseFolders() {
	for _, d := range []string{"mnt", "srv", "opt", "etc/opt", "var/opt", "media", "home", "proc", "sys", "dev", "run", "boot"} {
		t.dir(d, 0o755, 0)
	}
	for _, d := range []string{"", "/share", "/share/man", "/bin", "/games", "/lib", "/include", "/sbin", "/src", "/etc"} {
		t.dir("usr/local"+d, 0o755, 0)
	}
	t.symlink("usr/local/man", "share/man")
	if t.exists(certificates) {
		t.dir("usr/local/share/ca-certificates", 0o755, 0)
	}
	t.dir("var/mail", 0o2775, mailGroup)
	t.symlink("var/spool/mail", "../mail")
	for d, mode := range map[string]uint32{"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700} {
		t.dir(d, mode, 0)
		if e, _, ok := t.stat(d); ok {
			e.Mode = mode
		}
	}
	t.fileIfMissing("var/log/wtmp", 0o664, utmpGroup, nil)
	t.fileIfMissing("var/log/btmp", 0o660, utmpGroup, nil)
	t.fileIfMissing("var/log/lastlog", 0o664, utmpGroup, nil)
}

// shells lists the login shells, as debianutils' update-shells does: those of its own template and
// then those that packages' files below shells.d name, each under both of its names in the merged
// /usr.
func (t *tree) shells() error {
	const template = "usr/share/debianutils/shells"
	if !t.exists(template) {
		return nil
	}
	if t.owner["usr/share/debianutils/shells.d"] == "" && t.owner["usr/sbin/update-shells"] == "" && t.exists("etc/shells") {
		return nil // older packages call add-shell in their scripts
	}
	source := template
	if t.exists("etc/shells") {
		source = "etc/shells"
	}
	text, err := t.read(source)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		listed[line] = true
	}
	files := t.paths(template + ".d")
	if t.shellsOfTemplate() {
		files = append([]string{template}, files...)
	}
	text = append([]byte(nil), text...)
	var state bytes.Buffer
	known := map[string]bool{}
	for _, p := range files {
		data, err := t.read(p)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(string(data), "\n") {
			line, _, _ = strings.Cut(line, "#")
			if line == "" {
				continue
			}
			both := []string{line}
			if merged := t.merge(clean(line), layer.File); merged != clean(line) {
				both = append(both, "/"+merged)
			}
			for _, shell := range both {
				if !known[shell] {
					known[shell] = true
					state.WriteString(shell + "\n")
				}
				if !listed[shell] {
					listed[shell] = true
					text = append(text, shell+"\n"...)
				}
			}
		}
	}
	t.file("etc/shells", 0o644, 0, text)
	t.file("var/lib/shells.state", 0o644, 0, state.Bytes())
	return nil
}

// shellsOfTemplate tells whether update-shells takes the template's shells as packaged ones, as it does since
// debianutils 5.7: the program says it.
func (t *tree) shellsOfTemplate() bool {
	const program = "usr/sbin/update-shells"
	if !t.exists(program) {
		return true
	}
	text, err := t.read(program)
	return err != nil || bytes.Contains(text, []byte(`for f in "$TEMPLATE`))
}
