package imagegen_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/project"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

func configOf(t *testing.T, image *imagegen.Image) map[string]any {
	t.Helper()
	raw, err := image.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestConfig(t *testing.T) {
	w := sample()
	image := w.build(t, openStore(t), nil)
	all := configOf(t, image)
	var diffIDs, history []any
	for _, l := range image.Layers {
		diffIDs = append(diffIDs, l.DiffID)
		history = append(history, map[string]any{"created": "2026-03-05T10:00:00Z", "created_by": "envpack: " + l.Name})
	}
	want := map[string]any{
		"created": "2026-03-05T10:00:00Z", "architecture": "amd64", "os": "linux", // the newest wheel's day
		"config": map[string]any{
			"User":         "1000:1000",
			"ExposedPorts": map[string]any{"8080/tcp": map[string]any{}},
			"Env": []any{
				"PATH=/opt/env/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=de_DE.UTF-8", "VIRTUAL_ENV=/opt/env", "HOME=/home/app",
				"A=1", "MODE=production",
			},
			"Cmd":        []any{"python", "main.py"},
			"Volumes":    map[string]any{"/data": map[string]any{}},
			"WorkingDir": "/app",
			"Labels":     map[string]any{"org.example.a": "<b> & c"},
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": diffIDs},
		"history": history,
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	raw, _ := image.RawConfigFile()
	if !strings.Contains(string(raw), "<b> & c") || strings.HasSuffix(string(raw), "\n") {
		t.Errorf("escapes, or a newline at the end: %s", raw)
	}
	m, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.Annotations["org.opencontainers.image.created"] != "2026-03-05T10:00:00Z" || m.SchemaVersion != 2 {
		t.Errorf("manifest %+v", m)
	}
}

func TestBareConfig(t *testing.T) {
	w := newWorld()
	w.lock.Image.User, w.lock.Image.Command = "root", nil
	all := configOf(t, w.build(t, openStore(t), nil))
	run := all["config"].(map[string]any)
	if run["User"] != "0:0" || all["created"] != "1980-01-01T00:00:00Z" {
		t.Errorf("user %v, created %v", run["User"], all["created"])
	}
	for _, key := range []string{"Cmd", "ExposedPorts", "Volumes", "Labels"} {
		if _, ok := run[key]; ok {
			t.Errorf("the config has an empty %s", key)
		}
	}
}

func TestProject(t *testing.T) {
	w, st := sample(), openStore(t)
	with := w.build(t, st, selected(t, sampleProject(t)))
	changed := w.build(t, st, selected(t, map[string]string{"main.py": "changed"}))
	without := w.build(t, st, nil)
	empty := w.build(t, st, selected(t, map[string]string{"envpack.toml": ""}))
	for name, image := range map[string]*imagegen.Image{"changed": changed, "without": without, "empty": empty} {
		if image.Environment != with.Environment {
			t.Errorf("%s: the environment depends on the project's files", name)
		}
		if image.Digest == with.Digest {
			t.Errorf("%s: the image does not", name)
		}
	}
	if without.Digest != without.Environment || empty.Digest != empty.Environment {
		t.Error("without files the image is not the environment")
	}
	if with.Project == changed.Project || without.Project != "" || empty.Project == "" {
		t.Errorf("project hashes %q, %q, %q, %q", with.Project, changed.Project, without.Project, empty.Project)
	}
	if got := contents(t, layerOf(t, changed, "project")); len(got) != 1 || got["app/main.py"] != "changed" {
		t.Errorf("the layer has %v", got)
	}
	for i, l := range with.Layers[:len(with.Layers)-2] {
		if l.Digest != changed.Layers[i].Digest {
			t.Errorf("layer %s depends on the project's files", l.Name)
		}
	}
}

func TestWorkdir(t *testing.T) {
	w, st, tree := newWorld(), openStore(t), selected(t, map[string]string{"main.py": "x"})
	w.build(t, st, tree)
	w.lock.Image.Workdir = "/srv/demo"
	if got := contents(t, layerOf(t, w.build(t, st, tree), "project")); got["srv/demo/main.py"] != "x" {
		t.Errorf("the layer has %v", got)
	}
}

func TestSeal(t *testing.T) {
	image := sample().build(t, openStore(t), selected(t, sampleProject(t)))
	s := image.Seal()
	if s.Platform != amd64 || s.Image != image.Digest || s.Environment != image.Environment || s.Project != image.Project || len(s.Layers) != len(image.Layers) {
		t.Errorf("seal %+v", s)
	}
	for i, l := range image.Layers {
		if got := s.Layers[i]; got.Name != l.Name || got.Digest != l.Digest || got.DiffID != l.DiffID || got.Inputs != l.Inputs || got.Kind != l.Kind || got.Size != l.Size {
			t.Errorf("sealed layer %+v", got)
		}
	}
}

// TestSealIsValid seals images with project files, without, and of a project without files.
func TestSealIsValid(t *testing.T) {
	w, st := sample(), openStore(t)
	for name, tree := range map[string]*project.Tree{
		"files": selected(t, sampleProject(t)), "no project": nil, "no files": selected(t, map[string]string{"envpack.toml": ""}),
	} {
		image := w.build(t, st, tree)
		sealed := *w.lock
		sealed.Seals = []lockfile.Seal{image.Seal()}
		sealed.Normalize()
		if err := sealed.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := sealed.Seals[0].Image; tree != nil && got != image.Digest {
			t.Errorf("%s: the seal has the image %q", name, got)
		}
	}
}

// TestAnew has the store remember layers wrongly.
func TestAnew(t *testing.T) {
	w, st, tree := sample(), openStore(t), selected(t, sampleProject(t))
	right := w.build(t, st, tree)
	lock, ok := st.Memo("layer", layerOf(t, right, "lock").Inputs)
	if !ok {
		t.Fatal("the lock's layer is not remembered")
	}
	anew := []string{"base", "environment", "big 2.0", "project"}
	for _, name := range anew {
		if err := st.PutMemo("layer", layerOf(t, right, name).Inputs, lock); err != nil {
			t.Fatal(err)
		}
	}
	wrong := w.build(t, st, tree)
	for _, l := range wrong.Layers {
		if !l.Remembered {
			t.Errorf("layer %s was made", l.Name)
		}
	}
	if wrong.Digest == right.Digest {
		t.Fatal("what the store remembers does not matter")
	}
	plan := w.plan(t, tree)
	plan.Anew = anew
	image, err := w.builder(st).Build(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if image.Digest != right.Digest {
		t.Errorf("digest %s, want %s", image.Digest, right.Digest)
	}
	for _, l := range image.Layers {
		if l.Remembered == slices.Contains(anew, l.Name) {
			t.Errorf("layer %s: remembered is %t", l.Name, l.Remembered)
		}
	}
	if err := validate.Image(image.Image); err != nil {
		t.Error(err)
	}
	if now := w.build(t, st, tree); now.Digest != right.Digest {
		t.Errorf("then, the digest is %s", now.Digest)
	}
}

func TestUnreadAlternatives(t *testing.T) {
	w, st := newWorld(), openStore(t)
	w.deb("procps", "4.0", "amd64", testenv.DebOptions{Members: map[string]string{"postinst": "update-alternatives --install /usr/bin/w w $X 50\n"}}, amd64)
	for range 2 { // the second is warm
		if got := w.build(t, st, nil).Unread["procps"]; len(got) != 1 {
			t.Errorf("unread: %v", got)
		}
	}
}

func TestClashInBase(t *testing.T) {
	w, st := newWorld(), openStore(t)
	w.deb("other", "1.0", "amd64", testenv.DebOptions{Files: map[string]string{"usr/bin/python3.11": "x"}}, amd64)
	_, err := w.builder(st).Build(t.Context(), w.plan(t, nil))
	if err == nil || !strings.Contains(err.Error(), "packages other and python3.11 both ship /usr/bin/python3.11") {
		t.Error(err)
	}
	if list := leftovers(t, st); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}
