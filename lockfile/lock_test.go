package lockfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTargets: of a free-threaded build the names have a t, and the version that markers see has none.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		target         Target
		minor, version string
		threaded       bool
	}{
		{Target{Python: "3.11.2", ABI: "cp311"}, "3.11", "3.11.2", false},
		{Target{Python: "3.14.0rc2", ABI: "cp314t"}, "3.14t", "3.14.0rc2t", true},
	} {
		if on := c.target; on.Minor() != c.minor || on.Version() != c.version || on.FreeThreaded() != c.threaded {
			t.Errorf("%+v: %s, %s, %t", on, on.Minor(), on.Version(), on.FreeThreaded())
		}
	}
	l := &Lock{
		Project: Project{Name: "x"}, Image: Image{User: "app", Workdir: "/app"}, Base: Base{Distro: NoDistro},
		Targets: []Target{{Platform: "linux/amd64", Python: "3.14.4", ABI: "cp314t", Musl: "1.2"}},
	}
	text := Encode(l)
	if !strings.Contains(string(text), "python = \"3.14.4\"\nabi = \"cp314t\"\nmusl = \"1.2\"\n") {
		t.Fatalf("%s", text)
	}
	back, err := Parse("x.lock", text)
	if err != nil || back.Targets[0] != l.Targets[0] {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestValidate(t *testing.T) {
	if err := sample().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(l *Lock){
		"target: is missing":                                         func(l *Lock) { l.Targets = nil },
		"target[1].platform: linux/arm64 stands twice":               func(l *Lock) { l.Targets[1] = l.Targets[0] },
		"target[0].python: \"3.11\" is not a full":                   func(l *Lock) { l.Targets[0].Python = "3.11" },
		"target[0].musl: there is glibc as well":                     func(l *Lock) { l.Targets[0].Musl = "1.2" },
		"target[0].musl: \"1\" is not a musl version":                func(l *Lock) { l.Targets[0].Glibc, l.Targets[0].Musl = "", "1" },
		"target[1].musl: the base is debian:12, whose":               func(l *Lock) { l.Targets[1].Glibc, l.Targets[1].Musl = "", "1.2" },
		"target[0].abi: \"cp311t\" is a free-threaded build, of":     func(l *Lock) { l.Targets[0].ABI = "cp311t" },
		"project.manifest: \"x\" is not a SHA-256":                   func(l *Lock) { l.Project.Manifest = "x" },
		"project.requires[0]: gone is not installed":                 func(l *Lock) { l.Project.Requires = []Dependency{{Name: "gone"}} },
		"project.requires[0]: torch is not installed on linux/arm64": func(l *Lock) { l.Project.Requires[0].Targets = nil },
		"project: the string \"\\xff\" is not UTF-8":                 func(l *Lock) { l.Choices[0].Reason = "\xff" },
		"image.user: must be app or root":                            func(l *Lock) { l.Image.User = "me" },
		"image.workdir: \"app\" is not an absolute":                  func(l *Lock) { l.Image.Workdir = "app" },
		"image.volumes[0]: \"/a/../b\"":                              func(l *Lock) { l.Image.Volumes = []string{"/a/../b"} },
		"image.ports[0]: \"80\" is not a port":                       func(l *Lock) { l.Image.Ports = []string{"80"} },
		"image.env.A=B: is not a variable":                           func(l *Lock) { l.Image.Env = map[string]string{"A=B": ""} },
		"gpu.cuda: is missing":                                       func(l *Lock) { l.GPU.CUDA = "" },
		"gpu.cuda: \">=12, <13\" is not a range":                     func(l *Lock) { l.GPU.CUDA = ">=12, <13" },
		"gpu.min-driver: \"R535\" is not a version":                  func(l *Lock) { l.GPU.MinDriver = "R535" },
		"gpu.devices[0]: \"\" is no name":                            func(l *Lock) { l.GPU.Devices = []string{""} },
		"gpu.require: \"cuda>12\" is not a condition":                func(l *Lock) { l.GPU.Require = "cuda>12" },
		"gpu.target[0].platform: there is no target":                 func(l *Lock) { l.GPU.Targets[0].Platform = "linux/s390x" },
		"gpu.target[1].platform: linux/arm64 stands twice":           func(l *Lock) { l.GPU.Targets[1].Platform = "linux/arm64" },
		"gpu.target[0].cuda: \"cu12\" is not a version":              func(l *Lock) { l.GPU.Targets[0].CUDA = "cu12" },
		"gpu.target[1].driver: \"535.\" is not a version":            func(l *Lock) { l.GPU.Targets[1].Driver = "535." },
		"index[0].url: holds credentials":                            func(l *Lock) { l.Indexes[0].URL = "https://me:secret@x.example/" },
		"index[1].path: there is an address as well":                 func(l *Lock) { l.Indexes[1].URL = "https://x.example/" },
		"index[1].path: \"./wheels\" is not":                         func(l *Lock) { l.Indexes[1].Path = "./wheels" },
		"index[1].format: there is no form":                          func(l *Lock) { l.Indexes[1].Format = "round" },
		"index[2].name: pytorch stands twice":                        func(l *Lock) { l.Indexes = append(l.Indexes, l.Indexes[0]) },
		"base.distro: is missing":                                    func(l *Lock) { l.Base.Distro = "" },
		"base.distro: there is no base, yet":                         func(l *Lock) { l.Base.Distro = "none" },
		"base.release[0].keys: is missing":                           func(l *Lock) { l.Base.Releases[0].Keys = nil },
		"base.deb[0].path: \"../x.deb\" is not a path":               func(l *Lock) { l.Base.Debs[0].Path = "../x.deb" },
		"base.deb[1].name: linux/amd64 has libc6 twice":              func(l *Lock) { l.Base.Debs[0] = l.Base.Debs[1] },
		"base.archive[0].url: holds credentials":                     func(l *Lock) { l.Base.Archives[0].URL = "https://me:secret@x.example/" },
		"base.interpreter[0].target[0]: there is no target":          func(l *Lock) { l.Base.Interpreters[0].Target = "linux/s390x" },
		"base.interpreter[0].version: \"3.12.1\" is not the Python":  func(l *Lock) { l.Base.Interpreters[0].Version = "3.12.1" },
		"package[0].index: there is no index \"other\"":              func(l *Lock) { l.Packages[0].Index = "other" },
		"package[1].file: is missing":                                func(l *Lock) { l.Packages[1].Files = nil },
		"package[0].file[0].size: is missing":                        func(l *Lock) { l.Packages[0].Files[0].Size = 0 },
		"package[0].file[0].name: \"../x.whl\" is not":               func(l *Lock) { l.Packages[0].Files[0].Name = "../x.whl" },
		"package[2].file[0].name: sympy-1.12-py3-none-any.whl stands twice": func(l *Lock) {
			l.Packages[2].Files[0].Name = l.Packages[1].Files[0].Name
		},
		"package[4].file[0].targets[0]: linux/amd64 has a second file or version of sympy": func(l *Lock) {
			l.Packages = append(l.Packages, Package{Name: "sympy", Version: "1.13", Files: []File{{Name: "s.whl", SHA256: hex64("1"), Size: 1, Targets: []string{"linux/amd64"}}}})
		},
		"package[0].requires[0]: the edge to sympy holds on linux/arm64, where its origin": func(l *Lock) {
			l.Packages[0].Requires[0].Targets = []string{"linux/arm64"}
		},
		"choice[3].name: the choice of library awk stands twice": func(l *Lock) { l.Choices = append(l.Choices, l.Choices[0]) },
		"file[0].to: \"data/x\" is not an absolute":              func(l *Lock) { l.Data[0].To = "data/x" },
		"file[0].to: \"/data/../x\" is not":                      func(l *Lock) { l.Data[0].To = "/data/../x" },
		"file[0].url: is missing":                                func(l *Lock) { l.Data[0].Path = "" },
		"file[0].path: there is an address as well":              func(l *Lock) { l.Data[0].URL = "https://x.example/" },
		"file[0].path: \"./x\" is not a path":                    func(l *Lock) { l.Data[0].Path = "./x" },
		"file[1].url: holds credentials":                         func(l *Lock) { l.Data[1].URL = "https://me:secret@x.example/" },
		"file[0].sha256: is missing":                             func(l *Lock) { l.Data[0].SHA256 = "" },
		"file[0].size: is missing":                               func(l *Lock) { l.Data[0].Size = 0 },
		"file[2].size: an empty file":                            func(l *Lock) { l.Data[2].Size = 1 },
		"file[0].targets: is missing":                            func(l *Lock) { l.Data[0].Targets = nil },
		"file[2].to: linux/amd64 has /app/models/a.bin twice":    func(l *Lock) { l.Data[2].Targets = l.Data[1].Targets },
		"file[0].to: /app/models/a.bin/b lies below":             func(l *Lock) { l.Data[0].To = "/app/models/a.bin/b" },
		"choice[3].name: \"../x\" is not a path":                 func(l *Lock) { l.Choices = append(l.Choices, Choice{Kind: OwnerChoice, Name: "../x", Value: "a"}) },
		"choice[3].value: \"A b\" is not a normalised name":      func(l *Lock) { l.Choices = append(l.Choices, Choice{Kind: OwnerChoice, Name: "x", Value: "A b"}) },
		"seal[0].layer: is missing":                              func(l *Lock) { l.Seals[0].Layers = nil },
		"seal[0].layer[1].name: \"base\" is missing or":          func(l *Lock) { l.Seals[0].Layers[1].Name = "base" },
		"seal[0].image: is missing":                              func(l *Lock) { l.Seals[0].Image = "" },
		"seal[0].environment: is missing":                        func(l *Lock) { l.Seals[0].Environment = "" },
		"seal[0].layer: the last is not that of the lock":        func(l *Lock) { s := &l.Seals[0]; s.Environment, s.Project, s.Image = "", "", "" },
		"seal[0].layer[0].digest":                                func(l *Lock) { l.Seals[0].Layers[0].Digest = "" },
		"seal[0].layer[2].digest":                                func(l *Lock) { *l = *begun(); l.Seals[0].Layers[2].Digest = "" },
		"seal[0].layer[1].digest: is missing":                    func(l *Lock) { *l = *begun(); l.Seals[0].Layers[1].Size = 7 },
		"seal[1].platform: linux/amd64 is sealed twice":          func(l *Lock) { l.Seals = append(l.Seals, l.Seals[0]) },
	} {
		l := sample()
		spoil(l)
		err := l.Validate()
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestDependencyText(t *testing.T) {
	for _, s := range []string{"a", "a[x]", "a[x,y]", "a; linux/amd64", "a[x]; linux/amd64, linux/arm64"} {
		var d Dependency
		if err := d.UnmarshalText([]byte(s)); err != nil || d.String() != s {
			t.Errorf("%q became %q, %v", s, d, err)
		}
	}
	if err := new(Dependency).UnmarshalText([]byte("a[x")); err == nil {
		t.Error("an open bracket was accepted")
	}
}

func TestProjection(t *testing.T) {
	l := sample()
	data, err := l.Projection("linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("projection", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"amd64", "x86_64", "torch", "pytorch", "manifest =", "groups", "as-of", "seal", "release", "reason", "mawk", "gpu", "535"} {
		if strings.Contains(string(data), absent) {
			t.Errorf("%q is in the projection:\n%s", absent, data)
		}
	}
	if d := cmp.Diff([]Choice{{Kind: "library", Name: "awk", Value: "gawk"}}, got.Choices); d != "" {
		t.Error(d)
	}
	if amd, err := l.Projection("linux/amd64"); err != nil || strings.Contains(string(amd), "kernels") || !strings.Contains(string(amd), "torch-2.2.1") {
		t.Errorf("the code for GPUs counts for the image: %v\n%s", err, amd)
	}
	if _, err := l.Projection("linux/s390x"); err == nil {
		t.Error("a platform that is not there has a projection")
	}
	// What the projection leaves out does not change it.
	other := sample()
	other.Project.Manifest, other.Project.AsOf = hex64("1"), at("2025-01-01T00:00:00Z")
	other.Base.Releases, other.Seals, other.Choices[1].Reason = nil, nil, "another"
	other.Packages[0].Version = "9"
	other.GPU = nil
	again, err := other.Projection("linux/arm64")
	if err != nil || string(again) != string(data) {
		t.Errorf("%v\n%s", err, cmp.Diff(string(data), string(again)))
	}
	// A lock of that platform alone has the same one.
	alone, err := got.Projection("linux/arm64")
	if err != nil || string(alone) != string(data) {
		t.Errorf("%v\n%s", err, cmp.Diff(string(data), string(alone)))
	}
}

func TestCreated(t *testing.T) {
	l := sample()
	for platform, want := range map[string]string{"linux/amd64": "2024-02-22T19:00:00Z", "linux/arm64": "2024-02-05T22:00:01Z", "linux/none": "1980-01-01T00:00:00Z"} {
		if got := l.Created(platform); !got.Equal(at(want)) {
			t.Errorf("%s: %s, want %s", platform, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	l := generated(200)
	ChooseLayers(l, nil)
	groups := l.Groups("linux/arm64")
	seen := map[string]string{}
	bins := 0
	for _, g := range groups {
		if !g.Own {
			bins++
		}
		for _, p := range g.Packages {
			if other, ok := seen[p.Name]; ok {
				t.Errorf("%s is in %s and %s", p.Name, other, g.Name)
			}
			seen[p.Name] = g.Name
			if g.Own != p.OwnLayer || g.Own && (g.Name != p.Name+" "+p.Version || len(g.Packages) != 1) {
				t.Errorf("%s is in %s", p.Name, g.Name)
			}
			if !g.Own && g.Name != fmt.Sprintf("wheels %02d", Bin(p.Name)) {
				t.Errorf("%s is in %s", p.Name, g.Name)
			}
			if len(p.Files) != 1 {
				t.Errorf("%s has %d files", p.Name, len(p.Files))
			}
		}
	}
	if len(seen) != 203 { // all but torch
		t.Errorf("%d packages", len(seen))
	}
	if len(groups)-bins != MaxOwnLayers-1 || bins > Bins { // torch's is not on arm64
		t.Errorf("%d own layers and %d bins", len(groups)-bins, bins)
	}
	// The hash is part of the format: printf NAME | sha256sum, last byte modulo 32.
	for name, want := range map[string]int{"numpy": 28, "sympy": 31} {
		if got := Bin(name); got != want {
			t.Errorf("bin of %s is %d, want %d", name, got, want)
		}
	}
}

func TestChooseLayers(t *testing.T) {
	lock := func(size int64) *Lock {
		return &Lock{Packages: []Package{{Name: "a", Files: []File{{Size: size}, {Size: 1}}}}}
	}
	old := lock(OwnFrom)
	for _, c := range []struct {
		size int64
		old  *Lock
		own  bool
	}{{OwnFrom, nil, true}, {OwnFrom - 1, nil, false}, {OwnFrom - 1, old, true}, {OwnUntil, old, true}, {OwnUntil - 1, old, false}} {
		ChooseLayers(old, nil)
		l := lock(c.size)
		l.Packages[0].OwnLayer = !c.own // what it says does not count
		ChooseLayers(l, c.old)
		if l.Packages[0].OwnLayer != c.own {
			t.Errorf("%d bytes, old lock %v: own layer is %v", c.size, c.old != nil, !c.own)
		}
	}
	many := &Lock{}
	for i := range 80 {
		many.Packages = append(many.Packages, Package{Name: fmt.Sprintf("p%02d", i), Files: []File{{Size: OwnFrom + int64(i/2)}}})
	}
	ChooseLayers(many, nil)
	for i, p := range many.Packages {
		if p.OwnLayer != (i >= 20) {
			t.Errorf("%s: own layer is %v", p.Name, p.OwnLayer)
		}
	}
}

// begun is a lock with a seal that no build has closed.
func begun() *Lock {
	l := sample()
	l.Seals = []Seal{{Platform: "linux/amd64", Layers: []SealedLayer{
		{Name: "base", Kind: "rootfs/1", Inputs: hex64("0a"), Digest: "sha256:" + hex64("0b"), DiffID: "sha256:" + hex64("0c"), Size: 1},
		{Name: "wheels 07", Kind: "wheel/1", Inputs: hex64("0d"), With: []string{"beta", "alpha", "beta"}},
		{Name: "lock", Kind: "files/1", Inputs: hex64("0e"), Digest: "sha256:" + hex64("0f"), DiffID: "sha256:" + hex64("0c"), Size: 2},
	}}}
	return l
}

// TestBegunSeal: a seal without an image is read as it is written, and is no part of what decides the image.
func TestBegunSeal(t *testing.T) {
	l := begun()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	read, err := Parse("envpack.lock", Encode(l))
	if err != nil {
		t.Fatal(err)
	}
	if s := read.SealOf("linux/amd64"); s.Closed() || len(s.Layers) != 3 || s.Layers[1].Digest != "" || !slices.Equal(s.Layers[1].With, []string{"alpha", "beta"}) {
		t.Errorf("%+v", s)
	}
	if read.SealOf("linux/arm64").Closed() {
		t.Error("there is no seal for linux/arm64")
	}
	plain := sample()
	plain.Seals = nil
	KeepSeals(read, plain)
	if s := plain.SealOf("linux/amd64"); s == nil || s.Closed() {
		t.Error("a lock of the same does not keep it")
	}
}

func TestKeepSeals(t *testing.T) {
	old := sample()
	old.Seals = append(old.Seals, sealOf("linux/arm64"))
	now := sample()
	now.Seals = nil
	now.Packages[0].Version = "2.2.2" // torch is only on amd64
	now.Project.Manifest = hex64("cd")
	KeepSeals(old, now)
	if len(now.Seals) != 1 || now.Seals[0].Platform != "linux/arm64" {
		t.Errorf("%d seals are kept", len(now.Seals))
	}
	now = sample()
	now.Seals = nil
	now.Image.Command = nil
	KeepSeals(old, now)
	if len(now.Seals) != 0 {
		t.Error("another command keeps the seal")
	}
}

func TestDiff(t *testing.T) {
	old, now := sample(), sample()
	now.Project.Manifest = hex64("cd")
	now.Project.AsOf, now.Base.AsOf = at("2024-04-01T00:00:00Z"), time.Time{}
	now.Image.Command, now.Image.Env = nil, nil
	now.Targets = append(now.Targets, Target{Platform: "linux/s390x", Python: "3.11.2", ABI: "cp311"})
	now.Indexes[0].URL = "https://wheels.example/whl/cu128"
	now.Base.Archives[0].URL = "https://apt.example/other"
	now.Base.Interpreters = nil
	now.Base.Debs = now.Base.Debs[:2]
	now.Base.Debs[0].Version, now.Base.Debs[1].Version = "2.36-10", "2.36-10"
	now.Packages[0].Version = "2.2.2+cu126"
	now.Packages[0].Index = "" // the version says enough
	now.Packages[1].Files[0].SHA256 = hex64("01")
	now.Packages[2].Index = "pytorch"
	now.Packages[3].Files[1].Targets = []string{"linux/arm64", "linux/s390x"}
	now.Packages = append(now.Packages, Package{Name: "new", Version: "1", Files: []File{{Name: "new.whl", Targets: []string{"linux/amd64"}}}},
		Package{Name: "new", Version: "2", Files: []File{{Name: "new2.whl", Targets: []string{"linux/arm64", "linux/s390x"}}}})
	now.Choices = now.Choices[:2]
	var got []string
	for _, c := range Diff(old, now) {
		got = append(got, c.String())
	}
	want := []string{
		"~ project as-of 2024-03-01T23:59:59Z → 2024-04-01T00:00:00Z",
		"~ image command, env",
		"+ target linux/s390x Python 3.11.2",
		"~ index pytorch https://wheels.example/whl/cu126 → https://wheels.example/whl/cu128",
		"- base as-of 2024-02-12T00:00:00Z",
		"~ archive vendor https://apt.example/vendor → https://apt.example/other",
		"- interpreter linux/amd64 3.11.2 from 2024/python.tar.gz",
		"~ base packages 2 removed, 2 changed",
		"+ new 1 (linux/amd64), 2 (linux/arm64, linux/s390x)",
		"~ requests 2.31.0 from the default index → 2.31.0 from pytorch",
		"~ sympy 1.12 → other files of this version",
		"~ torch 2.2.1+cu126 → 2.2.2+cu126",
		"~ data /data/labels.txt sha256:" + hex64("1a") + " from data/labels.txt → sha256:" + hex64("1a") + " from data/labels.txt, on linux/amd64, linux/arm64 only",
		"- rewritten RECORD of torch (linux/amd64): one file differs",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if changes := Diff(old, sample()); len(changes) != 0 {
		t.Errorf("equal locks differ: %v", changes)
	}
	lines := Diff(nil, old)
	if lines[len(lines)-8].String() != "+ sympy 1.12" {
		t.Errorf("of a first lock: %v", lines)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	if err := sample().Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o600, 0o664} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if err := sample().Write(path); err != nil {
				t.Fatal(err)
			}
			if info, _ := os.Stat(path); info.Mode().Perm() != mode {
				t.Errorf("mode %o became %o", mode, info.Mode().Perm())
			}
		}
		link := filepath.Join(dir, "link")
		if err := os.Symlink(Name, link); err != nil {
			t.Fatal(err)
		}
		if err := generated(2).Write(link); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
			t.Error("the link was replaced")
		}
	}
	before, _ := os.ReadFile(path)
	bad := sample()
	bad.Targets = nil
	if err := bad.Write(path); err == nil {
		t.Error("an invalid lock was written")
	}
	if err := sample().Write(dir); err == nil {
		t.Error("a folder was written to")
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("a failed write changed the file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := Read(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent lock gives %v", err)
	}
}

// TestRecordChoices has a build's findings change neither the image nor, when locking again, be lost.
func TestRecordChoices(t *testing.T) {
	plain, found := sample(), sample()
	plain.Choices = slices.DeleteFunc(plain.Choices, func(c Choice) bool { return c.Kind == RecordChoice })
	found.Choices = append(plain.Choices[:len(plain.Choices):len(plain.Choices)], Choice{
		Kind: RecordChoice, Name: "a-1-py3-none-any.whl", Value: "hash", Target: found.Seals[0].Platform, Reason: "one place",
	})
	was, err := plain.Projection(found.Seals[0].Platform)
	if err != nil {
		t.Fatal(err)
	}
	is, err := found.Projection(found.Seals[0].Platform)
	if err != nil || string(was) != string(is) {
		t.Errorf("a finding about a RECORD changes the image: %v", err)
	}
	plain.Seals = nil
	KeepSeals(found, plain)
	if len(plain.Seals) == 0 || !slices.ContainsFunc(plain.Choices, func(c Choice) bool { return c.Kind == RecordChoice }) {
		t.Error("locking again loses what the build found")
	}
}

// TestAsOfChoices has the as-of of a package not change the image: what was chosen does.
func TestAsOfChoices(t *testing.T) {
	plain := sample()
	dated := plain.clone()
	dated.Choices = append(dated.Choices, Choice{Kind: AsOfChoice, Name: "torch", Value: "none"})
	if err := dated.Validate(); err != nil {
		t.Fatal(err)
	}
	was, err := plain.Projection("linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	is, err := dated.Projection("linux/amd64")
	if err != nil || !bytes.Equal(was, is) {
		t.Errorf("the projection changes, %v:\n%s", err, is)
	}
}

// TestTwoRecordChoices has one wheel's RECORD be wrong in two ways.
func TestTwoRecordChoices(t *testing.T) {
	l := sample()
	for _, kind := range []string{"hash", "unlisted"} {
		l.Choices = append(l.Choices, Choice{Kind: RecordChoice, Name: "a-1-py3-none-any.whl", Value: kind, Target: l.Targets[0].Platform, Reason: "one place"})
	}
	l.Normalize()
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
}
