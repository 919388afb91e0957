package lockfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// direct is a lock with packages that are named by their addresses, and with some that are not built.
func direct() *Lock {
	l := sample()
	l.Seals = nil
	amd64 := []string{"linux/amd64"}
	both := []string{"linux/amd64", "linux/arm64"}
	l.Packages = append(l.Packages,
		Package{Name: "by-url", Version: "1", URL: "https://files.example/by_url-1-py3-none-any.whl", Files: []File{
			{Name: "by_url-1-py3-none-any.whl", SHA256: hex64("1"), Size: 9, Hashed: true, Targets: both}}},
		Package{Name: "by-path", Version: "1", Path: "../wheels/by_path-1-py3-none-any.whl", Files: []File{
			{Name: "by_path-1-py3-none-any.whl", SHA256: hex64("2"), Size: 9, Targets: both}}},
		Package{Name: "folder", Version: "1", Path: "libs/folder", Tree: hex64("3"), Targets: both},
		Package{Name: "repository", Version: "1", Git: "https://git.example/r.git", Revision: "main", Commit: strings.Repeat("a", 40), Subdirectory: "py", Targets: amd64},
		Package{Name: "shell", Version: "1", Git: "ssh://git@git.example/r", Revision: "feature/x+1", Commit: strings.Repeat("a", 40), Targets: amd64},
		Package{Name: "source", Version: "1", Files: []File{{Name: "source-1.tar.gz", SHA256: hex64("4"), Size: 90 << 20, Targets: both}}},
	)
	return l
}

func TestDirectPackages(t *testing.T) {
	l := direct()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	text := Encode(l)
	read, err := Parse(Name, text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Encode(read), text) {
		t.Error("reading and writing changes it")
	}
	l.Normalize()
	if d := cmp.Diff(l, read); d != "" {
		t.Errorf("(-written +read)\n%s", d)
	}
	var unbuilt []string
	for _, p := range l.Packages {
		if !p.Built() {
			unbuilt = append(unbuilt, p.Name)
		}
	}
	if want := []string{"folder", "repository", "shell", "source"}; !slices.Equal(unbuilt, want) {
		t.Errorf("not built are %v, want %v", unbuilt, want)
	}
	ChooseLayers(l, nil)
	for _, g := range l.Groups("linux/amd64") {
		for _, p := range g.Packages {
			if slices.Contains(unbuilt, p.Name) {
				t.Errorf("%s is in the layer %s", p.Name, g.Name)
			}
		}
	}
	on := func(platform string) string {
		t.Helper()
		p, err := l.Projection(platform)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(Name, p); err != nil {
			t.Error(err)
		}
		return string(p)
	}
	if p := on("linux/amd64"); !strings.Contains(p, "commit = ") || strings.Contains(p, "revision = ") || strings.Contains(p, "hashed = ") {
		t.Errorf("the projection is\n%s", p)
	}
	if p := on("linux/arm64"); strings.Contains(p, "repository") || !strings.Contains(p, `name = "folder"`) {
		t.Errorf("the projection is\n%s", p)
	}
}

func TestBadOrigin(t *testing.T) {
	for want, change := range map[string]func(p *Package){
		"only one of index, url, path and git":    func(p *Package) { p.Index = "pytorch" },
		"holds credentials":                       func(p *Package) { p.Path, p.URL = "", "https://me:secret@files.example/a.whl" },
		"a fragment has no place":                 func(p *Package) { p.Path, p.URL = "", "https://files.example/a.whl#sha256=1" },
		`"./a.whl" is not a path in its shortest`: func(p *Package) { p.Path = "./a.whl" },
		"its file is a-1-py3-none-any.whl":        func(p *Package) { p.Path = "b-1-py3-none-any.whl" },
		"is not a folder below the root":          func(p *Package) { p.Subdirectory = "../a" },
		"there is a commit or a revision":         func(p *Package) { p.Commit = strings.Repeat("a", 40) },
		"is not the full hash of a commit":        func(p *Package) { p.Path, p.Git, p.Commit = "", "https://git.example/a", "abc" },
		"package[4].revision: \"--upload-pack=x\" is": func(p *Package) {
			p.Path, p.Git, p.Commit, p.Revision = "", "https://git.example/a", strings.Repeat("a", 40), "--upload-pack=x"
		},
		`"a:b" is not the name of a branch, tag`: func(p *Package) {
			p.Path, p.Git, p.Commit, p.Revision = "", "https://git.example/a", strings.Repeat("a", 40), "a:b"
		},
		`nothing is known to be fetched by "ext"`: func(p *Package) { p.Path, p.Git, p.Commit = "", "ext::sh -c x", strings.Repeat("a", 40) },
		"git: is not an address":                  func(p *Package) { p.Path, p.Git, p.Commit = "", "ssh://-oProxyCommand=x/a", strings.Repeat("a", 40) },
		"git: holds credentials": func(p *Package) {
			p.Path, p.Git, p.Commit = "", "ssh://me:secret@git.example/a", strings.Repeat("a", 40)
		},
		"only a folder has one":                     func(p *Package) { p.Tree = hex64("1") },
		"package[4].tree: is missing":               func(p *Package) { p.Targets, p.Files = []string{"linux/amd64"}, nil },
		"say which targets install it":              func(p *Package) { p.Targets = []string{"linux/amd64"} },
		"no target installs a":                      func(p *Package) { p.Files = nil },
		"linux/amd64 has a second file or version ": func(p *Package) { p.Name = "numpy" },
	} {
		l := sample()
		l.Packages = append(l.Packages, Package{Name: "a", Version: "1", Path: "libs/a-1-py3-none-any.whl",
			Files: []File{{Name: "a-1-py3-none-any.whl", SHA256: hex64("1"), Size: 1, Targets: []string{"linux/amd64"}}}})
		change(&l.Packages[4])
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestDiffOrigins(t *testing.T) {
	old, now := direct(), direct()
	for i := range now.Packages {
		switch p := &now.Packages[i]; p.Name {
		case "repository":
			p.Commit = strings.Repeat("b", 40)
		case "folder":
			p.Tree = hex64("9")
		case "by-url":
			p.URL = ""
		}
	}
	var got []string
	for _, c := range Diff(old, now) {
		got = append(got, c.String())
	}
	want := []string{
		"~ by-url 1 from https://files.example/by_url-1-py3-none-any.whl → 1 from the default index",
		"~ folder 1 → other files of this version",
		"~ repository 1 from https://git.example/r.git at " + strings.Repeat("a", 40) + " in py → 1 from https://git.example/r.git at " + strings.Repeat("b", 40) + " in py",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
