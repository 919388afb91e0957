package project

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

func unix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("links and modes are those of Unix")
	}
}

func sampleProject(t *testing.T) string {
	unix(t)
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"train.py": "print(1)\n", "run.sh!": "#!/bin/sh\n", "src/a.py": "a", "src/deep/b.py": "b", "src/deep/c.txt": "c",
		"src/link": "->../train.py", "data/big.bin": "big", "envpack.toml": "m", "envpack.lock": "l", "src/envpack.toml": "other",
		"src/__pycache__/a.pyc": "x", "old.pyc": "x", "venv/bin/python": "x", "node_modules/x": "x", "out/index.json": "x", "digits.tar": "x",
	})
	return dir
}

func TestSelectPatterns(t *testing.T) {
	dir := sampleProject(t)
	for pattern, want := range map[string]string{
		"train.py":    "train.py",
		"src":         "src/a.py src/deep/b.py src/deep/c.txt src/envpack.toml src/link",
		"src/":        "src/a.py src/deep/b.py src/deep/c.txt src/envpack.toml src/link",
		"./src/deep":  "src/deep/b.py src/deep/c.txt",
		"*.py":        "train.py",
		"**/*.py":     "src/a.py src/deep/b.py train.py",
		"src/**":      "src/a.py src/deep/b.py src/deep/c.txt src/envpack.toml src/link",
		"src/*":       "src/a.py src/deep/b.py src/deep/c.txt src/envpack.toml src/link",
		"s?c/d*":      "src/deep/b.py src/deep/c.txt",
		"src/[ab].py": "src/a.py",
		"src/link":    "src/link",
		".":           "data/big.bin digits.tar out/index.json run.sh src/a.py src/deep/b.py src/deep/c.txt src/envpack.toml src/link train.py",
	} {
		if d := cmp.Diff(want, strings.Join(selected(t, dir, pattern), " ")); d != "" {
			t.Errorf("%s: %s", pattern, d)
		}
	}
}

func TestSelectPatternErrors(t *testing.T) {
	dir := sampleProject(t)
	for pattern, want := range map[string]string{
		"tran.py":      `the pattern "tran.py" in [image] include matches no file`,
		"Train.py":     "matches no file",
		"*.rs":         "matches no file",
		"src/nope/**":  "matches no file",
		"src/link/x":   "matches no file",
		"../x":         "leads out of the project",
		"/etc/passwd":  "leads out of the project",
		"src/../../x":  "leads out of the project",
		"":             "is empty",
		"a[":           "has a bracket that is not closed",
		"envpack.toml": "names only files that are never part of an image",
		"*.lock":       "names only files that are never part of an image",
		"venv":         "names only files that are never part of an image",
	} {
		_, err := Select(context.Background(), dir, []string{"train.py", pattern})
		if err == nil || !strings.Contains(err.Error(), want) || diag.CodeOf(err) != diag.Manifest {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestSelectFolder(t *testing.T) {
	dir := sampleProject(t)
	put(t, dir, map[string]string{
		".gitignore": "data/\n*.tar\n!keep.tar\n", "keep.tar": "k", "src/deep/.gitignore": "*.txt\n",
		".dockerignore": "# no\nout\n!out/keep\n**/skip*\n", "out/keep": "k", "src/deep/skipped": "s",
	})
	tree, err := Select(context.Background(), dir, nil, filepath.Join(dir, "keep.tar"), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".dockerignore", ".gitignore", "out/keep", "run.sh", "src/a.py", "src/deep/.gitignore", "src/deep/b.py", "src/envpack.toml", "src/link", "train.py"}
	if d := cmp.Diff(want, tree.Paths()); d != "" {
		t.Error(d)
	}
	if tree.Source != Folder {
		t.Errorf("source is %s", tree.Source)
	}
}

func TestDockerIgnore(t *testing.T) {
	for _, c := range []struct {
		text, path string
		ignored    bool
	}{
		{"a", "a", true}, {"a", "b/a", false}, {"a", "a/b/c", true}, {"/a/", "a/b", true}, {"**/a", "b/c/a", true}, {"**/a", "a", true},
		{"*.md\n!R.md", "R.md", false}, {"*.md\n!R.md", "x.md", true}, {"d\n!d/x", "d/x", false}, {"d\n!d/x", "d/y", true},
		{"!a\na", "a", true}, {"a/*/c", "a/b/c", true}, {"a/*/c", "a/b/b/c", false}, {"a/**/c", "a/b/b/c", true}, {"a**c", "ab/c", true},
		{"#a", "#a", false}, {"  a  ", "a", true}, {"a?c", "abc", true}, {"[", "[", false}, {"a.b", "axb", false}, {".", "a", false}, {"**", "a/b", true},
	} {
		if got := parseDockerIgnore([]byte(c.text)).ignored(c.path); got != c.ignored {
			t.Errorf("%q on %s: %v", c.text, c.path, got)
		}
	}
}

func TestSelectErrors(t *testing.T) {
	unix(t)
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"absolute link": {map[string]string{"x": "->/etc/passwd"}, `the symbolic link x leads to "/etc/passwd", an absolute path`},
		"link outside":  {map[string]string{"d/x": "->../../y"}, `the symbolic link d/x leads to "../../y", outside the project`},
		"whiteout":      {map[string]string{"d/.wh.x": ""}, "d/.wh.x cannot be in an image"},
		"case":          {map[string]string{"Src/a": "", "src/b": ""}, "both Src and src, which differ only by case"},
		"not UTF-8":     {map[string]string{"a\xff": ""}, `"a\xff" is not UTF-8`},
	} {
		dir := t.TempDir()
		put(t, dir, c.files)
		_, err := Select(context.Background(), dir, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Select(context.Background(), filepath.Join(t.TempDir(), "absent"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent folder gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Select(ctx, sampleProject(t), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled selection gives %v", err)
	}
}

func TestHash(t *testing.T) {
	dir := sampleProject(t)
	select_ := func() *Tree {
		tree, err := Select(context.Background(), dir, []string{"train.py", "src", "run.sh"})
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	first := select_().Hash()
	// The hash is part of the format: any program that follows Hash's comment gets this one.
	if want := "4785d7770db14ac6a349772ef77e41e2d846378f9b4f36570f02575c9bcbb93c"; first != want {
		t.Errorf("hash is %s, want %s", first, want)
	}
	now := time.Now()
	os.Chtimes(filepath.Join(dir, "train.py"), now, now.Add(time.Hour))
	os.Chmod(filepath.Join(dir, "train.py"), 0o640)
	put(t, dir, map[string]string{"unselected": "x", "envpack.lock": "changed"})
	if select_().Hash() != first {
		t.Error("what does not matter changes the hash")
	}
	seen := map[string]bool{first: true}
	for name, change := range map[string]func(){
		"content": func() { put(t, dir, map[string]string{"src/a.py": "A"}) },
		"mode":    func() { os.Chmod(filepath.Join(dir, "src/a.py"), 0o744) },
		"name":    func() { os.Rename(filepath.Join(dir, "src/a.py"), filepath.Join(dir, "src/aa.py")) },
		"link": func() {
			os.Remove(filepath.Join(dir, "src/link"))
			put(t, dir, map[string]string{"src/link": "->../run.sh"})
		},
		"added": func() { put(t, dir, map[string]string{"src/new": ""}) },
	} {
		change()
		h := select_().Hash()
		if seen[h] {
			t.Errorf("a change of %s does not change the hash", name)
		}
		seen[h] = true
	}
}

func TestEntries(t *testing.T) {
	dir := sampleProject(t)
	tree, err := Select(context.Background(), dir, []string{"train.py", "src/link", "run.sh"})
	if err != nil {
		t.Fatal(err)
	}
	entries := tree.Entries("/app")
	var got []string
	for _, e := range entries {
		line := string(e.Kind) + " " + e.Path + " " + os.FileMode(e.Mode).String()
		if e.Kind == layer.File {
			r, err := e.Content.(layer.Opener).Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil || int64(len(data)) != e.Content.(layer.Opener).Length {
				t.Errorf("%s: %d bytes, %v", e.Path, len(data), err)
			}
			r.Close()
			line += " " + string(data)
		} else {
			line += " " + e.Link
		}
		got = append(got, line)
	}
	want := []string{"0 app/run.sh -rwxr-xr-x #!/bin/sh\n", "2 app/src/link -rwxrwxrwx ../train.py", "0 app/train.py -rw-r--r-- print(1)\n"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if at := tree.Entries("/")[0].Path; at != "run.sh" {
		t.Errorf("below the root it is %s", at)
	}
	if tree.Size() != int64(len("#!/bin/sh\nprint(1)\n")) {
		t.Errorf("size is %d", tree.Size())
	}
	for _, changed := range []string{"print(2)\n", "print(1)\nmore", "print", ""} {
		put(t, dir, map[string]string{"train.py": changed})
		r, err := entries[2].Content.(layer.Opener).Open()
		if err != nil {
			t.Fatal(err)
		}
		// A reader that knows the length does not look beyond it.
		data := make([]byte, len("print(1)\n"))
		n, err := io.ReadFull(r, data)
		if err == nil {
			_, err = r.Read(make([]byte, 1))
		}
		if err == nil || err == io.EOF || !strings.Contains(err.Error(), "train.py changed") {
			t.Errorf("%q: %d bytes, %v", changed, n, err)
		}
		r.Close()
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x00"+strings.Repeat("\x00", 20)), false)
	entry := strings.Repeat("\x00", 24) + "\x00\x00\x81\xa4" + strings.Repeat("\x00", 32)
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01"+entry+"\x00\x01a\x00"+strings.Repeat("\x00", 8)+strings.Repeat("\x00", 20)), false)
	f.Add([]byte("DIRC\x00\x00\x00\x04\x00\x00\x00\x01"+entry+"\x00\x01\x00a\x00"+strings.Repeat("\x00", 20)), false)
	f.Fuzz(func(t *testing.T, data []byte, long bool) {
		size := 20
		if long {
			size = 32
		}
		list, err := parseIndex(data, size)
		if err == nil && len(list) > len(data) {
			t.Fatalf("%d entries from %d bytes", len(list), len(data))
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("a/**/[!b-d]*.py", "a/x/y/e.py")
	f.Add("[[:]b", "b")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		start := time.Now()
		gitPatterns.matchPath(pattern, path)
		ourPatterns.matchPath(pattern, path)
		parseDockerIgnore([]byte(pattern)).ignored(path)
		parseGitRules(".", []byte(pattern)).verdict(path, true)
		if d := time.Since(start); d > 2*time.Second && len(pattern)+len(path) < 1000 {
			t.Fatalf("took %s", d)
		}
	})
}

func TestSelectLeavesOutImages(t *testing.T) {
	dir := t.TempDir()
	header := func(name string) string {
		var b strings.Builder
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Close()
		return b.String()
	}
	put(t, dir, map[string]string{
		"a.py": "x", "img/oci-layout": "{}", "img/index.json": "{}", "img/blobs/sha256/x": "x", "page/index.json": "{}",
		"a.tar": header("oci-layout"), "data.tar": header("manifest.json"), "not.tar": "text",
	})
	tree, err := Select(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a.py", "data.tar", "not.tar", "page/index.json"}, tree.Paths()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"not in the image, because they are images themselves: a.tar, img"}, tree.Warnings); d != "" {
		t.Error(d)
	}
}
