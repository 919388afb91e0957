package inspect

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/klauspost/compress/zstd"

	"github.com/envpack/envpack/imagegen/layertar"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// lockText is the projection of a lock with two packages, of which one has a layer of its own.
func lockText(t testing.TB) string {
	t.Helper()
	hash := strings.Repeat("ab", 32)
	on := []string{"linux/amd64"}
	l := &lockfile.Lock{
		Project: lockfile.Project{Name: "digits", Manifest: hash, Requires: []lockfile.Dependency{{Name: "numpy"}, {Name: "joblib"}}},
		Image:   lockfile.Image{Command: []string{"python"}, User: "app", Workdir: "/app"},
		Targets: []lockfile.Target{{Platform: "linux/amd64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"}},
		Base: lockfile.Base{Distro: "debian:12", Codename: "bookworm", Format: "rootfs/1",
			Releases: []lockfile.Release{{Archive: "debian", Suite: "bookworm", InRelease: hash, Keys: []string{"E"}}},
			Debs: []lockfile.Deb{{Name: "libc6", Version: "2.36-9", Architecture: "amd64", Archive: "debian",
				Path: "pool/main/g/glibc/libc6_2.36-9_amd64.deb", SHA256: hash, Size: 5, Targets: on}}},
		Packages: []lockfile.Package{
			{Name: "joblib", Version: "1.6.0", Files: []lockfile.File{{Name: "joblib-1.6.0-py3-none-any.whl", SHA256: hash, Size: 5, Targets: on}}},
			{Name: "numpy", Version: "2.4.6", OwnLayer: true, Files: []lockfile.File{{Name: "numpy-2.4.6-py3-none-any.whl", SHA256: hash, Size: 5, Targets: on}}},
		},
	}
	l.Normalize()
	text, err := l.Projection("linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const site = "opt/env/lib/python3.11/site-packages/"

func ours(t testing.TB) []*testLayer {
	return []*testLayer{
		newLayer(t, "envpack: base", file{"etc/", ""}, file{"etc/os-release", "ID=debian\n"}, file{"usr/", ""}, file{"usr/bin/", ""}, file{"usr/bin/python", "12345"}),
		newLayer(t, "envpack: numpy 2.4.6", file{"opt/", ""}, file{site + "numpy/a.py", "xyz"}, file{site + "numpy-2.4.6.dist-info/METADATA", "m"}),
		newLayer(t, fmt.Sprintf("envpack: wheels %02d", lockfile.Bin("joblib")), file{site + "joblib-1.6.0.dist-info/METADATA", "m"}),
		newLayer(t, "envpack: lock", file{"opt/", ""}, file{"opt/env/", ""}, file{lockPath, lockText(t)}),
	}
}

func TestReadOurs(t *testing.T) {
	layers := ours(t)
	r, err := Read(context.Background(), newImage(t, nil, layers...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{
		Platform: "linux/amd64", MediaType: "application/vnd.oci.image.manifest.v1+json", Created: "2026-01-02T02:04:05Z",
		Config: Config{Command: []string{"python", "a b.py"}, User: "1000:1000", Workdir: "/app", Env: []string{"A=b"},
			Ports: []string{"8080/tcp"}, Labels: map[string]string{"k": "v"}},
		Base: &Base{Distro: "debian:12", Codename: "bookworm", Debs: 1, Source: "lock"},
		Python: &Python{Version: "3.11.2", Source: "lock", Packages: []Package{
			{Name: "joblib", Version: "1.6.0", Wheel: "joblib-1.6.0-py3-none-any.whl"},
			{Name: "numpy", Version: "2.4.6", Wheel: "numpy-2.4.6-py3-none-any.whl"},
		}},
	}
	in := [][]string{nil, {"numpy 2.4.6"}, {"joblib 1.6.0"}, nil}
	for i, l := range layers {
		want.Size += int64(len(l.data))
		want.Layers = append(want.Layers, Layer{Number: i + 1, Contents: strings.TrimPrefix(l.made, "envpack: "), Envpack: true, Packages: in[i],
			MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Size: int64(len(l.data)), Digest: digest(l.data), DiffID: digest(l.plain)})
	}
	if diff := cmp.Diff(want, r, cmpopts.IgnoreFields(Report{}, "Digest", "ID", "Lock"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if r.Lock == nil || len(r.Lock.Packages) != 2 {
		t.Errorf("the lock is %v", r.Lock)
	}
	for i, l := range layers[:3] {
		if l.opened > 0 {
			t.Errorf("layer %d was read", i+1)
		}
	}

	var done int64
	r, err = Read(context.Background(), newImage(t, nil, layers...), Options{Files: true, Task: func(_ string, total int64) func(int64) {
		if total != want.Size {
			t.Errorf("progress to %d, want %d", total, want.Size)
		}
		return func(n int64) { done += n }
	}})
	if err != nil || done != want.Size || len(r.Notes) > 0 {
		t.Fatalf("%d of %d, %v, %v", done, want.Size, r, err)
	}
	if diff := cmp.Diff(&Files{Entries: 5, Unpacked: 15, Top: []Entry{{"etc", 2, 10}, {"usr", 3, 5}}}, r.Layers[0].Files); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]Entry{{site + "numpy", 1, 3}, {site + "numpy-2.4.6.dist-info", 1, 1}}, r.Layers[1].Files.Top); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReadNotes(t *testing.T) {
	all := ours(t)
	lock := func(text string) []*testLayer {
		return []*testLayer{newLayer(t, "envpack: lock", file{lockPath, text})}
	}
	for _, test := range []struct {
		name   string
		layers []*testLayer
		change func(map[string]any)
		opts   Options
		want   []string
	}{
		{"a package is gone", []*testLayer{all[0], all[1], all[3]}, nil, Options{Files: true}, []string{"joblib is in the lock and not in the files"}},
		{"a package came", append(ours(t)[:3], newLayer(t, "x", file{site + "Evil_One-1.dist-info/METADATA", ""}), all[3]), nil, Options{Files: true}, []string{"evil-one is in the files"}},
		{"newer lock", lock("# Made by envpack. Not to be edited by hand; keep it in version control.\nformat = 99\n"), nil, Options{}, []string{"is not understood"}},
		{"no lock", lock("hello"), nil, Options{}, []string{"not one that envpack wrote"}},
		{"other platform", all, func(c map[string]any) { c["architecture"] = "arm64" }, Options{}, []string{"not for linux/arm64"}},
		{"history", all, func(c map[string]any) { c["history"] = []map[string]any{{"created_by": "x"}} }, Options{}, []string{"the history is of 1 layers"}},
	} {
		r, err := Read(context.Background(), newImage(t, test.change, test.layers...), test.opts)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(r.Notes) != len(test.want) {
			t.Errorf("%s: %q, want %q", test.name, r.Notes, test.want)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(r.Notes[i], want) {
				t.Errorf("%s: %q, want %q", test.name, r.Notes, test.want)
			}
		}
	}
}

func TestReadForeign(t *testing.T) {
	layers := []*testLayer{
		newLayer(t, "COPY / /", file{"./usr/lib/os-release", "NAME=x\n# c\nID=\"wolfi\"\nVERSION_ID='7'\nVERSION_CODENAME=seven\n"},
			file{"/usr/local/lib/python3.12/site-packages/pip-24.0.dist-info/METADATA", ""},
			file{"usr/local/lib/python3.12/site-packages/old-1.dist-info/METADATA", ""},
			file{"srv/site-packages/lone_one-2.0.1.dist-info/METADATA", ""},
			file{"usr/local/lib/python3.12/site-packages/setuptools/_vendor/wheel-0.43.dist-info/METADATA", ""}),
		newLayer(t, "RUN pip install", file{"usr/local/lib/python3.12/site-packages/.wh.old-1.dist-info", ""},
			file{"usr/local/lib/python3.12/site-packages/new-3.dist-info/METADATA", ""},
			file{"srv/site-packages/.wh..wh..opq", ""}, file{"srv/site-packages/kept-1.dist-info/METADATA", ""}),
	}
	packages := []Package{
		{Name: "kept", Version: "1", Path: "srv/site-packages/kept-1.dist-info"},
		{Name: "new", Version: "3", Path: "usr/local/lib/python3.12/site-packages/new-3.dist-info"},
		{Name: "pip", Version: "24.0", Path: "usr/local/lib/python3.12/site-packages/pip-24.0.dist-info"},
	}
	// Zstandard and plain tars are layers as well.
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	squeezed, plain := *layers[0], *layers[1]
	squeezed.data = z.EncodeAll(squeezed.plain, nil)
	plain.data = plain.plain
	squeezed.promised, plain.promised = squeezed.data, plain.data
	for _, layers := range [][]*testLayer{layers, {&squeezed, &plain}} {
		r, err := Read(context.Background(), newImage(t, nil, layers...), Options{Files: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&Python{Version: "3.12", Source: "files", Packages: packages}, r.Python); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if diff := cmp.Diff(&Base{Distro: "wolfi:7", Codename: "seven", Source: "os-release"}, r.Base); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	r, err := Read(context.Background(), newImage(t, func(c map[string]any) {
		c["config"] = map[string]any{"Env": []string{"PYTHON_VERSION=3.12.4"}}
		c["variant"] = "v3"
	}, layers...), Options{})
	if err != nil || r.Platform != "linux/amd64/v3" || r.Base != nil || r.Layers[0].Files != nil || layers[0].opened > 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if diff := cmp.Diff(&Python{Version: "3.12.4", Source: "environment", Packages: []Package{}}, r.Python); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReadHostile(t *testing.T) {
	good := func() *testLayer { return newLayer(t, "x", file{"a", strings.Repeat("some text ", 1000)}) }
	with := func(change func(l *testLayer)) *testLayer {
		l := good()
		change(l)
		return l
	}
	own := diag.New(diag.Mismatch, "of the source")
	zeros := make([]byte, 4<<20)
	bomb := newLayer(t, "x", file{"zeros", string(zeros)})
	endless := tarOf(t, file{"a", "b"})
	endless = append(endless, zeros...)
	for _, test := range []struct {
		name  string
		layer *testLayer
		code  diag.Code
		want  string
	}{
		{"other bytes", with(func(l *testLayer) { l.data = bytes.Clone(l.data); l.data[len(l.data)/2] ^= 4 }), diag.Mismatch, "has the digest sha256:"},
		{"cut off", with(func(l *testLayer) { l.data = l.data[:len(l.data)-9] }), diag.Mismatch, "and ends after"},
		{"empty", with(func(l *testLayer) { l.data = nil }), diag.Mismatch, "and ends after 0"},
		{"longer", with(func(l *testLayer) { l.data = append(bytes.Clone(l.data), 0) }), diag.Mismatch, "and has more"},
		{"other tar", with(func(l *testLayer) { l.plain = []byte("other") }), diag.Mismatch, "unpacks to a tar with the digest"},
		{"cut off and signed so", with(func(l *testLayer) { l.data = l.data[:len(l.data)-9]; l.promised = l.data }), diag.Failure, "no readable layer"},
		{"garbage behind", with(func(l *testLayer) { l.data = append(bytes.Clone(l.data), "garbage"...); l.promised = l.data }), diag.Failure, "no readable layer"},
		{"no tar", with(func(l *testLayer) {
			l.plain = bytes.Repeat([]byte("no tar"), 200)
			l.data = zip(t, l.plain)
			l.promised = l.data
		}), diag.Failure, "no readable layer"},
		{"bomb", bomb, diag.Failure, "unpacks to more than 1048576"},
		{"bomb behind the tar", with(func(l *testLayer) { l.plain = endless; l.data = zip(t, endless); l.promised = l.data }), diag.Failure, "unpacks to more than"},
		{"source fails", with(func(l *testLayer) { l.data, l.fail = l.data[:10], io.ErrClosedPipe }), diag.Failure, io.ErrClosedPipe.Error()},
		{"source says why", with(func(l *testLayer) { l.data, l.fail = l.data[:10], own }), diag.Mismatch, "of the source"},
	} {
		_, err := Read(context.Background(), newImage(t, nil, test.layer), Options{Files: true, MaxUnpacked: 1 << 20})
		if err == nil || diag.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: code %d, %v; want %d, %q", test.name, diag.CodeOf(err), err, test.code, test.want)
		}
	}
	img := newImage(t, nil, bomb)
	if _, err := Read(context.Background(), img, Options{Files: true}); err != nil {
		t.Errorf("what is below the limit: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, img, Options{Files: true}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Read(context.Background(), newImage(t, func(c map[string]any) {
		c["rootfs"] = map[string]any{"type": "layers", "diff_ids": []string{}}
	}, good()), Options{}); err == nil || !strings.Contains(err.Error(), "the manifest names 1 layers") {
		t.Error(err)
	}
}

func TestTops(t *testing.T) {
	many := newTops()
	for i := range topNames + 10 {
		many.add(fmt.Sprintf("d/%d", i), false, 1)
	}
	list := many.list()
	if len(list) != topNames+1 || list[0] != (Entry{moreNames, 10, 10}) {
		t.Errorf("%d entries, %v first", len(list), list[0])
	}
	deep := newTops()
	deep.add("a", true, 0)
	deep.add(layertar.Clean("./a/b/c/d/e/f/g/h/i/j"), false, 1<<63-1)
	deep.add(layertar.Clean("../a/b/c/d/e/f/g/h/i/k"), false, 1)
	if diff := cmp.Diff([]Entry{{"a/b/c/d/e/f/g/h", 2, 1<<63 - 1}}, deep.list()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if list := newTops().list(); len(list) != 0 || list == nil {
		t.Error(list)
	}
}

func FuzzWalk(f *testing.F) {
	for _, l := range ours(f) {
		f.Add(l.data)
		f.Add(l.plain)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := partial.CompressedToLayer(&testLayer{data: data, promised: data})
		if err != nil {
			t.Fatal(err)
		}
		want := layertar.Promise{What: "layer", Size: int64(len(data)), Limit: 1 << 20}
		if want.Digest, err = l.Digest(); err != nil {
			t.Fatal(err)
		}
		var c contents
		c.layer()
		tops := newTops()
		err = layertar.Walk(context.Background(), l, want, nil, func(h *tar.Header, r io.Reader) error {
			tops.add(layertar.Clean(h.Name), h.Typeflag == tar.TypeDir, h.Size)
			return c.entry(layertar.Clean(h.Name), h, r)
		})
		if err == nil { // no tar has an empty digest
			t.Error("a layer without a digest of its tar passes")
		}
		tops.list()
		BaseOf(c.osRelease)
		c.python()
	})
}
