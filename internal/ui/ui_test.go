package ui

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// screen is a terminal that understands what a UI writes and nothing else.
type screen struct {
	t        *testing.T
	lines    []string
	row, col int
}

func (s *screen) Write(p []byte) (int, error) {
	text := string(p)
	for text != "" {
		switch {
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexAny(text[2:], "AJKm") + 2
			n := 1
			_, _ = fmt.Sscanf(text[2:end], "%d", &n)
			switch text[end] {
			case 'A':
				if s.row -= n; s.row < 0 {
					s.t.Error("the cursor leaves the screen")
					s.row = 0
				}
			case 'J':
				s.trim()
				s.lines = s.lines[:s.row+1]
			case 'K':
				s.trim()
			case 'm':
			}
			text = text[end+1:]
		case text[0] == '\n':
			s.row, s.col, text = s.row+1, 0, text[1:]
			s.fill()
		case text[0] == '\r':
			s.col, text = 0, text[1:]
		default:
			s.fill()
			r := []rune(text)[0]
			line := []rune(s.lines[s.row])
			for len(line) <= s.col {
				line = append(line, ' ')
			}
			line[s.col] = r
			s.lines[s.row] = string(line)
			s.col++
			text = text[len(string(r)):]
		}
	}
	return len(p), nil
}

func (s *screen) fill() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
}

func (s *screen) trim() {
	s.fill()
	line := []rune(s.lines[s.row])
	s.lines[s.row] = string(line[:min(s.col, len(line))])
}

func (s *screen) String() string {
	var out []string
	for _, line := range s.lines {
		out = append(out, strings.TrimRight(line, " "))
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

func onScreen(t *testing.T, width int) (*UI, *screen, *clock) {
	s, c := &screen{t: t}, &clock{time.Unix(0, 0)}
	return New(s, Options{Terminal: true, Still: true, Width: func() int { return width }, Now: func() time.Time { return c.now }}), s, c
}

func wants(t *testing.T, got fmt.Stringer, lines ...string) {
	t.Helper()
	if d := cmp.Diff(strings.Join(lines, "\n"), got.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestTerminal(t *testing.T) {
	u, s, c := onScreen(t, 60)
	u.Printf("reading %s", "envpack.toml")
	p := u.Phase("downloading")
	p.Expect(30_000_000)
	c.pass(time.Second)
	p.Set(10_000_000)
	wants(t, s, "reading envpack.toml", "downloading: 10.0 MB of 30.0 MB, 10.0 MB/s")
	u.Warn("a mirror is slow")
	p.Add(10_000_000)
	c.pass(time.Second)
	p.Note("verifying what came")
	wants(t, s, "reading envpack.toml", "warning: a mirror is slow", "downloading: 20.0 MB of 30.0 MB, 10.0 MB/s, verifying what…")
	p.Done()
	p.Done()
	p.Set(1)
	wants(t, s, "reading envpack.toml", "warning: a mirror is slow", "downloading: done, 20.0 MB, 10.0 MB/s, 2.0 s")
	u.Phase("failing").Drop()
	q := u.Phase("resolving")
	c.pass(100 * time.Millisecond)
	q.Done()
	wants(t, s, "reading envpack.toml", "warning: a mirror is slow", "downloading: done, 20.0 MB, 10.0 MB/s, 2.0 s")
}

// TestClose holds that an interruption leaves nothing of the display.
func TestClose(t *testing.T) {
	u, s, c := onScreen(t, 40)
	u.Printf("before")
	p := u.Phase("one")
	q := u.Phase("two")
	c.pass(time.Second)
	q.Note("at it")
	wants(t, s, "before", "one", "two: at it")
	u.Close()
	wants(t, s, "before")
	p.Set(1)
	q.Done()
	u.Close()
	u.Phase("three").Done()
	wants(t, s, "before")
	u.Warn("late")
	wants(t, s, "before", "warning: late")
}

func TestNarrow(t *testing.T) {
	for width := 1; width < 30; width++ {
		u, s, c := onScreen(t, width)
		p := u.Phase("größere things")
		p.Set(5)
		c.pass(time.Second)
		p.Add(0)
		for _, line := range s.lines {
			if n := len([]rune(line)); n > width-1 {
				t.Errorf("width %d: %q has %d", width, line, n)
			}
		}
		u.Close()
		wants(t, s)
	}
}

func TestPlain(t *testing.T) {
	var b bytes.Buffer
	c := &clock{time.Unix(0, 0)}
	u := New(&b, Options{Still: true, Color: true, Now: func() time.Time { return c.now }})
	p := u.Phase("downloading")
	p.Expect(4000)
	for range 12 {
		c.pass(time.Second)
		p.Add(100)
	}
	p.Add(300)
	u.Printf("message\n")
	u.Warn("two\nlines")
	p.Done()
	wants(t, &b, "downloading", "downloading: 500 B of 4.0 kB, 100 B/s", "downloading: 1.0 kB of 4.0 kB, 100 B/s",
		"message", "\x1b[33mwarning:\x1b[0m two", "lines", "downloading: done, 1.5 kB, 125 B/s, 12.0 s", "")
}

func TestQuiet(t *testing.T) {
	var b bytes.Buffer
	u := New(&b, Options{Quiet: true, Now: time.Now})
	u.Printf("message")
	p := u.Phase("x")
	p.Set(1)
	p.Done()
	u.Warn("careful")
	u.Close()
	wants(t, &b, "warning: careful", "")
	var none *UI
	none.Printf("x")
	none.Warn("x")
	none.Phase("x").Done()
	none.Close()
}

// TestForeignText holds that names from servers cannot move the cursor.
func TestForeignText(t *testing.T) {
	var b bytes.Buffer
	u := New(&b, Options{Still: true, Now: time.Now})
	u.Warn("a\x1b[2Jb\rc\u202ed\te")
	u.Phase("x\n\u009by")
	wants(t, &b, "warning: a?[2Jb?c?d\te", "x ?y", "")
}

// TestConcurrent uses everything at once; the race detector and the screen judge.
func TestConcurrent(t *testing.T) {
	s := &screen{t: t}
	u := New(s, Options{Terminal: true, Now: time.Now})
	p := u.Phase("downloading")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 20 {
				part := u.Phase(fmt.Sprintf("%d/%d", i, j))
				part.Expect(100)
				part.Add(100)
				p.Add(100)
				u.Printf("%d %d", i, j)
				time.Sleep(time.Millisecond)
				part.Drop()
			}
		}()
	}
	wg.Wait()
	p.Done()
	u.Close()
	if lines := strings.Split(s.String(), "\n"); len(lines) != 161 || !strings.HasPrefix(lines[160], "downloading: done, 16.0 kB") {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 797_123_456: "797.1 MB", 3_050_000_000: "3.05 GB",
		9_000_000_000_000_000_000: "9.00 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0.0 s", 61 * time.Second: "1 min 1 s", 3700 * time.Second: "1 h 1 min"} {
		if got := duration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestFor(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := For(f, func(string) string { return "" })
	if o.Terminal || o.Color || o.Width() != 0 {
		t.Errorf("a file is a terminal: %+v", o)
	}
}
