package resolver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/pep440"
)

// fix gives what is free the bounds that an answer comes to, and the answer of these; nil if there is none.
func (r *repairs) fix(ctx context.Context, items []*item, done []*solved) ([]*item, []*solved) {
	for _, exact := range []bool{false, true} {
		for _, i := range items {
			v := chosenOf(done, i.name)
			if v.IsZero() {
				continue
			}
			switch i.kind {
			case bounded, overruled:
				i.fixed = nil
				if specs, err := pep440.ParseSpecifiers(r.boundsFor(i, items, v, exact)); err == nil {
					i.fixed = &specs
				}
			case redated:
				i.at = lastSecond(r.uploadOf(done, i.name))
			}
		}
		if got, err := r.ask(ctx, items); err == nil {
			return items, got
		}
	}
	return nil, nil
}

// boundsFor are bounds that admit a version.
func (r *repairs) boundsFor(i *item, items []*item, v pep440.Version, exact bool) string {
	is := "==" + v.String()
	switch {
	case i.kind == overruled && i.req != nil && i.asked().Contains(v) && i.req.Specifiers.Len() > 0:
		return readable(i.req.Specifiers)
	case i.kind == overruled || exact || i.req.Specifiers.IsExact():
		return is
	}
	return loosened(i.req.Specifiers, v)
}

// uploadOf is when the file was uploaded that an answer has of a project.
func (r *repairs) uploadOf(done []*solved, name string) time.Time {
	var last time.Time
	for _, s := range done {
		if v, there := s.versions[name]; there {
			rel := s.provider.met[name]
			if at := rel.at(v).file.Uploaded; at.After(last) {
				last = at
			}
		}
	}
	return last
}

// address is that of an index, in brackets: it is this machine's, and no part of a manifest.
var address = pattern.New(` \((?:https?|file)://[^)\s]*\)`)

// amendment is the change of the manifest that an item comes to; not ok if its text cannot be edited.
func (r *repairs) amendment(i *item, done []*solved) (a manifest.Amendment, ok bool) {
	a = manifest.Amendment{Name: i.name, Why: address().ReplaceAllString(i.why, "")}
	var e edit
	switch i.kind {
	case renamed:
		e, ok = rename(i.req, i.text)
		a.Was, a.Is = i.req.RawName, i.text
	case bounded:
		var specs string
		if i.fixed != nil {
			specs = readable(*i.fixed)
		}
		e, a.Was, a.Is, ok = respecify(i.req, specs)
	case overruled:
		a.Kind, a.Value, ok = manifest.Overridden, r.valueOf(i), true
		a.Is = fmt.Sprintf("[overrides] %s = %q", i.name, a.Value)
		if i.req != nil && !i.asked().Contains(chosenOf(done, i.name)) {
			a.Was = i.req.Requirement.String()
		}
		return a, ok
	case otherPython:
		pos := r.question.m.Python.Pos
		text, quote, isText := quoted(pos)
		e, ok = edit{pos, quote + text + quote, quote + i.text + quote}, isText
		a.Was, a.Is = fmt.Sprintf("python = %q", text), fmt.Sprintf("python = %q", i.text)
	case prereleased:
		a.Kind, a.Value = manifest.OwnPrereleases, string(manifest.Allow)
		a.Is = fmt.Sprintf("[resolver.packages.%s] prereleases = %q", i.name, a.Value)
		return a, true
	case redated:
		a.Kind, a.Value = manifest.OwnDate, i.at.Format(time.DateOnly)
		a.Was = "as-of = " + writtenDate(r.question.policies.asOf)
		a.Is = fmt.Sprintf("[resolver.packages.%s] as-of = %s", i.name, a.Value)
		return a, true
	case leftOut:
		a.Kind, a.Was = manifest.LeftOut, i.name
		if i.req != nil {
			a.Was = i.req.Requirement.String()
		}
		return a, true
	case dropped:
		a.Was = i.req.Requirement.String()
		e, ok = remove(i.req.Pos, true)
	}
	a.Pos, a.Old, a.New = e.pos, e.old, e.new
	return a, ok
}

func (r *repairs) valueOf(i *item) string {
	if i.fixed == nil {
		return ""
	}
	return readable(*i.fixed)
}

// writtenDate is a moment as as-of has it: a day where it is the end of one.
func writtenDate(t time.Time) string {
	if t.Equal(lastSecond(t)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// none says that no repair was found, and why the search ended.
func (r *repairs) none() string {
	text := fmt.Sprintf("no repair was found in %d tries", r.tries)
	if r.tries == 1 {
		text = "no repair was found in one try"
	}
	if r.why != nil {
		first, _, _ := strings.Cut(r.why.Error(), "\n")
		text += ": " + first
	}
	return text
}
