package ui

import (
	"fmt"
	"strings"
	"time"
)

// Task is a phase. Progress is in bytes.
type Task struct {
	u     *UI
	name  string
	note  string
	done  int64 // bytes
	total int64 // 0: unknown
	ended bool

	started, reported time.Time
	samples           []sample
}

// sample is how far a task was at a moment, for its rate.
type sample struct {
	at   time.Time
	done int64
}

// worthALine is how long a phase without bytes takes to be summed up.
const worthALine = 500 * time.Millisecond

// rateOver is the time over which a rate is taken.
const rateOver = 4 * time.Second

// change does something to a task and shows it.
func (t *Task) change(do func()) {
	if t == nil {
		return
	}
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	if t.ended {
		return
	}
	do()
	t.u.refresh(false)
}

// Expect says how many bytes there will be; 0: unknown.
func (t *Task) Expect(bytes int64) { t.change(func() { t.total = max(bytes, 0) }) }

// Set says how many bytes are done; the number may fall, when a download starts over.
func (t *Task) Set(n int64) { t.change(func() { t.done = n }) }

// Add says that n more bytes are done.
func (t *Task) Add(n int64) { t.change(func() { t.done += n }) }

// Note says what the task is at, in place of what was said before.
func (t *Task) Note(format string, args ...any) {
	t.change(func() { t.note = oneLine(fmt.Sprintf(format, args...)) })
}

// Done ends a task, and prints a line that sums it up. It may be called more than once.
func (t *Task) Done() { t.end(true) }

// Drop ends a task that failed or was not needed, without a line.
func (t *Task) Drop() { t.end(false) }

func (t *Task) end(well bool) {
	if t == nil {
		return
	}
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	if t.ended || t.u.closed {
		return
	}
	t.ended = true
	t.u.phases = without(t.u.phases, t)
	if len(t.u.phases) == 0 {
		t.u.rest()
	}
	text := ""
	if took := t.u.o.Now().Sub(t.started); well && (took >= worthALine || t.done > 0) {
		text = t.summary(took) + "\n"
	}
	t.u.erase([]byte(text))
	if len(t.u.phases) > 0 {
		t.u.refresh(true)
	}
}

func without(list []*Task, t *Task) []*Task {
	var out []*Task
	for _, x := range list {
		if x != t {
			out = append(out, x)
		}
	}
	return out
}

func (t *Task) sample(now time.Time) {
	t.samples = append(t.samples, sample{now, t.done})
	for len(t.samples) > 2 && now.Sub(t.samples[1].at) >= rateOver {
		t.samples = t.samples[1:]
	}
}

// rate is in bytes per second.
func (t *Task) rate() float64 {
	if len(t.samples) == 0 {
		return 0
	}
	from, to := sample{t.started, 0}, t.samples[len(t.samples)-1]
	if len(t.samples) > 1 && to.at.Sub(from.at) > rateOver {
		from = t.samples[0]
	}
	span := to.at.Sub(from.at).Seconds()
	if span < 0.3 {
		return 0
	}
	return max(float64(to.done-from.done)/span, 0)
}

// progress is the line of a phase under way.
func (t *Task) progress() string {
	facts := t.amount()
	if t.note != "" {
		facts = append(facts, t.note)
	}
	if len(facts) == 0 {
		return t.name
	}
	return t.name + ": " + strings.Join(facts, ", ")
}

func (t *Task) amount() []string {
	n := t.done
	var facts []string
	switch {
	case t.total > 0:
		facts = append(facts, fmt.Sprintf("%s of %s", Bytes(n), Bytes(t.total)))
	case n > 0:
		facts = append(facts, Bytes(n))
	}
	if r := t.rate(); r > 0 {
		facts = append(facts, Bytes(int64(r))+"/s")
	}
	return facts
}

// summary is the line of a phase that is done.
func (t *Task) summary(took time.Duration) string {
	var facts []string
	if n := t.done; n > 0 {
		facts = append(facts, Bytes(n))
		if s := took.Seconds(); s >= 0.1 {
			facts = append(facts, Bytes(int64(float64(n)/s))+"/s")
		}
	}
	facts = append(facts, duration(took))
	return t.name + ": done, " + strings.Join(facts, ", ")
}

// Bytes is a number of bytes for people, in powers of 1000: "999 B", "1.2 kB", "3.05 GB".
func Bytes(n int64) string {
	if n < 1000 && n > -1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		v /= 1000
		if v < 999.95 && v > -999.95 {
			break
		}
	}
	if unit == "kB" || unit == "MB" {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}

func duration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
