package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/pep440"
)

// likely is what a released distribution has: its glibc, and by minor version its Pythons. Neither changes in what wheels
// are chosen by, so that a change of the base can be tried without asking an archive. It is what locks of them have. Debian testing is not among them.
var likely = map[string]struct {
	glibc   string
	pythons map[string]string
}{
	"debian:13":    {"2.41", map[string]string{"3.13": "3.13.5"}},
	"debian:12":    {"2.36", map[string]string{"3.11": "3.11.2"}},
	"debian:11":    {"2.31", map[string]string{"3.9": "3.9.2"}},
	"ubuntu:26.04": {"2.43", map[string]string{"3.14": "3.14.4"}},
	"ubuntu:24.04": {"2.39", map[string]string{"3.12": "3.12.3"}},
	"ubuntu:22.04": {"2.35", map[string]string{"3.10": "3.10.12"}},
	"ubuntu:20.04": {"2.31", map[string]string{"3.8": "3.8.10", "3.9": "3.9.5"}},
	"ubuntu:18.04": {"2.27", map[string]string{"3.6": "3.6.9", "3.7": "3.7.5", "3.8": "3.8.0"}},
	"ubuntu:16.04": {"2.23", map[string]string{"3.5": "3.5.2"}},
}

// basesTried are how many other Pythons, or distributions, are tried.
const basesTried = 6

// ownBase tells whether the base is one that a manifest names by itself, of which nothing is known without reading it.
func (r *remedies) ownBase() bool {
	s := r.question.m.System
	return s.Image != "" || len(s.Pythons) > 0 || s.Distro == lockfile.NoDistro
}

// onBase is the question on the base that a manifest would get; nil if what it has is not known.
func (r *remedies) onBase(q *question, minor string) *question {
	b := newBases(q.m, nil, nil, q.options)
	candidates, err := b.candidates()
	if err != nil || len(candidates) == 0 {
		return nil
	}
	first := candidates[0]
	base, known := likely[first.distro]
	plain, threaded := strings.CutSuffix(minor, "t")
	python, archives := base.pythons[minor], Pythons
	if threaded {
		archives = ThreadedPythons
	}
	if first.archive {
		python = plain + ".0" // which of them there are, the archives say
	}
	if !known || python == "" {
		return nil
	}
	q.targets = nil
	for _, t := range r.question.targets {
		if first.archive && !slices.Contains(archives(t.Platform), minor) {
			return nil
		}
		moved, err := newTarget(lockfile.Target{Platform: t.Platform, Python: python, ABI: abiOf(python, threaded), Glibc: base.glibc})
		if err != nil {
			return nil
		}
		q.targets = append(q.targets, moved)
	}
	return q
}

// pythons tries other minor versions of Python, the nearest first.
func (r *remedies) pythons(ctx context.Context) {
	pos := r.question.m.Python.Pos
	text, quote, ok := quoted(pos)
	if !ok || r.ownBase() || !r.kinds(noWheel, needsPython, onlySdist) || !r.ownPython(text) {
		return
	}
	all := Pythons(r.failed.target.Platform)
	place := func(m string) int { return slices.Index(all, strings.TrimSuffix(m, "t")) }
	at := place(r.failed.target.Minor())
	order := otherPythons(r.failed.target)
	slices.Reverse(order) // of two that are as near, the newer first
	far := func(m string) int { i := place(m); return max(i-at, at-i) }
	slices.SortStableFunc(order, func(a, b string) int { return far(a) - far(b) })
	tried := 0
	for _, minor := range order {
		plain, threaded := strings.CutSuffix(minor, "t")
		specs, err := pep440.ParseSpecifiers("==" + plain + ".*")
		if err != nil || tried == basesTried || !r.mayHelp(minor) {
			continue
		}
		q := r.question.variant()
		q.m.Python = manifest.Python{Text: minor, Specifiers: specs, FreeThreaded: threaded, Pos: pos}
		if q = r.onBase(q, minor); q == nil {
			continue
		}
		tried++
		if done := r.try(ctx, q); done != nil {
			r.offer(movingPython+min(far(minor), 9), edit{pos, quote + text + quote, quote + minor + quote},
				fmt.Sprintf("python = %q instead of %q resolves", minor, text), with(done, r.wanted()...))
			return
		}
	}
}

// ownPython tells whether project.python alone decides: in pyproject.toml requires-python may have a say as well.
func (r *remedies) ownPython(text string) bool {
	p := r.question.m.Python
	if p.Text != text {
		return false
	}
	if p.FreeThreaded {
		text = strings.TrimSuffix(text, "t")
	}
	return lockfile.MinorOf(r.failed.target.Python) == text || p.Full() == text || p.Specifiers.String() == mustText(text)
}

// mustText is specifiers in normal form, "" for none.
func mustText(text string) string {
	specs, err := pep440.ParseSpecifiers(text)
	if err != nil {
		return ""
	}
	return specs.String()
}

// mayHelp tells whether every project of which no version can be used for its wheels has one for another Python.
func (r *remedies) mayHelp(minor string) bool {
	for _, f := range r.facts {
		why, ok := f.Reason.(reason)
		if !ok || why.kind != noWheel && why.kind != needsPython {
			continue
		}
		rel := r.failed.asker.met[f.Package.name]
		if rel == nil {
			continue
		}
		if slices.Contains(r.failed.asker.minorsFor(rel, f.Set), minor) {
			return true
		}
	}
	return false
}

// distributions tries other distributions in place of the one that the manifest names, where a newer glibc would do.
func (r *remedies) distributions(ctx context.Context) {
	m := r.question.m
	if r.ownBase() || !r.kinds(noWheel) {
		return
	}
	text, quote, ok := quoted(m.DistroPos)
	if m.Distro != "" && !ok {
		return
	}
	tried := 0
	for _, d := range apt.Distributions() {
		if d.Name == m.Distro || tried == basesTried || !elffile.NewerLibc(likely[d.Name].glibc, r.failed.target.Glibc) {
			continue
		}
		e, what := edit{m.DistroPos, quote + text + quote, quote + d.Name + quote}, fmt.Sprintf("distro = %q instead of %q", d.Name, text)
		if m.Distro == "" {
			if e, ok = addDistro(m.Places, d.Name); !ok {
				return
			}
			what = fmt.Sprintf("distro = %q in [system]", d.Name)
		}
		q := r.question.variant()
		q.m.Distro = d.Name
		if q = r.onBase(q, r.failed.target.Minor()); q == nil {
			continue
		}
		tried++
		if done := r.try(ctx, q); done != nil {
			r.offer(movingDistro, e, what+" resolves", with(done, r.wanted()...))
			return
		}
	}
}

// withoutBase tries, where there is no base, the usual build in place of the free-threaded one, and glibc in place of musl.
func (r *remedies) withoutBase(ctx context.Context) {
	m := r.question.m
	if m.Distro != lockfile.NoDistro || len(m.System.Pythons) > 0 || !r.kinds(noWheel, onlySdist) {
		return
	}
	if full := m.Python.Full(); m.Python.FreeThreaded && full != "" {
		usual := m.Python
		usual.Text, usual.FreeThreaded = full, false
		r.instead(ctx, movingPython, m.Python.Pos, "python", full, func(q *question, t *lockfile.Target) {
			q.m.Python, t.ABI = usual, ""
		})
	}
	if m.System.Libc.Kind == "musl" {
		r.instead(ctx, movingDistro, m.System.Libc.Pos, "libc", noneLibc.Text(), func(q *question, t *lockfile.Target) {
			q.m.System.Libc, t.Glibc, t.Musl = noneLibc, noneLibc.Version, ""
		})
	}
}

// instead tries another value of a key, with which all targets change.
func (r *remedies) instead(ctx context.Context, size int, pos diag.Position, key, value string, change func(*question, *lockfile.Target)) {
	text, quote, ok := quoted(pos)
	if !ok {
		return
	}
	q := r.question.variant()
	q.targets = nil
	for _, t := range r.question.targets {
		of := t.Target
		change(q, &of)
		moved, err := newTarget(of)
		if err != nil {
			return
		}
		q.targets = append(q.targets, moved)
	}
	if done := r.try(ctx, q); done != nil {
		r.offer(size, edit{pos, quote + text + quote, quote + value + quote}, fmt.Sprintf("%s = %q instead of %q resolves", key, value, text), with(done, r.wanted()...))
	}
}
