//go:build linux

package supply_test

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
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
)

// expected are the differences between an installed root and ours that are meant, by a pattern of
// the difference's line.
var expected = []struct{ pattern, reason string }{
	{`- dev/.*`, "runtimes make the devices"},
	{`- .*/__pycache__(/.*)?`, "compiling runs the interpreter, whose output is not the same everywhere"},
	{`- etc/ssl/certs/[0-9a-f]{8}\.[0-9]`, "OpenSSL finds the same certificates in the bundle"},
	{`- etc/(apt/sources.list|fstab|hostname|resolv.conf)`, "mmdebstrap writes them"},
	{`content etc/hosts`, "mmdebstrap writes it; runtimes put their own there"},
	{`- (etc/(\.pwd.lock|group-|passwd-)|var/lib/dpkg/(diversions-old|status-old|lock-frontend))`, "locks and copies of older states"},
	{`- var/(cache/apt/archives/lock|lib/apt/lists/lock|lib/apt/extended_states)`, "apt makes them when it runs"},
	{`(mode|owner) var/(cache/apt/archives|lib/apt/lists)/partial: .*`, "apt gives them to its user when it runs"},
	{`- (etc/pam.d/common-.*|var/lib/pam/.*|etc/security/opasswd|var/log/faillog)`, "for logging in, of packages that no base has"},
	{`- (etc/(rc[0-6S].d|systemd/system)/.*|var/lib/systemd/deb-systemd-helper-enabled(/.*)?)`, "for booting"},
	{`- var/cache/debconf/.*`, "answers to questions that nobody asks"},
	{`- (etc/python3|etc/python3/debian_config|var/lib/python|var/lib/python/python3.*_installed)`, "for Debian's byte compiler"},
	{`content var/lib/dpkg/diversions`, "dash's scripts divert its own files"},
	{`content etc/ca-certificates.conf`, "its comments"},
	{`\+ (home/app(/.*)?|etc/profile.d/envpack.sh|usr/bin/python)`, "what an image has besides"},
	{`\+ var/lib/dpkg/(available|statoverride)`, "dpkg makes them when they are wanted"},
}

// reductions are what counts of files of which a part is of the day, the host or the order of
// unpacking.
var reductions = map[string]func(string) string{
	"etc/passwd":                 withoutApp,
	"etc/group":                  withoutApp,
	"etc/gshadow":                withoutApp,
	"etc/shadow":                 func(s string) string { return withoutApp(lastChange.ReplaceAllString(s, "$1:")) },
	"etc/shells":                 sortLines,
	"etc/ld.so.cache":            withoutGenerator,
	"var/lib/shells.state":       sortLines,
	"var/lib/dpkg/triggers/File": sortLines,
	"var/lib/dpkg/status":        sortStanzas,
}

var lastChange = regexp.MustCompile(`(?m)^([^:]*:[^:]*:)[0-9]+:`)

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
	for i, stanza := range stanzas {
		fields := strings.Split(strings.ReplaceAll(stanza, "\n ", "\x00 "), "\n")
		sort.Strings(fields)
		stanzas[i] = strings.ReplaceAll(strings.Join(fields, "\n"), "\x00", "\n")
	}
	sort.Strings(stanzas)
	return strings.Join(stanzas, "\n\n")
}

// withoutGenerator is the list of a linker's cache, without the extension that names who wrote it.
func withoutGenerator(s string) string {
	const header, entry = 48, 24
	number := func(at int) int { return int(binary.LittleEndian.Uint32([]byte(s[at:]))) }
	text := func(at int) string { t, _, _ := strings.Cut(s[at:], "\x00"); return t }
	var b strings.Builder
	for i := range number(20) {
		at := header + entry*i
		fmt.Fprintf(&b, "%x %s %s %x\n", number(at), text(number(at+4)), text(number(at+8)), s[at+12:at+entry])
	}
	return b.String()
}

// TestRealBase assembles the base of Debian 12, and the packages that it takes to install one, and
// compares with a root into which the distribution's own tools have installed the same.
func TestRealBase(t *testing.T) {
	testenv.Real(t, "a mirror, and mmdebstrap as root")
	tool := testenv.Tool(t, "mmdebstrap")
	ctx := context.Background()
	found, err := sources.Find(sources.ThisHost(runtime.GOOS), sources.Options{Codename: "bookworm"})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client := fetch.New(fetch.Options{Credentials: found.Credentials})
	s, err := supply.New(supply.Options{Store: st, Fetch: client, Sources: found, Now: time.Now, SourcesFor: func(string) (*sources.Sources, error) { return found, nil }})
	if err != nil {
		t.Fatal(err)
	}
	base, err := s.Base(ctx, apt.Options{Distro: "debian:12", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range base.Debs {
		names = append(names, d.Name)
	}

	root := filepath.Join(t.TempDir(), "root")
	signed := "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] "
	debian, security := found.Archives["debian"].URL, found.Archives["debian-security"].URL
	out, err := exec.Command(tool, "--mode=root", "--variant=apt", "--include="+strings.Join(names, ","), "bookworm", root,
		signed+debian+" bookworm main", signed+debian+" bookworm-updates main", signed+security+" bookworm-security main").CombinedOutput()
	if err != nil {
		t.Fatalf("mmdebstrap: %v\n%s", err, out)
	}
	archives := map[string]string{"debian": debian, "debian-security": security}
	all, err := apt.Resolve(ctx, apt.Options{
		Distro: "debian:12", Architecture: "amd64", Archives: archives, Fetcher: client.AptFetcher(), Now: time.Now(), Memo: st,
		Roots: installedPackages(t, root),
	})
	if err != nil {
		t.Fatal(err)
	}
	var debs []lockfile.Deb
	for _, d := range all.Debs {
		debs = append(debs, lockfile.Deb{Name: d.Name, Version: d.Version, Architecture: d.Architecture, Archive: d.Archive,
			Path: d.Path, SHA256: d.SHA256, Size: d.Size})
	}
	if err := s.Debs(ctx, debs); err != nil {
		t.Fatal(err)
	}
	var files []rootfs.Deb
	for _, d := range debs {
		blob, err := st.Blob(d.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		defer blob.Close()
		files = append(files, rootfs.Deb{Name: d.Name, Version: d.Version, Architecture: d.Architecture, File: blob, Size: blob.Size()})
	}
	compare(t, assemble(t, files, all.Python), root)
}

func assemble(t *testing.T, debs []rootfs.Deb, python string) *rootfs.Tree {
	t.Helper()
	spool, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { spool.Close() })
	tree, err := rootfs.Assemble(context.Background(), debs, rootfs.Options{Architecture: "amd64", Python: python, Spool: spool, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// installedPackages are the packages of a root, as relations.
func installedPackages(t *testing.T, root string) []string {
	t.Helper()
	out, err := exec.Command(testenv.Tool(t, "dpkg-query"), "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${Package} (= ${Version})\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// compare fails for every difference that nobody expects, and for expectations without a difference.
func compare(t *testing.T, tree *rootfs.Tree, root string) {
	t.Helper()
	used := make([]int, len(expected))
	unexpected := 0
	for _, d := range differences(t, tree, root) {
		known := false
		for i, x := range expected {
			if regexp.MustCompile("^(?:" + x.pattern + ")$").MatchString(d) {
				used[i]++
				known = true
				break
			}
		}
		if !known {
			if unexpected++; unexpected <= 2000 {
				t.Error(d)
			}
		}
	}
	for i, x := range expected {
		if used[i] == 0 {
			t.Errorf("no difference any more like %s (%s)", x.pattern, x.reason)
		}
	}
	t.Logf("%d entries; %d differences that nobody expects", len(tree.Entries), unexpected)
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
		list = append(list, different(t, e, name, info)...)
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

func different(t *testing.T, e layer.Entry, name string, info fs.FileInfo) []string {
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
	if uid, gid := ownerOf(info); uid != e.UID || gid != e.GID {
		list = append(list, fmt.Sprintf("owner %s: %d:%d, ours %d:%d", e.Path, uid, gid, e.UID, e.GID))
	}
	if e.Kind == layer.File {
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

func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat := info.Sys().(*syscall.Stat_t)
	return int(stat.Uid), int(stat.Gid)
}
