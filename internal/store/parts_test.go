package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/store"
)

func TestParts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, _, ok := s.Head("kind", "k"); ok {
		t.Error("there is a head already")
	}
	if _, err := s.PutParts("../x", "k", nil, nil); err == nil {
		t.Error("a kind that is none was accepted")
	}
	for _, head := range []string{"", "head", strings.Repeat("x", 16<<10-60), strings.Repeat("long ", 20_000)} {
		for _, tail := range []string{"", "tail", strings.Repeat("y", 100_000)} {
			put, err := s.PutParts("kind", "k", []byte(head), []byte(tail))
			if err != nil {
				t.Fatal(err)
			}
			got, at, ok := s.Head("kind", "k")
			if !ok || got != head || at != put || at.Size() != int64(len(tail)) {
				t.Fatalf("%d and %d bytes: %d bytes, %+v, %v", len(head), len(tail), len(got), at, ok)
			}
			if piece, err := at.Read(0, len(tail)); err != nil || string(piece) != tail {
				t.Errorf("%d bytes of %d: %v", len(piece), len(tail), err)
			}
			if len(tail) > 3 {
				if piece, err := at.Read(1, 3); err != nil || string(piece) != tail[1:4] {
					t.Errorf("%q: %v", piece, err)
				}
			}
			if _, err := at.Read(1, len(tail)); err == nil && tail != "" {
				t.Error("read behind the end")
			}
			if _, ok := s.Memo("kind", "k"); ok {
				t.Error("read as a memo in one part")
			}
		}
	}
	_, tail, _ := s.Head("kind", "k")
	if err := s.PutMemo("kind", "k", []byte("in one part")); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.Head("kind", "k"); ok {
		t.Error("a memo in one part has a head")
	}
	tail.Remove()
	if _, ok := s.Memo("kind", "k"); ok {
		t.Error("it is still there")
	}
}

func TestDamagedHead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.PutParts("kind", "k", []byte("some head"), []byte("tail")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "memo", filepath.FromSlash(files(t, filepath.Join(dir, "memo"))[0]))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	read := func(raw []byte) (string, store.Tail, bool) {
		if err := os.WriteFile(name, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		return s.Head("kind", "k")
	}
	for i := range len(whole) - len("tail") {
		raw := append([]byte(nil), whole...)
		raw[i] ^= 0x40
		if _, _, ok := read(raw); ok {
			t.Errorf("read with byte %d changed", i)
		}
		if _, _, ok := read(whole[:i]); ok {
			t.Errorf("read with only %d bytes", i)
		}
	}
	if head, tail, ok := read(whole[:len(whole)-1]); !ok || head != "some head" || tail.Size() != 3 {
		t.Errorf("%q %v: what ends in the tail has its head", head, ok)
	}
}
