package apt_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

func day(month time.Month, n int) time.Time { return time.Date(2026, month, n, 0, 0, 0, 0, time.UTC) }

// history is an archive with libc6 2.36-9 in January, 2.36-10 from February 10 on and 2.36-11 from February 20 on, and
// its snapshots. Each state is valid for a week.
type history struct {
	archive *testenv.AptRepo
	options apt.Options
	mu      sync.Mutex
	asked   []string // of the snapshot service
}

func newHistory(t *testing.T) *history {
	h := &history{archive: repo(t)}
	snapshots := &testenv.AptSnapshots{}
	for _, s := range []struct {
		from    time.Time
		version string
	}{{day(1, 2), "2.36-9"}, {day(2, 10), "2.36-10"}, {day(2, 20), "2.36-11"}} {
		if s.version != "2.36-9" {
			h.archive.AddDeb("libc6", s.version, "amd64", testenv.DebOptions{Files: map[string]string{"usr/lib/libc.so." + s.version: ""}})
		}
		h.archive.Change(func(r *testenv.AptRepo) {
			r.Date, r.ValidUntil, r.Contents = s.from.Add(-time.Hour), s.from.Add(7*24*time.Hour), true
		})
		snapshots.Keep(h.archive, s.from)
	}
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.asked = append(h.asked, r.URL.Path)
		h.mu.Unlock()
		snapshots.ServeHTTP(w, r)
	}))
	t.Cleanup(service.Close)
	h.options = options(t, h.archive)
	h.options.Now = day(2, 25)
	h.options.Snapshots = map[string]string{"debian": service.URL + "/debian/", "debian-security": service.URL + "/debian-security/"}
	return h
}

// at are the options for an instant.
func (h *history) at(asOf time.Time) apt.Options {
	o := h.options
	o.AsOf, o.Snapshots = asOf, map[string]string{}
	for name, url := range h.options.Snapshots {
		o.Snapshots[name] = url + asOf.Format("20060102T150405Z")
	}
	h.mu.Lock()
	h.asked = nil
	h.mu.Unlock()
	return o
}

func libc(r *apt.Result) string {
	for _, d := range r.Debs {
		if d.Name == "libc6" {
			return d.Version
		}
	}
	return ""
}

// TestAsOf takes the state of an instant: from the archive as long as it has published nothing since, else from the
// snapshots, which are valid as of then.
func TestAsOf(t *testing.T) {
	h := newHistory(t)
	for _, c := range []struct {
		asOf     time.Time
		want     string
		snapshot bool
	}{
		{day(1, 3), "2.36-9", true}, {day(2, 9), "", true}, {day(2, 11), "2.36-10", true}, {day(2, 19), "", true},
		{day(2, 20), "2.36-11", false}, {day(2, 24), "2.36-11", false}, {day(12, 1), "2.36-11", false},
	} {
		got, err := apt.Resolve(context.Background(), h.at(c.asOf))
		if c.want == "" { // the last state before had expired
			if diag.CodeOf(err) != diag.Mismatch || !strings.Contains(err.Error(), "it was valid until") {
				t.Errorf("%s: %v", c.asOf, err)
			}
			o := h.at(c.asOf)
			o.AcceptExpired = true
			if _, err := apt.Resolve(context.Background(), o); err != nil {
				t.Errorf("%s: %v", c.asOf, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.asOf, err)
			continue
		}
		if v := libc(got); v != c.want || (len(h.asked) > 0) != c.snapshot {
			t.Errorf("%s: libc6 %s, asked for %v", c.asOf, v, h.asked)
		}
	}
	contents, err := apt.ReadContents(context.Background(), h.at(day(2, 11)))
	if err != nil {
		t.Fatal(err)
	}
	if len(contents.Library("libc.so.2.36-10")) == 0 || len(contents.Library("libc.so.2.36-11")) != 0 {
		t.Error("contents are not those of then")
	}
}

// TestAsOfPlaces: the state is the same wherever it comes from. A mirror that lacks what was published before the instant,
// or does not answer, is no place for it.
func TestAsOfPlaces(t *testing.T) {
	h := newHistory(t)
	want, err := apt.Resolve(context.Background(), h.at(day(2, 21)))
	if err != nil || len(h.asked) > 0 {
		t.Fatal(err, h.asked)
	}
	h.options.Archives = map[string]string{"debian": "http://127.0.0.1:1", "debian-security": "http://127.0.0.1:1"}
	got, err := apt.Resolve(context.Background(), h.at(day(2, 21)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	old := newHistory(t) // a mirror with a state that had expired
	old.archive.Change(func(r *testenv.AptRepo) { r.Date, r.ValidUntil = day(1, 1), day(1, 8) })
	old.options.Snapshots = h.options.Snapshots
	if got, err = apt.Resolve(context.Background(), old.at(day(2, 21))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAsOfRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(h *history, o *apt.Options)
		code   diag.Code
		want   []string
	}{
		"no service": {func(_ *history, o *apt.Options) {
			o.Snapshots = map[string]string{"debian": "http://127.0.0.1:1", "debian-security": "http://127.0.0.1:1"}
		}, diag.Fetch, []string{
			"archive debian, suite bookworm; archive debian, suite bookworm-updates; archive debian-security, suite bookworm-security: system.as-of needs a snapshot of 2026-02-11T00:00:00Z",
			"fetching dists/bookworm/", "an as-of from 2026-02-19T23:00:00Z on needs none", "--apt-mirror debian-snapshot=URL"}},
		"no service for one suite": {func(h *history, o *apt.Options) {
			o.Snapshots = map[string]string{"debian": o.Snapshots["debian"], "debian-security": "http://127.0.0.1:1"}
		}, diag.Fetch, []string{"archive debian-security, suite bookworm-security: system.as-of needs", `pockets = ["release"] below [system] leaves out what is lacking`}},
		"no address": {func(_ *history, o *apt.Options) { o.Snapshots = nil }, diag.Fetch, []string{"no address is known"}},
		"later state": {func(h *history, o *apt.Options) {
			for name, url := range h.options.Snapshots {
				o.Snapshots[name] = url + "20260220T000000Z"
			}
		}, diag.Mismatch, []string{"the snapshot of 2026-02-11T00:00:00Z has a release of 2026-02-19T23:00:00Z, which is later"}},
		"replayed": {func(_ *history, o *apt.Options) {
			o.NotBefore = map[string]time.Time{"debian bookworm": day(2, 10)}
		}, diag.Mismatch, []string{"an old state is served"}},
		"other keys": {func(h *history, _ *apt.Options) {
			h.archive.SignAs(testenv.NewAptRepoOf("other", "stable"))
		}, diag.Mismatch, []string{"signed by unknown keys only"}},
	} {
		h := newHistory(t)
		o := h.at(day(2, 11))
		c.change(h, &o)
		_, err := apt.Resolve(context.Background(), o)
		if diag.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b strings.Builder
		if err := diag.Render(&b, err); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s\nwant %q", name, text, want)
			}
		}
	}
}
