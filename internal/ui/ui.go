// Package ui tells a person what envpack is doing: messages, warnings and progress, on standard
// error.
//
// On a terminal the tasks under way are a few lines that are redrawn in place, and messages go above
// them. Elsewhere each phase has a plain line at its start and end, and one every few seconds. What
// is said is understandable without colour. It prints no errors (package diag does) and no results.
//
// Invariants: after [UI.Close] nothing of the display is left on the terminal, and nothing is
// written any more except by messages and warnings; text from elsewhere cannot move the cursor,
// since control characters are replaced. All methods are safe for concurrent use, and all work on a
// nil *UI and a nil *Task, doing nothing.
package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	reportEvery = 5 * time.Second        // in plain lines
)

// Options say how a UI writes.
type Options struct {
	Terminal bool       // redraw in place, with ANSI control sequences (ECMA-48)
	Width    func() int // columns of the terminal; nil or 0: 80
	Color    bool       // colour the word "warning"
	Quiet    bool       // warnings only
	// JSON writes each message and warning as one object on a line, {"notice": …} or {"warning": …}, and no
	// progress.
	JSON bool
	Now  func() time.Time // the clock; required
	// Still refreshes the display only when something changes, not by itself. For tests.
	Still bool
}

// UI writes to one stream.
type UI struct {
	o  Options
	mu sync.Mutex
	w  io.Writer

	phases []*Task // under way, in order of their start
	drawn  int     // lines of the display on the terminal
	last   time.Time
	stop   chan struct{} // ends the refreshing; nil: none under way
	closed bool
}

// New makes a UI. Close it before the process ends.
func New(w io.Writer, o Options) *UI {
	if o.Width == nil {
		o.Width = func() int { return 0 }
	}
	return &UI{o: o, w: w}
}

// Printf prints a message, a line or more.
func (u *UI) Printf(format string, args ...any) {
	if u == nil || u.o.Quiet {
		return
	}
	if u.o.JSON {
		u.object("notice", fmt.Sprintf(format, args...))
		return
	}
	u.above(fmt.Sprintf(format, args...))
}

// Warn prints a warning, a line or more. It is printed even if the UI is quiet.
func (u *UI) Warn(format string, args ...any) {
	if u == nil {
		return
	}
	if u.o.JSON {
		u.object("warning", fmt.Sprintf(format, args...))
		return
	}
	word := "warning:"
	if u.o.Color {
		word = "\x1b[33mwarning:\x1b[0m"
	}
	text := diag.Clean(fmt.Sprintf(format, args...))
	u.mu.Lock()
	defer u.mu.Unlock()
	u.write(word + " " + strings.TrimRight(text, "\n") + "\n")
}

// object writes a message as JSON.
func (u *UI) object(kind, text string) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]string{kind: strings.TrimRight(diag.Clean(text), "\n")}); err != nil {
		return // a string always has a form
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.write(b.String())
}

func (u *UI) above(text string) {
	text = strings.TrimRight(diag.Clean(text), "\n") + "\n"
	u.mu.Lock()
	defer u.mu.Unlock()
	u.write(text)
}

// Close takes the display away; phases that are not done stay without an end. It may be called more
// than once.
func (u *UI) Close() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	u.closed = true
	u.rest()
	u.erase(nil)
}

// Phase begins a part of the work, such as "downloading". The name is what is being done.
func (u *UI) Phase(name string) *Task {
	if u == nil || u.o.Quiet || u.o.JSON {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil
	}
	t := &Task{u: u, name: oneLine(name), started: u.o.Now()}
	t.reported = t.started
	u.phases = append(u.phases, t)
	if !u.o.Terminal {
		u.write(t.name + "\n")
	}
	if u.stop == nil && !u.o.Still {
		u.stop = make(chan struct{})
		go u.keepFresh(u.stop)
	}
	u.refresh(false)
	return t
}

// keepFresh refreshes the display when nothing changes as well, so that a stalled download shows.
func (u *UI) keepFresh(stop chan struct{}) {
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			u.mu.Lock()
			u.refresh(false)
			u.mu.Unlock()
		}
	}
}

func (u *UI) rest() {
	if u.stop != nil {
		close(u.stop)
		u.stop = nil
	}
}

// write puts text above the display. The lock is held.
func (u *UI) write(text string) {
	if u.drawn == 0 {
		_, _ = io.WriteString(u.w, text)
		return
	}
	u.erase([]byte(text))
	u.refresh(true)
}

// erase replaces the display by text, in one write so that nothing flickers. The lock is held.
func (u *UI) erase(text []byte) {
	out := text
	if u.drawn > 0 {
		out = append([]byte(fmt.Sprintf("\x1b[%dA\r\x1b[J", u.drawn)), text...)
		u.drawn = 0
	}
	if len(out) > 0 {
		// There is nobody to tell that standard error cannot be written to.
		_, _ = u.w.Write(out)
	}
}

// refresh redraws, or reports in plain lines, unless it was done a moment ago. The lock is held.
func (u *UI) refresh(force bool) {
	if u.closed {
		return
	}
	now := u.o.Now()
	if !u.o.Terminal {
		for _, p := range u.phases {
			if now.Sub(p.reported) >= reportEvery {
				p.reported = now
				p.sample(now)
				u.write(p.progress() + "\n")
			}
		}
		return
	}
	if !force && now.Sub(u.last) < redrawEvery {
		return
	}
	u.last = now
	lines := u.lines(now)
	var b strings.Builder
	if u.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", u.drawn)
	}
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	if len(lines) < u.drawn {
		b.WriteString("\x1b[J")
	}
	u.drawn = len(lines)
	_, _ = io.WriteString(u.w, b.String())
}

// lines are the display: one for each phase.
func (u *UI) lines(now time.Time) []string {
	width := u.o.Width()
	if width <= 0 {
		width = 80
	}
	var lines []string
	for _, p := range u.phases {
		p.sample(now)
		lines = append(lines, cutEnd(p.progress(), width-1))
	}
	return lines
}

func oneLine(s string) string { return strings.Join(strings.Fields(diag.Clean(s)), " ") }

// cutEnd shortens a text to a number of characters, at its end.
func cutEnd(s string, width int) string {
	runes := []rune(s)
	if len(runes) <= width {
		return s
	}
	if width < 3 {
		return string(runes[:max(width, 0)])
	}
	return string(runes[:width-1]) + "…"
}
