package rootfs

import (
	"context"
	"debug/elf"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

// unknown is the content of an image's file that was not kept.
func unknown(size int64) layer.Content {
	return layer.Opener{Length: size, Open: func() (io.ReadCloser, error) { return nil, errors.New("it was opened") }}
}

// image is a small image with these files besides: text by path, "?" for unknown content, "-> x" for links, "/" at the
// end of a folder.
func image(files map[string]string) Below {
	all := map[string]string{
		"etc/": "", "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n", "etc/group": "root:x:0:\n",
		"etc/ld.so.conf": "/usr/lib/x86_64-linux-gnu\n", "etc/ld.so.cache": "old", "bin": "-> usr/bin", "lib": "-> usr/lib", "run/": "", "run/lock/": "",
		"usr/": "", "usr/bin/": "", "usr/lib/": "", "usr/lib/x86_64-linux-gnu/": "", "var/": "", "var/lib/": "", "var/lib/dpkg/": "",
		"var/run": "-> /run", "var/lock": "-> /run/lock", "var/lib/dpkg/info/": "", "var/lib/dpkg/info/format": "1\n", "var/lib/dpkg/status": status,
	}
	for p, text := range files {
		all[p] = text
	}
	b := Below{Status: []byte(all["var/lib/dpkg/status"])}
	for p, text := range all {
		e := layer.Entry{Path: strings.TrimSuffix(p, "/"), Kind: layer.File, Mode: 0o644, Content: layer.Bytes(text)}
		target, isLink := strings.CutPrefix(text, "-> ")
		switch {
		case strings.HasSuffix(p, "/"):
			e.Kind, e.Mode, e.Content = layer.Dir, 0o755, nil
		case isLink:
			e.Kind, e.Mode, e.Link, e.Content = layer.Symlink, 0o777, target, nil
		case text == "?":
			e.Content = unknown(10)
		}
		b.Entries = append(b.Entries, e)
	}
	return b
}

const status = "Package: aaa\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n" +
	"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n\n" +
	"Package: zzz\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n"

func onto(t *testing.T, below Below, debs ...Deb) (*Tree, map[string][]string) {
	t.Helper()
	made, err := AssembleOnto(context.Background(), below, debs, options())
	if err != nil {
		t.Fatal(err)
	}
	tree := &Tree{Entries: made.Entries}
	tree.write(t)
	return tree, made.Unread
}

func pathsOf(tree *Tree) []string {
	var list []string
	for _, e := range tree.Entries {
		if e.Kind != layer.Dir {
			list = append(list, e.Path)
		}
	}
	return list
}

func TestOntoAdds(t *testing.T) {
	below := image(map[string]string{"usr/share/": ""})
	for i := range below.Entries {
		if e := &below.Entries[i]; e.Path == "usr/bin" {
			e.Mode, e.GID = 0o2775, 50
		}
	}
	tree, unread := onto(t, below, deb("mid", testenv.DebOptions{
		Files: map[string]string{"bin/": "", "bin/tool": "tool", "usr/share/mid/": "", "usr/share/mid/x": "x"},
		Modes: map[string]uint32{"bin/tool": 0o755},
	}))
	if diff := cmp.Diff([]string{"usr/bin/tool", "usr/share/mid/x", "var/lib/dpkg/info/mid.list", "var/lib/dpkg/info/mid.md5sums", "var/lib/dpkg/status"}, pathsOf(tree)); diff != "" {
		t.Error(diff)
	}
	if e := tree.entry(t, "usr/bin"); e.Mode != 0o2775 || e.GID != 50 {
		t.Errorf("a folder of the image: %+v", e)
	}
	if _, there := tree.find("bin"); there {
		t.Error("the image's link is in the layer")
	}
	got := tree.text(t, "var/lib/dpkg/status")
	var names []string
	for _, s := range stanzas([]byte(got)) {
		names = append(names, s.name)
	}
	if diff := cmp.Diff([]string{"aaa", "gone", "mid", "zzz"}, names); diff != "" || !strings.HasSuffix(got, "\n\n") {
		t.Errorf("%s\n%s", diff, got)
	}
	if len(unread) > 0 {
		t.Errorf("%v", unread)
	}
}

func TestOntoReplaces(t *testing.T) {
	below := image(map[string]string{
		"usr/bin/old": "?", "etc/mid.conf": "?", "usr/bin/moved": "?", "usr/share/": "", "usr/share/doc": "-> /srv", "srv/": "",
		"var/lib/dpkg/diversions": "/bin/moved\n/bin/moved.other\naaa\n",
	})
	tree, _ := onto(t, below, deb("gone", testenv.DebOptions{
		Files:   map[string]string{"usr/bin/old": "new", "etc/mid.conf": "packaged", "bin/moved": "new", "usr/share/doc/": "", "usr/share/doc/x": "x"},
		Members: map[string]string{"conffiles": "/etc/mid.conf\n"},
	}))
	want := []string{"srv/x", "usr/bin/moved.other", "usr/bin/old", "var/lib/dpkg/info/gone.conffiles", "var/lib/dpkg/info/gone.list", "var/lib/dpkg/info/gone.md5sums", "var/lib/dpkg/status"}
	if diff := cmp.Diff(want, pathsOf(tree)); diff != "" {
		t.Error(diff)
	}
	text := tree.text(t, "var/lib/dpkg/status")
	if strings.Count(text, "Package: gone\n") != 1 || !strings.Contains(text, "Conffiles:\n /etc/mid.conf 97fb77134e3b38bab0edb15ac502d652\n") {
		t.Errorf("%s", text)
	}
	_, err := AssembleOnto(context.Background(), image(map[string]string{"usr/bin/tool/": ""}), []Deb{deb("mid", testenv.DebOptions{Files: map[string]string{"usr/bin/tool": "x"}})}, options())
	if err == nil || !strings.Contains(err.Error(), "mid ships /usr/bin/tool, where the image has a folder") {
		t.Errorf("%v", err)
	}
}

// TestOntoOverwrites: a file of another package of the image is replaced where Replaces or a diversion permits it.
func TestOntoOverwrites(t *testing.T) {
	const owned = "usr/bin/tool"
	stanza := func(name, fields string) string {
		return "Package: " + name + "\nStatus: install ok installed\nVersion: 1.5-1\nArchitecture: amd64\n" + fields + "\n"
	}
	for name, c := range map[string]struct {
		files          map[string]string // of the image, besides the tool and its list
		fields         string            // of the image's package
		field, preinst string            // of the one that comes
		text           string            // of the tool in the layer; "" for none
		refused        bool
	}{
		"nothing said":        {refused: true},
		"replaces":            {field: "other, aaa", text: "new"},
		"replaces older":      {field: "aaa (<< 1.6~)", text: "new"},
		"replaces much older": {field: "aaa (<< 1.5)", refused: true},
		"replaces another":    {field: "aa", refused: true},
		"the other replaces":  {fields: "Replaces: mid (<= 1.0), x\n"},
		"the other older":     {fields: "Replaces: mid (<< 1.0)\n", refused: true},
		"diverted":            {files: map[string]string{"var/lib/dpkg/diversions": "/usr/bin/tool\n/usr/bin/tool.aaa\nmid\n"}, text: "new"},
		"diverts":             {preinst: "#!/bin/sh\nset -e\ndpkg-divert --package mid --add --rename --divert /usr/bin/tool.aaa /usr/bin/tool\n", text: "new"},
		"removed":             {files: map[string]string{"var/lib/dpkg/status": status}, text: "new"},
		"by the old path":     {files: map[string]string{"var/lib/dpkg/info/aaa.list": "/.\n/bin\n/bin/tool\n"}, refused: true},
		"architecture":        {files: map[string]string{"var/lib/dpkg/info/aaa.list": "", "var/lib/dpkg/info/aaa:amd64.list": "/usr/bin/tool\n"}, refused: true},
		"nobody's":            {files: map[string]string{"var/lib/dpkg/info/aaa.list": "/usr/share/x\n"}, text: "new"},
		"parted":              {files: map[string]string{"var/lib/dpkg/info/aaa.list": "", "var/lib/dpkg/status.d/aaa.md5sums": "0123  usr/bin/tool\n"}, refused: true},
	} {
		files := map[string]string{
			owned: "?", "var/lib/dpkg/status": stanza("aaa", c.fields), "var/lib/dpkg/info/aaa.list": "/.\n/usr\n/usr/bin\n/usr/bin/tool\n", "var/lib/dpkg/status.d/": "",
		}
		if name == "removed" {
			files["var/lib/dpkg/info/gone.list"], files["var/lib/dpkg/info/aaa.list"] = "/usr/bin/tool\n", ""
		}
		for p, text := range c.files {
			files[p] = text
		}
		d := testenv.DebOptions{Files: map[string]string{owned: "new"}, Members: map[string]string{}, Fields: map[string]string{}}
		if c.field != "" {
			d.Fields["Replaces"] = c.field
		}
		if c.preinst != "" {
			d.Members["preinst"] = c.preinst
		}
		made, err := AssembleOnto(context.Background(), image(files), []Deb{deb("mid", d)}, options())
		if c.refused {
			if err == nil || !strings.Contains(err.Error(), "the package mid ships /usr/bin/tool, which the image has of its package aaa 1.5-1") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tree := &Tree{Entries: made.Entries}
		tree.write(t)
		if _, there := tree.find(owned); there != (c.text != "") || there && tree.text(t, owned) != c.text {
			t.Errorf("%s: in the layer is %t", name, there)
		}
	}
}

func TestOntoScripts(t *testing.T) {
	below := image(map[string]string{
		"etc/shadow": "root:*:::::::\n", "etc/gshadow": "root:*::\n", "usr/bin/theirs": "?", "etc/theirs": "text", "usr/bin/taken": "?",
		"usr/bin/one": "?", "etc/alternatives/": "", "etc/alternatives/pick": "-> /usr/bin/one", "usr/bin/pick": "-> /etc/alternatives/pick",
		"var/lib/dpkg/alternatives/":     "",
		"var/lib/dpkg/alternatives/pick": "auto\n/usr/bin/pick\n\n/usr/bin/one\n10\n\n",
		"etc/alternatives/hand":          "-> /usr/bin/one", "var/lib/dpkg/alternatives/hand": "manual\n/usr/bin/hand\n\n/usr/bin/one\n10\n\n",
	})
	tree, unread := onto(t, below, deb("mid", testenv.DebOptions{
		Files: map[string]string{"usr/bin/two": "two"},
		Members: map[string]string{"postinst": "#!/bin/sh\nset -e\naddgroup --system people\nchmod 700 /etc/theirs\nchmod 700 /usr/bin/theirs\nrm /usr/bin/taken\n" +
			"update-alternatives --install /usr/bin/pick pick /usr/bin/two 20\nupdate-alternatives --install /usr/bin/hand hand /usr/bin/two 20\n"},
	}))
	if got := tree.text(t, "etc/group"); got != "root:x:0:\npeople:x:100:\n" {
		t.Errorf("%q", got)
	}
	if e := tree.entry(t, "etc/theirs"); e.Mode != 0o700 || tree.text(t, "etc/theirs") != "text" {
		t.Errorf("%+v", e)
	}
	if got := tree.link(t, "etc/alternatives/pick"); got != "/usr/bin/two" {
		t.Error(got)
	}
	if got := tree.text(t, "var/lib/dpkg/alternatives/pick"); got != "auto\n/usr/bin/pick\n\n/usr/bin/one\n10\n/usr/bin/two\n20\n\n" {
		t.Errorf("%q", got)
	}
	for _, p := range []string{"etc/alternatives/hand", "usr/bin/theirs", "usr/bin/pick"} {
		if _, there := tree.find(p); there {
			t.Errorf("/%s is in the layer", p)
		}
	}
	want := []string{"rm /usr/bin/taken: what is in the image stays in it", "chmod or cp /usr/bin/theirs: the content of the image's file is not known here"}
	if diff := cmp.Diff(want, unread[OfImage]); diff != "" {
		t.Error(diff)
	}
}

func TestOntoParted(t *testing.T) {
	below := image(map[string]string{"var/lib/dpkg/status.d/": "", "var/lib/dpkg/status.d/aaa": status})
	below.Parted = true
	tree, _ := onto(t, below, deb("mid", testenv.DebOptions{Files: map[string]string{"usr/bin/tool": "tool"}, Members: map[string]string{"md5sums": "0  usr/bin/tool\n"}}))
	if diff := cmp.Diff([]string{"usr/bin/tool", "var/lib/dpkg/status.d/mid", "var/lib/dpkg/status.d/mid.md5sums"}, pathsOf(tree)); diff != "" {
		t.Error(diff)
	}
}

func TestOntoLibraries(t *testing.T) {
	below := image(map[string]string{"usr/lib/x86_64-linux-gnu/libz.so.1": "?", "var/lib/dpkg/triggers/": "", "var/lib/dpkg/triggers/File": "/a aaa\n"})
	below.Libraries = []CachedLibrary{
		{"libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1", 0x0303, 0, ""},
		{"libfast.so.1", "/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libfast.so.1", 0x0303, extendedHWCap | 1, ""},
		{"libnew.so.1", "/usr/lib/x86_64-linux-gnu/libnew.so.1", 0x0303, 0, ""},
	}
	tree, _ := onto(t, below, deb("mid", testenv.DebOptions{
		Files:   map[string]string{"usr/lib/x86_64-linux-gnu/libnew.so.1": sharedLibrary(elf.EM_X86_64, "libnew.so.1")},
		Members: map[string]string{"triggers": "interest-noawait /b\n"},
	}))
	got := decodeLinkerCache(t, tree.text(t, "etc/ld.so.cache"), 0x0303)
	want := []string{"libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1", "libnew.so.1 => /usr/lib/x86_64-linux-gnu/libnew.so.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Lines for some processors stay, if the cache names these, and others are added to them.
	below.Libraries = append(below.Libraries[:1:1], CachedLibrary{"libnew.so.1", "/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v4/libnew.so.1", 0x0303, extendedHWCap | 3<<32 | 5, "x86-64-v4"})
	tree, _ = onto(t, below, deb("mid", testenv.DebOptions{
		Files:   map[string]string{"usr/lib/x86_64-linux-gnu/libnew.so.1": sharedLibrary(elf.EM_X86_64, "libnew.so.1"), "usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libnew.so.1": needing(sharedLibrary(elf.EM_X86_64, "libnew.so.1"), 2)},
		Members: map[string]string{"triggers": "interest-noawait /b\n"},
	}))
	want = []string{
		"libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1",
		"libnew.so.1 => /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libnew.so.1 x86-64-v2 1",
		"libnew.so.1 => /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v4/libnew.so.1 x86-64-v4 3",
		"libnew.so.1 => /usr/lib/x86_64-linux-gnu/libnew.so.1",
	}
	if diff := cmp.Diff(want, hwcapsLines(t, []byte(tree.text(t, "etc/ld.so.cache")))); diff != "" {
		t.Error(diff)
	}
	if got := tree.text(t, "var/lib/dpkg/triggers/File"); got != "/a aaa\n/b mid/noawait\n" {
		t.Errorf("%q", got)
	}
	// Without a library the cache stays.
	tree, _ = onto(t, below, deb("mid", testenv.DebOptions{Files: map[string]string{"usr/bin/tool": "tool"}}))
	if _, there := tree.find("etc/ld.so.cache"); there {
		t.Error("the cache is in the layer")
	}
}

func TestParseAlternativeRecord(t *testing.T) {
	all := []alternative{
		{"/usr/bin/x", "x", "/usr/bin/a", 5, []slave{{"/usr/share/x.1", "x.1", "/usr/share/a.1"}}},
		{"/usr/bin/x", "x", "/usr/bin/b", -7, nil},
	}
	got, auto := parseAlternativeRecord("x", string(alternativeRecord(all)))
	if diff := cmp.Diff(all, got, cmp.AllowUnexported(alternative{}, slave{})); diff != "" || !auto {
		t.Error(diff)
	}
	for _, text := range []string{"", "auto", "auto\n", "manual\n/x\n\n", "auto\n/x\ny", "auto\n/x\ny\n/y\n", "auto\n/x\n\n/a\n"} {
		parseAlternativeRecord("x", text)
	}
}

func FuzzAlternativeRecord(f *testing.F) {
	f.Add("auto\n/usr/bin/x\nx.1\n/usr/share/x.1\n\n/usr/bin/a\n5\n/usr/share/a.1\n\n")
	f.Add("auto\n/x\ny")
	f.Fuzz(func(t *testing.T, text string) { parseAlternativeRecord("x", text); stanzas([]byte(text)) })
}
