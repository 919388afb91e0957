package imagegen_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// registry is an imagegen.Elsewhere that has the layers of an image.
type registry struct {
	mu     sync.Mutex
	layers map[string]imagegen.Layer // by digest
	asked  []string
	fail   error
}

func (r *registry) Layer(_ context.Context, d layer.Descriptor) (v1.Layer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.layers[d.Digest]
	if r.fail != nil || !ok || l.DiffID != d.DiffID || l.Size != d.Size {
		return nil, r.fail
	}
	r.asked = append(r.asked, l.Name)
	return l.Layer, nil
}

func (r *registry) lose(name string) {
	for digest, l := range r.layers {
		if l.Name == name {
			delete(r.layers, digest)
		}
	}
}

// sealed builds the world's image, seals the lock with it, and gives a registry that has it.
func (w *world) sealed(t *testing.T, files map[string]string) (*imagegen.Image, *registry) {
	t.Helper()
	image := w.build(t, openStore(t), selected(t, files))
	w.lock.Seals = []lockfile.Seal{image.Seal()}
	w.lock.Choices = append(w.lock.Choices, image.Choices()...)
	w.lock.Normalize()
	w.asked, w.calls = nil, 0
	r := &registry{layers: map[string]imagegen.Layer{}}
	for _, l := range image.Layers {
		r.layers[l.Digest] = l
	}
	return image, r
}

func (w *world) buildWith(t *testing.T, r *registry, files map[string]string) *imagegen.Image {
	t.Helper()
	b := w.builder(openStore(t))
	b.Elsewhere = r
	image, err := b.Build(context.Background(), w.plan(t, selected(t, files)))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func elsewhere(image *imagegen.Image) []string {
	var list []string
	for _, l := range image.Layers {
		if l.Elsewhere {
			list = append(list, l.Name)
		}
	}
	return list
}

func TestSealedElsewhere(t *testing.T) {
	w, files := sample(), sampleProject(t)
	want, r := w.sealed(t, files)
	got := w.buildWith(t, r, files)
	if diff := cmp.Diff(want.Seal(), got.Seal()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(names(want), elsewhere(got)); diff != "" || w.calls != 0 {
		t.Errorf("%d calls for %s; taken: %s", w.calls, w.asked, diff)
	}
	if err := validate.Image(got.Image); err != nil {
		t.Error(err)
	}
	// What the lock says of wheels that were not read stays.
	if diff := cmp.Diff(want.Choices(), got.Choices()); diff != "" || len(want.Choices()) == 0 {
		t.Errorf("%d choices: %s", len(want.Choices()), diff)
	}
	// Without a registry nothing is believed.
	w.build(t, openStore(t), selected(t, files))
	if len(w.asked) == 0 {
		t.Error("an image came out of nothing")
	}
}

func TestSealedInPart(t *testing.T) {
	w, files := sample(), sampleProject(t)
	// "wrong-too" and "zest" share a path, so one of the two layers is made with a view to all wheels.
	w.wheel("wrong-too", "1.0", testenv.WheelOptions{Files: map[string]string{"shared.py": "x"}})
	w.wheel("zest", "1.0", testenv.WheelOptions{Files: map[string]string{"shared.py": "x"}})
	for _, c := range []struct {
		lost  string
		asked []string // beginnings of what is fetched
	}{
		{binOf("plain"), []string{"plain-"}},
		{"big 2.0", []string{"big-"}},
		{binOf("wrong"), []string{"wrong-", "wrong_too-"}}, // both are in it
		{binOf("zest"), []string{"big-", "plain-", "tool-", "wrong-", "wrong_too-", "zest-"}},
		{"base", []string{"base-files", "libc-bin", "python3.11"}},
		{"environment", nil},
		{"lock", nil},
		{"project", nil},
	} {
		want, r := w.sealed(t, files)
		r.lose(c.lost)
		got := w.buildWith(t, r, files)
		if got.Digest != want.Digest {
			t.Errorf("without %s: another image", c.lost)
		}
		rest := slices.DeleteFunc(names(want), func(name string) bool { return name == c.lost })
		if diff := cmp.Diff(rest, elsewhere(got)); diff != "" {
			t.Errorf("without %s: %s", c.lost, diff)
		}
		asked := slices.Sorted(slices.Values(w.asked))
		same := len(asked) == len(c.asked)
		for i := range asked {
			same = same && strings.HasPrefix(asked[i], c.asked[i])
		}
		if !same {
			t.Errorf("without %s: %s was fetched, want %s", c.lost, asked, c.asked)
		}
	}
}

// TestSealOfAnother has seals that are not the lock's, and must not be believed whatever a registry has.
func TestSealOfAnother(t *testing.T) {
	files := sampleProject(t)
	for name, change := range map[string]func(w *world){
		"a package more":          func(w *world) { w.wheel("more", "1.0", testenv.WheelOptions{}) },
		"a package less":          func(w *world) { w.remove("plain") },
		"another version":         func(w *world) { w.wheel("plain", "2.0", testenv.WheelOptions{}) },
		"another command":         func(w *world) { w.lock.Image.Command = []string{"sh"} },
		"an edited layer":         func(w *world) { w.lock.Seals[0].Layers[2].DiffID = w.lock.Seals[0].Layers[3].DiffID },
		"a layer of other inputs": func(w *world) { w.lock.Seals[0].Layers = slices.Delete(w.lock.Seals[0].Layers, 2, 3) },
		"an edited environment":   func(w *world) { w.lock.Seals[0].Environment = "sha256:" + strings.Repeat("0", 64) },
	} {
		w := sample()
		_, r := w.sealed(t, files)
		change(w)
		got := w.buildWith(t, r, files)
		if len(elsewhere(got)) > 0 || len(r.asked) > 0 || len(w.asked) == 0 {
			t.Errorf("%s: %s was taken, %s fetched", name, elsewhere(got), w.asked)
		}
		w.lock.Seals = nil
		if want := w.build(t, openStore(t), selected(t, files)); want.Digest != got.Digest {
			t.Errorf("%s: another image than without the seal", name)
		}
	}
}

func TestElsewhereFails(t *testing.T) {
	w, files := sample(), sampleProject(t)
	_, r := w.sealed(t, files)
	r.fail = errors.New("no")
	b := w.builder(openStore(t))
	b.Elsewhere = r
	if _, err := b.Build(context.Background(), w.plan(t, selected(t, files))); !errors.Is(err, r.fail) {
		t.Error(err)
	}
	if w.calls > 0 {
		t.Error("files were fetched all the same")
	}
}
