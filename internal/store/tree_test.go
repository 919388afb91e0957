package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/store"
)

// TestMakeTree: a tree is made once, whoever asks, and is there whole or not at all.
func TestMakeTree(t *testing.T) {
	dir := t.TempDir()
	key := sum([]byte("a tree"))
	var made atomic.Int32
	fill := func(dir string) (store.TreeNote, error) {
		made.Add(1)
		return store.TreeNote{Label: "layer x", Bytes: 7}, os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644)
	}
	broken := errors.New("broken")
	s := open(t, dir)
	if _, _, err := s.MakeTree(t.Context(), key, func(dir string) (store.TreeNote, error) {
		_, err := fill(dir)
		return store.TreeNote{}, errors.Join(err, broken)
	}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if _, _, ok := s.Tree(key); ok {
		t.Fatal("there is a tree that was not made")
	}
	made.Store(0)
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			other, err := store.Open(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			at, note, err := other.MakeTree(t.Context(), key, fill)
			if text, rerr := os.ReadFile(filepath.Join(at, "file")); err != nil || rerr != nil || string(text) != "content" || note.Bytes != 7 {
				t.Errorf("%v %v %q %+v", err, rerr, text, note)
			}
		}()
	}
	wait.Wait()
	if n := made.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
	for _, f := range files(t, dir) {
		if !strings.HasPrefix(f, "trees/") && f != "format" {
			t.Errorf("left behind: %s", f)
		}
	}
	// One without a note, as by a hand that removed it, is made again.
	at, _, _ := s.Tree(key)
	if err := os.Remove(filepath.Join(at, "tree")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.MakeTree(t.Context(), key, fill); err != nil || made.Load() != 2 {
		t.Errorf("%v, made %d times", err, made.Load())
	}
	if _, _, err := s.MakeTree(t.Context(), "../x", fill); err == nil {
		t.Error("a key that is none")
	}
}

// TestTreeLeftBehind: what a process leaves that was killed while it made a tree goes a day later, and with a prune.
func TestTreeLeftBehind(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	draft := filepath.Join(dir, "tmp", "1-abc")
	leave := func() {
		if err := os.MkdirAll(filepath.Join(draft, "root", "usr"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(draft, "root", "usr", "x"), []byte("x"), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	entries, err := s.Entries(t.Context())
	if err != nil || len(entries) != 1 || entries[0].Class != store.Scratch || entries[0].Name != "tmp/1-abc" {
		t.Fatalf("%+v %v", entries, err)
	}
	if err := s.RemoveEntry(entries[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(draft); !errors.Is(err, os.ErrNotExist) {
		t.Error("it stays", err)
	}
	leave()
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(draft, old, old); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Lstat(draft); !errors.Is(err, os.ErrNotExist) {
		t.Error("it stays", err)
	}
}
