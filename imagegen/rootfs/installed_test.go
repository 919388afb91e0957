//go:build linux

package rootfs_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/debfile"
	"github.com/envpack/envpack/internal/testenv"
)

// suites are the distributions that are compared, with what differs between them.
var suites = []struct {
	name   string
	python string
	more   []string // packages of the Python base besides the usual
	glib   string
	merged bool // packages leave the merging of /usr to the installer, which does it
}{
	{"bookworm", "3.11", []string{"python3-distutils"}, "libglib2.0-0", false},
	{"bullseye", "3.9", []string{"python3-distutils"}, "libglib2.0-0", true},
	{"trixie", "3.13", nil, "libglib2.0-0t64", false},
	{"forky", "3.14", nil, "libglib2.0-0t64", false},
	{"xenial", "3.5", nil, "libglib2.0-0", false},
	{"bionic", "3.6", []string{"python3-distutils"}, "libglib2.0-0", false},
	{"focal", "3.8", []string{"python3-distutils"}, "libglib2.0-0", true},
	{"jammy", "3.10", []string{"python3-distutils"}, "libglib2.0-0", true},
	{"noble", "3.12", nil, "libglib2.0-0t64", false},
	{"resolute", "3.14", nil, "libglib2.0-0t64", false},
}

// userland is what the base has of itself in every distribution, but for Python.
var userland = []string{"base-files", "base-passwd", "bash", "ca-certificates", "coreutils", "dash", "debianutils", "diffutils", "dpkg",
	"findutils", "grep", "gzip", "hostname", "libc-bin", "libgomp1", "libstdc++6", "mawk", "netbase", "sed", "tar", "tzdata"}

// packageSets are what is added to the base. GLIB stands for the name of the suite's GLib.
var packageSets = []struct {
	name     string
	packages []string
}{
	{"base", nil},
	{"server", []string{"openssh-server", "cron"}},
	{"login", []string{"iputils-ping", "mtr-tiny", "libpam-cap", "libpam-krb5", "libpam-pwquality"}},
	{"media", []string{"git", "ffmpeg", "libsndfile1", "libgl1", "GLIB", "build-essential"}},
}

// TestInstalled compares, for every suite and set, what is assembled with what the distribution's own
// tools installed from the same packages with all scripts running, entry by entry. Every difference is
// expected for a reason, or the test fails. Some of the roots are then worked in. ENVPACK_TEST_CASES=all compares
// every suite and set, ENVPACK_TEST_ROOTS names a folder of roots made before: SUITE-SET/root, and the packages below
// SUITE-SET/debs.
func TestInstalled(t *testing.T) {
	testenv.Real(t, "the mirrors of Debian and Ubuntu, and mmdebstrap as root")
	chosen := testenv.Chosen("bookworm-base", "bookworm-server", "bookworm-login", "jammy-base")
	for _, s := range suites {
		for _, set := range packageSets {
			if !chosen(s.name + "-" + set.name) {
				continue
			}
			t.Run(s.name+"-"+set.name, func(t *testing.T) {
				var names []string
				for _, n := range set.packages {
					names = append(names, strings.ReplaceAll(n, "GLIB", s.glib))
				}
				names = append(names, "python"+s.python, "python3-minimal", "python"+s.python+"-venv")
				names = append(append(names, s.more...), userland...)
				root, debs := installed(t, s.name, set.name, names, s.merged)
				tree := assembleAll(t, debs, s.python)
				compareRoots(t, tree, root)
				if running[s.name+"-"+set.name] {
					work(t, s.name, s.python, set.name == "media", tree, root, debs)
				}
			})
		}
	}
}

// installed gives a root with the packages and the folder of the .deb files that it was made of.
func installed(t *testing.T, suite, set string, names []string, merged bool) (root, debs string) {
	t.Helper()
	dir := filepath.Join(os.Getenv("ENVPACK_TEST_ROOTS"), suite+"-"+set)
	root, debs = filepath.Join(dir, "root"), filepath.Join(dir, "debs")
	if os.Getenv("ENVPACK_TEST_ROOTS") != "" {
		if _, err := os.Stat(filepath.Join(root, "var/lib/dpkg/status")); err != nil {
			t.Fatalf("%s is not there", root)
		}
		return root, debs
	}
	tool := testenv.Tool(t, "mmdebstrap")
	dir = t.TempDir()
	root, debs = filepath.Join(dir, "root"), filepath.Join(dir, "debs")
	if err := os.Mkdir(debs, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"--mode=root", "--variant=apt", "--include=" + strings.Join(names, ","), "--aptopt=Acquire::Check-Valid-Until \"false\"",
		"--skip=essential/unlink", "--customize-hook=copy-out /var/cache/apt/archives " + debs}
	if merged {
		args = append(args, "--setup-hook=/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh")
	}
	components := "main"
	if _, debian := map[string]bool{"bookworm": true, "bullseye": true, "trixie": true, "forky": true}[suite]; !debian {
		components = "main,universe"
		keys, err := filepath.Abs("../../resolver/apt/keys")
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--keyring="+keys)
	}
	args = append(args, "--components="+components, suite, root)
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Fatalf("mmdebstrap: %v\n%s", err, out)
	}
	return root, debs
}

// readDebs opens all packages below a folder.
func readDebs(t *testing.T, dir string) []rootfs.Deb {
	t.Helper()
	var all []rootfs.Deb
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".deb" {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		t.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			return err
		}
		opened, err := debfile.Open(f, info.Size())
		if err != nil {
			return err
		}
		control, _, err := opened.Control()
		if err != nil {
			return err
		}
		deb := rootfs.Deb{File: f, Size: info.Size()}
		for _, line := range strings.Split(control, "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "Package":
				deb.Name = value
			case "Version":
				deb.Version = value
			case "Architecture":
				deb.Architecture = value
			}
		}
		all = append(all, deb)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func spoolFile(t *testing.T) *os.File {
	t.Helper()
	spool, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	return spool
}

func assembleAll(t *testing.T, dir, python string) *rootfs.Tree {
	t.Helper()
	tree, err := rootfs.Assemble(context.Background(), readDebs(t, dir),
		rootfs.Options{Architecture: "amd64", Python: python, Spool: spoolFile(t), Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// compareRoots fails for every difference that nobody expects.
func compareRoots(t *testing.T, tree *rootfs.Tree, root string) {
	t.Helper()
	all, unexpected := differences(t, tree, root), 0
	used := map[string]int{}
	for _, d := range all {
		reason := ""
		for _, x := range expected {
			if x.pattern.MatchString(d) {
				reason = x.reason
				break
			}
		}
		if used[reason]++; reason == "" {
			if unexpected++; unexpected <= 300 {
				t.Error(d)
			}
		}
	}
	t.Logf("%d entries, %d differences, %d of them without a reason", len(tree.Entries), len(all), unexpected)
	for _, x := range expected {
		if used[x.reason] > 0 {
			t.Logf("%5d: %s", used[x.reason], x.reason)
			used[x.reason] = 0
		}
	}
	var names []string
	for name := range tree.Unread {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		t.Logf("unread, %s: %s", name, strings.Join(tree.Unread[name], " | "))
	}
}

// expectation is a difference that is meant, by a pattern of its line, and why.
type expectation struct {
	pattern *regexp.Regexp
	reason  string
}

func expect(reason string, patterns ...string) expectation {
	return expectation{regexp.MustCompile("^(?:" + strings.Join(patterns, "|") + ")$"), reason}
}

// expected is what docs/base.md explains.
var expected = []expectation{
	expect("engines make the devices", `- dev/.*`),
	expect("compiled Python files", `- .*/__pycache__(/.*)?`),
	expect("OpenSSL finds the same certificates in the bundle", `- etc/ssl/certs/[0-9a-f]{8}\.[0-9]`),
	expect("of the installer's own, not of a package", `- etc/(apt/sources.list|fstab|hostname|resolv.conf)`, `- etc/apt/apt.conf.d/99mmdebstrap`, `content etc/hosts`),
	expect("locks, and copies of older states", `- (etc/(\.pwd.lock|group-|passwd-|shadow-|gshadow-|subuid-|subgid-)|var/lib/dpkg/(diversions-old|status-old|statoverride-old|lock-frontend))`),
	expect("apt makes them when it runs", `- var/(cache/apt/archives/lock|lib/apt/lists/lock|lib/apt/extended_states|lib/apt/lists/partial|cache/apt/archives/partial)`,
		`(mode|owner) var/(cache/apt/archives|lib/apt/lists)/partial: .*`),
	expect("debconf's answers to questions that nobody asks", `- var/cache/debconf/.*`),
	expect("dpkg makes them when they are wanted", `\+ var/lib/dpkg/(available|statoverride)`),
	expect("for logging in", `- var/log/faillog`),
	expect("for starting at boot", `- (etc/machine-id|etc/mtab|etc/rc.local|etc/init.d/.depend.*|var/log/(dmesg|fsck/.*)|root/.ssh|var/(cache|lib|log)/private|var/lib/systemd/(catalog|coredump|ephemeral-trees|pstore))`,
		`(mode|owner) var/log/(btmp|journal): .*`, `[-+] run/.*`, `- (etc/(rc[0-6S].d|systemd/(system|user)|init|runit/runsvdir)/.*|var/lib/systemd/deb-systemd-(user-)?helper-(enabled|masked)(/.*)?)`, `- var/lib/systemd/(catalog/database|.*timesync.*)`),
	expect("state of Debian's byte compiler", `- (etc/python3|etc/python3/debian_config|var/lib/python|var/lib/python/python3.*_installed)`),
	expect("a package's diversions of its own files", `content var/lib/dpkg/diversions`),
	expect("caches of MIME types, images and fonts, which their programs write", `[-] usr/share/mime/.*`, `[-] usr/lib/.*/(loaders.cache|gschemas.compiled|giomodule.cache)`, `- usr/share/glib-2.0/schemas/gschemas.compiled`,
		`- var/(cache|log)/fontconfig.*`, `- usr/(local/)?share/fonts/(.*/)?.uuid`),
	expect("keys of a host", `- etc/ssh/ssh_host_.*`),
	expect("ucf's memory of what it installed", `(-|content) var/lib/ucf/.*`),
	expect("the hook that merges /usr", `- var/lib/dpkg/info/usr-is-merged.*`, `- (usr/)?lib(o|x)?32`),
	expect("written by a script in Perl", `- etc/krb5.conf`),
	expect("records of logins, by number of the user", `(-|content) var/log/(faillog|lastlog|tallylog)`),
	expect("caches that their programs make when they run", `- var/cache/ldconfig(/.*)?`, `- etc/mailcap`),
	expect("the installer clears it away", `\+ var/log/dpkg.log`),
	expect("dash's diversion of /bin/sh", `- (usr/)?bin/sh.distrib`, `- usr/share/man/man1/sh.distrib.1.gz`),
	expect("apt-key and the kernel's hooks, which run programs", `(-|content) etc/apt/(trusted.gpg~?|apt.conf.d/01autoremove-kernels)`),
	expect("a folder that libc6 keeps until /usr is merged, and removes", `- lib.usr-is-merged`),
	expect("records of logins, of packages that are not there", `\+ var/log/(btmp|lastlog|wtmp)`),
	expect("OpenSSL's default file", `\+ usr/lib/ssl/cert.pem`),
	expect("passwords are in shadow files also without the package passwd", `\+ etc/g?shadow`),
	expect("for programs that read it", `\+ etc/timezone`),
	expect("dpkg does not write an empty one", `\+ var/lib/dpkg/triggers/File`),
	expect("the mode of a file of the package's control archive", `mode var/lib/dpkg/info/.*: 664, ours 644`),
	expect("the mode of the first package that has it; order of unpacking", `mode usr/share/man/man3: 775, ours 755`),
	expect("what an image has besides", `\+ (home/app(/.*)?|etc/profile.d/envpack.sh|usr/bin/python)`),
}

// reductions are what counts of files of which a part is of the day, the host or the order of unpacking.
var reductions = map[string]func(string) string{
	"etc/passwd":                 accounts,
	"etc/group":                  accounts,
	"etc/gshadow":                accounts,
	"etc/shadow":                 func(s string) string { return sortLines(withoutApp(lastChange.ReplaceAllString(s, "$1:"))) },
	"etc/shells":                 sortLines,
	"etc/ld.so.cache":            linkerList,
	"var/lib/shells.state":       sortLines,
	"var/lib/dpkg/triggers/File": sortLines,
	"var/lib/dpkg/status":        sortStanzas,
	"etc/ca-certificates.conf":   func(s string) string { return comments.ReplaceAllString(s, "") },
}

var (
	lastChange = regexp.MustCompile(`(?m)^([^:]*:[^:]*:)[0-9]+:`)
	comments   = regexp.MustCompile(`(?m)^#.*\n`)
)

func withoutApp(s string) string {
	var rest []string
	for _, line := range strings.SplitAfter(s, "\n") {
		if !strings.HasPrefix(line, "app:") {
			rest = append(rest, line)
		}
	}
	return strings.Join(rest, "")
}

func sortLines(s string) string {
	lines := strings.Split(s, "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// sortStanzas puts packages and their fields in one order.
func sortStanzas(s string) string {
	stanzas := strings.Split(strings.TrimSpace(s), "\n\n")
	stanzas = slices.DeleteFunc(stanzas, func(stanza string) bool { return strings.HasPrefix(stanza, "Package: usr-is-merged\n") })
	for i, stanza := range stanzas {
		fields := strings.Split(strings.ReplaceAll(stanza, "\n ", "\x00 "), "\n")
		sort.Strings(fields)
		stanzas[i] = strings.ReplaceAll(strings.Join(fields, "\n"), "\x00", "\n")
	}
	sort.Strings(stanzas)
	return strings.Join(stanzas, "\n\n")
}

// linkerList is the list of a linker's cache. An old one, before glibc 2.32, starts with a list in an older form.
func linkerList(s string) string {
	const magic = "glibc-ld.so.cache1.1"
	start := strings.Index(s, magic)
	if start < 0 {
		return s
	}
	s = s[start:]
	const header, entry = 48, 24
	number := func(at int) int { return int(binary.LittleEndian.Uint32([]byte(s[at:]))) }
	text := func(at int) string {
		if at >= len(s) {
			return fmt.Sprint("at ", at)
		}
		t, _, _ := strings.Cut(s[at:], "\x00")
		return t
	}
	var b strings.Builder
	for i := range number(20) {
		at := header + entry*i
		fmt.Fprintf(&b, "%x %s %s %x\n", number(at), text(number(at+4)), text(number(at+8)), s[at+16:at+entry])
	}
	return b.String()
}

// differences are lines of KIND PATH: "-" for what only the installed root has, "+" for what only
// ours has, "kind", "mode", "owner", "link" and "content".
func differences(t *testing.T, tree *rootfs.Tree, root string) []string {
	t.Helper()
	var list []string
	ours := map[string]layer.Entry{}
	for _, e := range tree.Entries {
		ours[e.Path] = e
	}
	for _, e := range tree.Entries {
		if e.Kind == layer.Hardlink {
			target := ours[e.Link]
			target.Path = e.Path
			ours[e.Path] = target
		}
	}
	n := numbers{theirs: names{}, ours: names{}}
	for _, file := range []string{"etc/passwd", "etc/group"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		n.theirs.read(file, string(text))
		n.ours.read(file, string(contentOf(t, ours[file])))
	}
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		seen[rel] = true
		e, ok := ours[rel]
		if !ok {
			list = append(list, "- "+rel)
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		list = append(list, different(t, n, e, name, info)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range tree.Entries {
		if !seen[e.Path] {
			list = append(list, "+ "+e.Path)
		}
	}
	return list
}

// names are users and groups by file and number: those of the system are numbered in the order in which
// packages are configured, which is apt's affair there.
type names map[string]string

type numbers struct{ theirs, ours names }

func (n names) read(file, text string) {
	for _, line := range strings.Split(text, "\n") {
		if fields := strings.Split(line, ":"); len(fields) > 3 {
			n[file+fields[2]] = fields[0]
		}
	}
}

func (n names) owner(uid, gid int) string {
	return n["etc/passwd"+fmt.Sprint(uid)] + ":" + n["etc/group"+fmt.Sprint(gid)]
}

var systemNumbers = regexp.MustCompile(`:[1-9][0-9][0-9]\b`)

// accounts sorts an account table, and leaves out the numbers of the system's users and the user app.
func accounts(s string) string {
	return sortLines(systemNumbers.ReplaceAllString(strings.NewReplacer(":*:", ":x:", ",,,:", ":").Replace(withoutApp(s)), ":N"))
}

func different(t *testing.T, n numbers, e layer.Entry, name string, info fs.FileInfo) []string {
	t.Helper()
	kinds := map[fs.FileMode]layer.Kind{0: layer.File, fs.ModeDir: layer.Dir, fs.ModeSymlink: layer.Symlink}
	if kinds[info.Mode().Type()] != e.Kind {
		return []string{"kind " + e.Path}
	}
	if e.Kind == layer.Symlink {
		if target, _ := os.Readlink(name); target != e.Link {
			return []string{fmt.Sprintf("link %s: %s, ours %s", e.Path, target, e.Link)}
		}
		return nil
	}
	var list []string
	mode := uint32(info.Mode().Perm())
	for bit, of := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if info.Mode()&bit != 0 {
			mode |= of
		}
	}
	if mode != e.Mode {
		list = append(list, fmt.Sprintf("mode %s: %o, ours %o", e.Path, mode, e.Mode))
	}
	stat := info.Sys().(*syscall.Stat_t)
	theirs := n.theirs.owner(int(stat.Uid), int(stat.Gid))
	if ours := n.ours.owner(e.UID, e.GID); theirs != ours {
		list = append(list, fmt.Sprintf("owner %s: %s, ours %s", e.Path, theirs, ours))
	}
	if e.Kind == layer.File {
		buffer := make([]byte, 64)
		size, err := syscall.Getxattr(name, "security.capability", buffer)
		if err != nil && err != syscall.ENODATA {
			t.Fatal(err)
		}
		if theirs := string(buffer[:max(size, 0)]); theirs != e.Capability {
			list = append(list, fmt.Sprintf("capability %s: %x, ours %x", e.Path, theirs, e.Capability))
		}
		theirs, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		a, b := string(theirs), string(contentOf(t, e))
		if reduce := reductions[e.Path]; reduce != nil {
			a, b = reduce(a), reduce(b)
		}
		if a != b {
			list = append(list, "content "+e.Path)
			if dir := os.Getenv("ENVPACK_TEST_DIFFERENT"); dir != "" {
				dir = filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestInstalled/"), "/", "_"))
				os.MkdirAll(dir, 0o755)
				os.WriteFile(filepath.Join(dir, strings.ReplaceAll(e.Path, "/", "_")+".theirs"), []byte(a), 0o644)
				os.WriteFile(filepath.Join(dir, strings.ReplaceAll(e.Path, "/", "_")+".ours"), []byte(b), 0o644)
			}
		}
	}
	return list
}

func contentOf(t *testing.T, e layer.Entry) []byte {
	t.Helper()
	switch c := e.Content.(type) {
	case layer.Bytes:
		return c
	case layer.Opener:
		r, err := c.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	return nil
}
