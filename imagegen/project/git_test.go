package project

import (
	"bytes"
	"context"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

// git runs git without the configuration of the machine.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "HOME="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if args[0] == "check-ignore" { // 1: none is ignored
			return string(out)
		}
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func needGit(t *testing.T) {
	t.Helper()
	testenv.Tool(t, "git")
}

// put writes files: a path that ends in ! is executable, a content that begins with -> a link.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name, exec := strings.CutSuffix(name, "!")
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(target, p)
		} else {
			mode := os.FileMode(0o644)
			if exec {
				mode = 0o755
			}
			err = os.WriteFile(p, []byte(content), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func selected(t *testing.T, dir string, patterns ...string) []string {
	t.Helper()
	tree, err := Select(context.Background(), dir, patterns)
	if err != nil {
		t.Fatal(err)
	}
	return tree.Paths()
}

func TestGitTracked(t *testing.T) {
	needGit(t)
	for _, version := range []string{"2", "3", "4"} {
		t.Run("version "+version, func(t *testing.T) {
			dir := t.TempDir()
			git(t, dir, "init", "-q")
			put(t, dir, map[string]string{
				"a.py": "1", "run.sh!": "2", "link": "->a.py", "pkg/b.py": "3", "pkg/deep/c.py": "4", "pkg/deep/cc.py": "",
				"envpack.toml": "x", "envpack.lock": "x", "pkg/envpack.toml": "kept", "ünïcode.txt": "5", "gone.py": "6",
				strings.Repeat("d/", 60) + strings.Repeat("n", 200): "7", "venv/tracked": "8", "becomes-dir": "9",
			})
			git(t, dir, "add", "-A")
			put(t, dir, map[string]string{"untracked.py": "1", "later.py": "2"})
			if version == "3" {
				git(t, dir, "add", "-N", "later.py") // needs extended flags
			} else {
				git(t, dir, "update-index", "--index-version", version)
			}
			os.Remove(filepath.Join(dir, "gone.py"))
			os.Remove(filepath.Join(dir, "becomes-dir"))
			put(t, dir, map[string]string{"becomes-dir/x": "1"})
			index, err := os.ReadFile(filepath.Join(dir, ".git/index"))
			if err != nil || fmt.Sprint(index[7]) != version {
				t.Fatalf("version is %d, %v", index[7], err)
			}
			var want []string
			for _, p := range strings.Split(strings.TrimSuffix(git(t, dir, "ls-files", "-z"), "\x00"), "\x00") {
				if p != "gone.py" && p != "envpack.toml" && p != "envpack.lock" && p != "becomes-dir" {
					want = append(want, p)
				}
			}
			if d := cmp.Diff(want, selected(t, dir)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{"b.py", "deep/c.py", "deep/cc.py"}, selected(t, filepath.Join(dir, "pkg"))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestGitWorktreeAndSubmodule(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	lib, top, tree := filepath.Join(dir, "lib"), filepath.Join(dir, "top"), filepath.Join(dir, "tree")
	for _, d := range []string{lib, top} {
		git(t, dir, "init", "-q", d)
		put(t, d, map[string]string{"main.py": d, "sub/x.py": "x"})
		git(t, d, "add", "-A")
		git(t, d, "commit", "-q", "-m", "x")
	}
	git(t, top, "worktree", "add", "-q", tree)
	put(t, tree, map[string]string{"new.py": "1", "loose.py": "2"})
	git(t, tree, "add", "new.py")
	if d := cmp.Diff([]string{"main.py", "new.py", "sub/x.py"}, selected(t, tree)); d != "" {
		t.Error(d)
	}
	git(t, top, "submodule", "--quiet", "add", lib, "dep")
	if d := cmp.Diff([]string{"main.py", "sub/x.py"}, selected(t, filepath.Join(top, "dep"))); d != "" {
		t.Error(d)
	}
	_, err := Select(context.Background(), top, nil)
	if err == nil || !strings.Contains(err.Error(), "dep is a git submodule") {
		t.Errorf("a checked-out submodule gives %v", err)
	}
	if d := cmp.Diff([]string{"dep/main.py", "dep/sub/x.py", "main.py"}, selected(t, top, "main.py", "dep")); d != "" {
		t.Error(d)
	}
	git(t, top, "submodule", "--quiet", "deinit", "-f", "dep")
	got, err := Select(context.Background(), top, nil)
	if err != nil || len(got.Warnings) != 1 {
		t.Errorf("an absent submodule gives %v", err)
	}
}

func TestGitUntracked(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	put(t, dir, map[string]string{"a": "1", ".gitignore": "*.log\n", "sub/b": "2"})
	git(t, dir, "add", "-A")
	for want, files := range map[string]map[string]string{
		"": {"x.log": "", "venv/x": "", "envpack.lock": "", "out/index.json": ""},
		"not in the image, because git does not track it: new, sub/new":                                                                            {"new": "", "sub/new": ""},
		"not in the image, because git does not track it: n1, n2, n3, n4, n5 and 2 more, as `git ls-files --others --exclude-standard` lists them": {"n1": "", "n2": "", "n3": "", "n4": "", "n5": "", "n6": "", "n7": ""},
	} {
		put(t, dir, files)
		tree, err := Select(context.Background(), dir, nil, filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(tree.Warnings, "\n"); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if len(tree.Paths()) != 3 {
			t.Errorf("selected %q", tree.Paths())
		}
		for p := range files {
			os.Remove(filepath.Join(dir, p))
		}
	}
}

func TestGitOtherIndexes(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	git(t, dir, "init", "-q", "--object-format=sha256")
	put(t, dir, map[string]string{"a/x": "1", "b/y": "2"})
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "x")
	if d := cmp.Diff([]string{"a/x", "b/y"}, selected(t, dir)); d != "" {
		t.Error(d)
	}
	git(t, dir, "sparse-checkout", "set", "--cone", "--sparse-index", "a")
	if d := cmp.Diff([]string{"a/x"}, selected(t, dir)); d != "" {
		t.Error(d)
	}
	put(t, dir, map[string]string{"b/y": "again"})
	if _, err := Select(context.Background(), dir, nil); err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("a folder outside the sparse checkout gives %v", err)
	}
	if _, err := Select(context.Background(), filepath.Join(dir, "b"), nil); err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("a project outside the sparse checkout gives %v", err)
	}
	split := t.TempDir()
	git(t, split, "init", "-q")
	put(t, split, map[string]string{"a": "1"})
	git(t, split, "add", "-A")
	git(t, split, "update-index", "--split-index")
	if _, err := Select(context.Background(), split, nil); err == nil || !strings.Contains(err.Error(), "split over two files") {
		t.Errorf("a split index gives %v", err)
	}
	empty := t.TempDir()
	git(t, empty, "init", "-q")
	put(t, empty, map[string]string{"a": "1", ".gitignore": "b\n", "b": "2"})
	if d := cmp.Diff([]string{".gitignore", "a"}, selected(t, empty)); d != "" {
		t.Errorf("nothing tracked: %s", d)
	}
}

// TestIgnoreAsGit compares our reading of .gitignore with git's on made-up files and patterns.
func TestIgnoreAsGit(t *testing.T) {
	needGit(t)
	rounds := 15
	if os.Getenv("ENVPACK_TEST") == "all" {
		rounds = 200
	}
	r := rand.New(rand.NewSource(7))
	names := []string{"a", "b", "ab", "abc", "a.py", "b.py", "x y", "#h", "!n", "é", "a]b", "a-b", `back\slash`, "A"}
	parts := []string{"a", "b", "ab", "*", "**", "?", "a*", "*b", "*.py", "[ab]", "[!a]", "[a-c]*", "[[:alpha:]]", "[]a]*", `\#h`, `\!n`, "a**b", "**b", "x\\ y", "x y", "é", "[é]", "[", "a[", `a\]b`, "[a\\]b]", "?*?", "[a-", "*[^a]", `back\\slash`, "[[:nope:]]", "[[:]", "[[:]b", "[[:a]", "[[:a]b:]", "[[:alpha:]", "[A-Z]", "[--a]", "[^]a]"}
	for range rounds {
		dir := t.TempDir()
		git(t, dir, "init", "-q")
		files := map[string]string{}
		for range 60 {
			p := names[r.Intn(len(names))]
			for range r.Intn(4) {
				p = path.Join(names[r.Intn(len(names))], p)
			}
			files[p] = ""
		}
		rules := func() string {
			var lines []string
			for range 1 + r.Intn(6) {
				line := parts[r.Intn(len(parts))]
				for range r.Intn(3) {
					line += "/" + parts[r.Intn(len(parts))]
				}
				line = []string{"", "", "", "/", "!", "!/"}[r.Intn(6)] + line + []string{"", "", "/", " ", "/**", "\\ ", "\r"}[r.Intn(7)]
				lines = append(lines, line)
			}
			return strings.Join(append(lines, "# end", ""), "\n")
		}
		all := map[string]bool{}
		for p := range files {
			all[p] = true
			for d := path.Dir(p); d != "."; d = path.Dir(d) {
				delete(all, d)
			}
		}
		for p := range all { // a name cannot be both a file and a folder
			for d := path.Dir(p); d != "."; d = path.Dir(d) {
				delete(all, d)
			}
		}
		for p := range all {
			put(t, dir, map[string]string{p: ""})
		}
		ignore := map[string]string{".gitignore": rules()}
		for _, sub := range []string{"a", "ab"} {
			if info, err := os.Stat(filepath.Join(dir, sub)); err == nil && info.IsDir() {
				ignore[sub+"/.gitignore"] = rules()
			}
		}
		put(t, dir, ignore)
		var want []string
		for _, p := range strings.Split(git(t, dir, "ls-files", "-z", "--others", "--exclude-standard"), "\x00") {
			if p != "" {
				want = append(want, p)
			}
		}
		repo, err := findRepository(dir)
		if err != nil || repo == nil {
			t.Fatal(err)
		}
		s := &selection{ctx: context.Background(), root: dir, tree: &Tree{}, chosen: map[string]uint32{}}
		if err := s.byFolder(repo); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for p := range s.chosen {
			got[p] = true
		}
		wanted := map[string]bool{}
		for _, p := range want {
			wanted[p] = true
		}
		if d := cmp.Diff(wanted, got); d != "" {
			t.Fatalf("(-git +ours)\n%s\n%q", d, ignore)
		}
	}
}

func TestRecallModes(t *testing.T) {
	needGit(t)
	unix(t)
	dir := t.TempDir()
	put(t, dir, map[string]string{"run.sh!": "x", "a.py": "x", "new.sh!": "x"})
	git(t, dir, "init", "-q")
	git(t, dir, "add", "run.sh", "a.py")
	s := &selection{ctx: context.Background(), root: dir, tree: &Tree{}, chosen: map[string]uint32{"run.sh": 0, "new.sh": 0}}
	if err := s.recallModes(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]uint32{"run.sh": gitExecutable, "new.sh": 0}, s.chosen); d != "" {
		t.Error(d)
	}
}
