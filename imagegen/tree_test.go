package imagegen_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/testenv"
)

// onDisk reads what a folder has as contents reads layers.
func onDisk(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		p, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			target, err := os.Readlink(name)
			files[filepath.ToSlash(p)] = "-> " + target
			return err
		}
		data, err := os.ReadFile(name)
		files[filepath.ToSlash(p)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTree(t *testing.T) {
	w, st := sample(), openStore(t)
	b := w.builder(st)
	dirs := make([]string, 6)
	var group sync.WaitGroup
	for i := range dirs {
		group.Add(1)
		go func() {
			defer group.Done()
			var err error
			if dirs[i], err = b.Tree(context.Background(), w.plan(t, nil)); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
	if t.Failed() || len(slices.Compact(dirs)) != 1 {
		t.Fatalf("folders %v", dirs)
	}
	image := w.build(t, st, nil)
	if diff := cmp.Diff(contents(t, image.Layers...), onDisk(t, dirs[0])); diff != "" {
		t.Error(diff)
	}

	// Another image shares the files of the layers that it has in common.
	w.wheel("new", "1.0", testenv.WheelOptions{})
	other, err := b.Tree(t.Context(), w.plan(t, selected(t, sampleProject(t))))
	if err != nil {
		t.Fatal(err)
	}
	if other == dirs[0] {
		t.Fatal("one folder for two images")
	}
	python := "usr/bin/python3.11"
	one, err1 := os.Stat(filepath.Join(dirs[0], python))
	two, err2 := os.Stat(filepath.Join(other, python))
	if err1 != nil || err2 != nil || !os.SameFile(one, two) {
		t.Errorf("%s is there twice: %v, %v", python, err1, err2)
	}
	if text, err := os.ReadFile(filepath.Join(other, "app/main.py")); err != nil || string(text) != "print('hello')\n" {
		t.Errorf("%q, %v", text, err)
	}
	if left := leftovers(t, st); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestTreesInStore prunes and verifies trees.
func TestTreesInStore(t *testing.T) {
	w, st := sample(), openStore(t)
	b := w.builder(st)
	dir, err := b.Tree(t.Context(), w.plan(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	take := func() (*inventory.Inventory, []*inventory.Item) {
		t.Helper()
		v, err := inventory.Take(t.Context(), st, imagegen.NoteReaders())
		if err != nil {
			t.Fatal(err)
		}
		var trees []*inventory.Item
		for _, i := range v.Items {
			if i.Class == store.Trees {
				trees = append(trees, i)
			}
		}
		return v, trees
	}
	v, trees := take()
	var size int64
	for _, i := range trees {
		size += i.Size
		if i.Junk != "" || i.Label == "" || strings.HasPrefix(i.Label, "image ") != (i.Needed == 0) {
			t.Errorf("%+v", i)
		}
	}
	if len(trees) < 5 || size < 50_000 {
		t.Errorf("%d trees of %d bytes", len(trees), size)
	}
	checks := inventory.Checks{Tail: func(string, []byte, []byte) bool { return true }, Read: func(int64) {}}
	if found, err := v.Verify(t.Context(), st, checks); err != nil || len(found) != 0 {
		t.Errorf("%v %v", found, err)
	}

	// A tree that is used keeps those that it is made of, whenever they were used.
	old := time.Now().Add(-100 * 24 * time.Hour)
	for _, i := range trees {
		if i.Needed > 0 {
			note := filepath.Join(st.Dir(), filepath.FromSlash(i.Name), "tree")
			if err := os.Chtimes(note, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	v, _ = take()
	if c := v.Choose(inventory.Policy{Unused: time.Now().Add(-30 * 24 * time.Hour), Bytes: -1}, true); len(c.Go) != 0 {
		t.Errorf("%v goes", c.Go)
	}

	damaged := filepath.Join(dir, "opt/env/pyvenv.cfg")
	text, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, []byte(strings.ToUpper(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := v.Verify(t.Context(), st, checks)
	if err != nil || len(found) != 1 || !strings.HasPrefix(found[0].Label, "layer environment") {
		t.Errorf("%v %v", found, err)
	}
	v, _ = take()
	c := v.Choose(inventory.Policy{Bytes: 0}, true)
	for _, i := range c.Go {
		if err := st.RemoveEntry(i.Entry); err != nil {
			t.Fatal(err)
		}
	}
	if _, trees := take(); len(trees) != 0 {
		t.Errorf("%v stay", trees)
	}
	if again, err := b.Tree(t.Context(), w.plan(t, nil)); err != nil || again != dir {
		t.Errorf("%s, %v", again, err)
	}
	if got, err := os.ReadFile(damaged); err != nil || string(got) != string(text) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestTreeIsCancelled: what is half made is nowhere.
func TestTreeIsCancelled(t *testing.T) {
	w, st := sample(), openStore(t)
	image := w.build(t, st, nil)
	ctx, cancel := context.WithCancel(t.Context())
	b := w.builder(st)
	b.Task = func(string, int64) func(int64) { return func(int64) { cancel() } }
	if _, err := b.TreeOf(ctx, image); err == nil {
		t.Fatal("not cancelled")
	}
	if left := leftovers(t, st); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := w.builder(st).TreeOf(t.Context(), image); err != nil {
		t.Fatal(err)
	}
}
