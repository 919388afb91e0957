package imagegen

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// opened is an image made by testenv, and what is known of it.
func opened(t *testing.T, o testenv.ImageOptions) (v1.Image, *parent.Parent) {
	t.Helper()
	dir := t.TempDir()
	made := testenv.NewImage(o)
	if err := made.WriteLayout(dir); err != nil {
		t.Fatal(err)
	}
	hash, err := v1.NewHash(made.Digest)
	if err != nil {
		t.Fatal(err)
	}
	where, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	img, err := where.Image(hash)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := parent.Read(context.Background(), img, parent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return img, facts
}

func TestUserID(t *testing.T) {
	for name, c := range map[string]struct {
		passwd, group string
		want          int64
	}{
		"nobody has it":      {"root:x:0:0:::\n", "root:x:0:\n", 1000},
		"a user has it":      {"ubuntu:x:1000:1000:::\n", "ubuntu:x:1000:\n", 1001},
		"a group has it":     {"root:x:0:0:::\n", "staff:x:1000:\nmore:x:1001:\n", 1002},
		"its own":            {"one:x:1000:1000:::\napp:x:1234:50::/srv:/bin/sh\n", "", 1234},
		"its own is no id":   {"app:x:many:50::/srv:/bin/sh\n", "", 1000},
		"lines without form": {"\nnothing\na:b\n", ":::\n", 1000},
	} {
		_, facts := opened(t, testenv.ImageOptions{Files: map[string]string{"etc/passwd": c.passwd, "etc/group": c.group}})
		if got := UserID(facts.Tree); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestUserEntries(t *testing.T) {
	_, facts := opened(t, testenv.ImageOptions{
		Files:  map[string]string{"etc/passwd": "root:x:0:0:root:/root:/bin/sh", "home/": "", "usr/bin/bash": "#!"},
		Modes:  map[string]uint32{"etc/shadow": 0o640, "home/": 0o2755},
		Owners: map[string][2]int{"etc/shadow": {0, 42}, "home/": {0, 50}},
	})
	entries := userEntries(facts.Tree, 1001)
	var got []string
	for _, e := range entries {
		line := strings.Join([]string{e.Path, string(rune(e.Kind))}, " ")
		if text, ok := e.Content.(layer.Bytes); ok {
			line += " " + string(text)
		}
		got = append(got, strings.TrimSpace(line)+modeAndOwner(e))
	}
	want := []string{
		"etc/group 0 root:x:0:\nshadow:x:42:\napp:x:1001: 644 0:0",
		"etc/passwd 0 root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001::/home/app:/bin/bash 644 0:0",
		"etc/shadow 0 root:*:19000:0:99999:7:::\napp:!::0:99999:7::: 640 0:42",
		"home/app 5 775 1001:0", "home/app/.cache 5 775 1001:0", "home/app/.config 5 775 1001:0", "home/app/.local 5 775 1001:0",
		"etc 5 755 0:0", "home 5 2755 0:50",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// One that is there stays.
	_, facts = opened(t, testenv.ImageOptions{Files: map[string]string{
		"etc/passwd": "app:x:7:7::/srv:/bin/sh\n", "etc/group": "app:x:7:\n", "etc/shadow": "app:!:::::::\n",
		"home/app/.cache/": "", "home/app/.config/": "", "home/app/.local/": "",
	}})
	if entries = userEntries(facts.Tree, 7); len(entries) > 0 {
		t.Errorf("%v", entries)
	}
}

func modeAndOwner(e layer.Entry) string {
	return fmt.Sprintf(" %o %d:%d", e.Mode, e.UID, e.GID)
}

func TestInheritedEnv(t *testing.T) {
	below := []string{"PATH=/usr/local/bin:/bin", "LANG=de_DE.UTF-8", "PYTHON_VERSION=3.11.2", "MODE=below", "EMPTY="}
	got := inheritedEnv(below, lockfile.Image{User: "root", Env: map[string]string{"MODE": "ours", "NEW": "1"}}, "")
	want := []string{
		"PATH=/opt/env/bin:/usr/local/bin:/bin", "LANG=de_DE.UTF-8", "PYTHON_VERSION=3.11.2", "MODE=ours", "EMPTY=",
		"VIRTUAL_ENV=/opt/env", "NEW=1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = inheritedEnv(nil, lockfile.Image{User: "root", Env: map[string]string{"LANG": "C"}}, "")
	if diff := cmp.Diff([]string{"PATH=" + searchPath, "LANG=C", "VIRTUAL_ENV=/opt/env"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAccountOf(t *testing.T) {
	plan := standingOn(t, testenv.ImageOptions{Python: "3.11.2", Files: map[string]string{"etc/passwd": "app:x:1234:50::/srv/app:/bin/sh\n"}}, lockfile.Image{User: "app", Workdir: "/app"})
	c := newConfig(plan, nil)
	if c.Config.User != "1234:50" || !slices.Contains(c.Config.Env, "HOME=/srv/app") {
		t.Errorf("%+v", c.Config)
	}
	plan = standingOn(t, testenv.ImageOptions{Python: "3.11.2"}, lockfile.Image{User: "app", Workdir: "/app", Env: map[string]string{"HOME": "/tmp"}})
	if c = newConfig(plan, nil); c.Config.User != "1000:1000" || !slices.Contains(c.Config.Env, "HOME=/tmp") {
		t.Errorf("%+v", c.Config)
	}
}

// standingOn is a plan on an image, opened.
func standingOn(t *testing.T, o testenv.ImageOptions, image lockfile.Image) *Plan {
	t.Helper()
	img, facts := opened(t, o)
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	below := lockfile.BaseImage{Target: "linux/amd64", Digest: facts.Digest, Config: facts.Config, Created: facts.Created, Python: "/usr/bin/python3.11", UserID: UserID(facts.Tree)}
	for _, l := range facts.Layers {
		below.Layers = append(below.Layers, lockfile.BaseLayer{Digest: l.Digest, DiffID: l.DiffID, Size: l.Size, MediaType: l.MediaType})
	}
	lock := &lockfile.Lock{
		Image: image, Targets: []lockfile.Target{{Platform: "linux/amd64", Python: "3.11.2"}},
		Base: lockfile.Base{Distro: "debian:12", Reference: "registry.example/base:1", Images: []lockfile.BaseImage{below}},
	}
	plan, err := NewPlan(lock, "linux/amd64", nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.standing = &standing{image: img, file: file, folders: plan.otherFolders(facts.Tree), user: accountOf(facts.Tree, below.UserID)}
	return plan
}

var updateImage = flag.Bool("update-image", false, "write the golden config anew")

func TestConfigGolden(t *testing.T) {
	plan := standingOn(t, testenv.ImageOptions{
		Python: "3.11.2", Env: []string{"MODE=below"}, Entrypoint: []string{"/entry"}, Files: map[string]string{"etc/group": "staff:x:1000:\n"},
	}, lockfile.Image{User: "app", Workdir: "/app", Command: []string{"python", "main.py"}, Env: map[string]string{"A": "<b>"}, Labels: map[string]string{"x": "y"}, Ports: []string{"80/tcp"}})
	layers := []Layer{{Kind: ParentFormat, DiffID: plan.parent.Layers[0].DiffID}, {Kind: UserFormat, Name: "user", DiffID: "sha256:1"}, {Kind: FilesFormat, Name: "lock", DiffID: "sha256:2"}}
	got, err := marshal(newConfig(plan, layers))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "testdata", "golden", "image_config.json")
	if *updateImage {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestHistoryMadeUp(t *testing.T) {
	plan := standingOn(t, testenv.ImageOptions{Python: "3.11.2"}, lockfile.Image{})
	if got := plan.history(); len(got) != 1 || got[0].CreatedBy != "a test" {
		t.Errorf("%+v", got)
	}
	plan.standing.file.History = append(plan.standing.file.History, v1.History{CreatedBy: "another layer"})
	if got := plan.history(); len(got) != 1 || got[0].CreatedBy != "base image registry.example/base:1" {
		t.Errorf("%+v", got)
	}
}

func TestOtherFolders(t *testing.T) {
	plan := standingOn(t, testenv.ImageOptions{
		Files: map[string]string{"opt/": "", "srv/": "", "srv/a/": "", "srv/a/job/": ""}, Modes: map[string]uint32{"opt/": 0o2775, "srv/a/": 0o700, "srv/a/job/": 0o700},
		Owners: map[string][2]int{"opt/": {0, 50}, "srv/a/": {7, 8}},
	}, lockfile.Image{Workdir: "/srv/a/job"})
	var got []string
	for _, f := range plan.standing.folders {
		got = append(got, f.Path+modeAndOwner(f))
	}
	if diff := cmp.Diff([]string{"opt 2775 0:50", "srv/a 700 7:8"}, got); diff != "" {
		t.Error(diff)
	}
	if err := (&work{plan: plan}).checkLayers(maxLayers); err != nil {
		t.Error(err)
	}
	if err := (&work{plan: plan}).checkLayers(maxLayers + 1); diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), "126 layers") {
		t.Errorf("%v", err)
	}
}

// TestDataBelow has data files on an image that has something where they are to lie.
func TestDataBelow(t *testing.T) {
	o := testenv.ImageOptions{
		Files: map[string]string{"etc/passwd": "root:x:0:0:::\n", "srv/data/": "", "srv/data/x": "x", "plain": "a file", "home/": "", "home/app/": ""},
		Modes: map[string]uint32{"srv/data/": 0o1777, "home/app/": 0o755},
	}
	for to, want := range map[string]string{
		"/srv/data/y":    "",
		"/srv/data/x":    "", // is replaced
		"/srv/data":      "/srv/data is a folder",
		"/plain/y":       "/plain is a file",
		"/new/folder/y":  "",
		"/home/app/data": "",
	} {
		plan := standingOn(t, o, lockfile.Image{Workdir: "/app", User: "app"})
		plan.data = []lockfile.DataFile{{To: to, SHA256: strings.Repeat("0", 64)}}
		_, facts := opened(t, o)
		plan.standing.facts = facts
		err := plan.checkDataBelow()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || diag.CodeOf(err) != diag.Manifest) {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
		// What the image has of folders that the layer names, the last layer gives back.
		var folders []string
		for _, f := range plan.otherFolders(facts.Tree) {
			folders = append(folders, f.Path+modeAndOwner(f))
		}
		back := map[string]string{"/srv/data/y": "srv/data 1777 0:0", "/srv/data/x": "srv/data 1777 0:0", "/home/app/data": "home/app 755 0:0"}[to]
		if back != "" && !slices.Contains(folders, back) {
			t.Errorf("%s: folders %q, want %s", to, folders, back)
		}
	}
}
