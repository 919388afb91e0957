package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/store"
)

// TestExclusive: who wants the store alone waits for a process that has it open, and keeps others from opening it.
func TestExclusive(t *testing.T) {
	if child := os.Getenv("STORE_TEST_DIR"); child != "" {
		s := open(t, child)
		fmt.Println("opened")
		io.Copy(io.Discard, os.Stdin) // until the test closes it
		s.Close()
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	start := func() (cmd *exec.Cmd, in io.Closer, opened chan error) {
		cmd = exec.Command(os.Args[0], "-test.run", "^TestExclusive$")
		cmd.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		opened = make(chan error, 1)
		go func() {
			_, err := io.ReadFull(out, make([]byte, len("opened")))
			opened <- err
		}()
		return cmd, stdin, opened
	}
	first, in, opened := start()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	waited := 0
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Exclusive(ctx, func() { waited++ }); !errors.Is(err, context.DeadlineExceeded) || waited != 1 {
		t.Fatalf("%v, told %d times", err, waited)
	}
	in.Close()
	release, err := s.Exclusive(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Error(err)
	}
	second, in, opened := start()
	select {
	case err := <-opened:
		t.Fatalf("opened while another had it alone: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	release()
	if err := <-opened; err != nil {
		t.Error(err)
	}
	// Shared again, it is not to be had alone by others.
	other := open(t, dir)
	in.Close()
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := other.Exclusive(ctx, nil); err == nil {
		t.Error("had it alone while this test has it open")
	}
	s.Close()
	release, err = other.Exclusive(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	release()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Open(ended, dir); err != nil {
		t.Errorf("a store that nobody has alone is not waited for: %v", err)
	}
}

// TestUsed: the time of a file is that of its last use, and looking at the store is none.
func TestUsed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	content := "content"
	id := sum([]byte(content))
	if err := s.Put(t.Context(), strings.NewReader(content), id, -1); err != nil {
		t.Fatal(err)
	}
	if err := s.PutMemo("one", "k", []byte("data")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutParts("two", "k", []byte("head"), []byte("tail")); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ages := func() map[string]time.Duration {
		all, err := s.Entries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ages := map[string]time.Duration{}
		for _, e := range all {
			ages[fmt.Sprint(e.Class, e.Kind)] = now.Sub(e.Used).Round(time.Hour)
			if _, _, err := s.ReadMemo(e); e.Class == store.Memos && err != nil {
				t.Error(err)
			}
			if _, err := s.Hash(t.Context(), e, func(int64) {}); err != nil {
				t.Error(err)
			}
		}
		return ages
	}
	set := func(age time.Duration) {
		for _, f := range files(t, dir) {
			if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(f)), now.Add(-age), now.Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
	}
	use := func() {
		if !s.Has(id) {
			t.Error("it is gone")
		}
		s.Memo("one", "k")
		s.Head("two", "k")
	}
	want := func(blob, memo time.Duration) {
		t.Helper()
		got := ages()
		if got["1"] != blob || got["2one"] != memo || got["2two"] != memo {
			t.Errorf("%v, want %v and %v", got, blob, memo)
		}
	}
	const hour = time.Hour
	set(100 * hour)
	want(100*hour, 100*hour)
	use()
	want(0, 0)
	set(2 * hour)
	use()
	want(0, 2*hour) // of memos it is known to a day
}

// TestEntries: every file has its class, and names that are not a store's are nobody's.
func TestEntries(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	id := sum([]byte("x"))
	for _, name := range []string{
		"blobs/sha256/" + id[:2] + "/" + id, "memo/kind/" + id[:2] + "/" + id, "partial/" + id, "partial/" + id + ".lock", "tmp/1-a",
		"blobs/sha256/zz/" + id, "blobs/x", "memo/kind/" + id, "partial/x",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		os.MkdirAll(filepath.Dir(path), 0o777)
		if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[store.Class]int{}
	for _, e := range all {
		counts[e.Class]++
		found, err := s.EntryNamed(e.Name)
		if (err == nil) != (e.Class != store.Foreign) || err == nil && found != e {
			t.Errorf("%+v %+v %v", e, found, err)
		}
	}
	if counts[store.Blobs] != 1 || counts[store.Memos] != 1 || counts[store.Partials] != 1 || counts[store.Scratch] != 2 || counts[store.Foreign] != 4 {
		t.Errorf("%v", counts)
	}
	for _, name := range []string{"../x", "/etc/passwd", "format", "", "blobs", "memo/../partial/" + id} {
		if _, err := s.EntryNamed(name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"memo/../" + id[:2] + "/" + id, "memo/K/" + id[:2] + "/" + id, "memo/kind/zz/" + id, "x"} {
		if _, err := s.AddMemo(name, []byte("envpack memo 1\n")); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
