package store_test

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/store"
)

// TestGrowing: bytes of a download can be read as soon as they are there, and from the blob once it is complete.
func TestGrowing(t *testing.T) {
	s := open(t, t.TempDir())
	content := []byte("first, second")
	id := sum(content)
	g := s.Growing(id)
	defer g.Close()
	p, err := s.Partial(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	read := func(from, to int) chan string {
		got := make(chan string, 1)
		go func() {
			b := make([]byte, to-from)
			if _, err := g.ReadAt(b, int64(from)); err != nil {
				b = []byte(err.Error())
			}
			got <- string(b)
		}()
		return got
	}
	first, all := read(0, 5), read(2, len(content))
	p.Write(content[:7])
	if got := <-first; got != "first" {
		t.Errorf("read %q", got)
	}
	select {
	case got := <-all:
		t.Fatalf("read %q, which is not there", got)
	case <-time.After(20 * time.Millisecond):
	}
	p.Write(content[7:])
	if got := <-all; got != "rst, second" {
		t.Errorf("read %q", got)
	}
	if err := p.Commit(-1); err != nil {
		t.Fatal(err)
	}
	if got := <-read(7, 13); got != "second" {
		t.Errorf("read %q of the blob", got)
	}
}

// TestGrowingEnds: who waits for what does not come is told.
func TestGrowingEnds(t *testing.T) {
	s := open(t, t.TempDir())
	content := []byte("content")
	for name, c := range map[string]struct {
		do   func(p *store.Partial, g *store.Growing)
		want error
	}{
		"closed": {func(p *store.Partial, g *store.Growing) { g.Close() }, os.ErrClosed},
		"closed after the download failed": {func(p *store.Partial, g *store.Growing) {
			p.Close()
			g.Close()
		}, os.ErrClosed},
		"started over after a part was read": {func(p *store.Partial, g *store.Growing) {
			p.Write(content[:3])
			if _, err := g.ReadAt(make([]byte, 3), 0); err != nil {
				t.Error(err)
			}
			p.Reset()
		}, store.ErrStartedOver},
		"left after a part was read": {func(p *store.Partial, g *store.Growing) {
			p.Write(content[:3])
			if _, err := g.ReadAt(make([]byte, 3), 0); err != nil {
				t.Error(err)
			}
			p.Close()
		}, store.ErrStartedOver},
	} {
		g := s.Growing(sum(content))
		p, err := s.Partial(t.Context(), sum(content))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := g.ReadAt(make([]byte, len(content)), 0)
			ended <- err
		}()
		c.do(p, g)
		if err := <-ended; !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		g.Close()
		p.Reset()
		p.Close()
	}
}

// TestGrowingArrived: who waits is told of a blob that another process brought.
func TestGrowingArrived(t *testing.T) {
	dir := t.TempDir()
	s, other := open(t, dir), open(t, dir)
	content := []byte("content")
	g := s.Growing(sum(content))
	defer g.Close()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, len(content))
		if _, err := g.ReadAt(b, 0); err != nil {
			b = []byte(err.Error())
		}
		got <- string(b)
	}()
	if err := other.Put(t.Context(), bytes.NewReader(content), sum(content), -1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Partial(t.Context(), sum(content)); !errors.Is(err, store.ErrExists) {
		t.Fatal(err)
	}
	s.Arrived(sum(content))
	if got := <-got; got != string(content) {
		t.Errorf("read %q", got)
	}
}
