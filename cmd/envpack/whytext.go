package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

// whyText is the answer for people. Platforms of which the same is to be said share a section.
func whyText(doc whyDocument, l *lockfile.Lock, m *manifest.Manifest) string {
	var b strings.Builder
	for i := range doc.Packages {
		p := doc.Packages[i]
		platforms, first := alike(doc.Packages, i, func(p whyPackage) (string, any) {
			w := *p.Why
			w.Platform = ""
			p.Why = &w
			return doc.Packages[i].Platform, p
		})
		if first {
			section(&b)
			writePackage(&b, doc, p, on(platforms, l), m)
		}
	}
	for i := range doc.Debs {
		platforms, first := alike(doc.Debs, i, func(w *resolver.WhyDeb) (string, any) {
			c := *w
			c.Platform = ""
			return w.Platform, c
		})
		if first {
			section(&b)
			writeDeb(&b, doc, doc.Debs[i], on(platforms, l), l)
		}
	}
	return diag.Clean(b.String())
}

func section(b *strings.Builder) {
	if b.Len() > 0 {
		b.WriteString("\n")
	}
}

// alike are the platforms of which the same is to be said as of a list's element i; first tells whether that is the first.
func alike[T any](list []T, i int, of func(T) (string, any)) (platforms []string, first bool) {
	_, what := of(list[i])
	first = true
	for j, other := range list {
		platform, same := of(other)
		if reflect.DeepEqual(what, same) {
			platforms = append(platforms, platform)
			first = first && j >= i
		}
	}
	return platforms, first
}

// on names platforms if those are not all.
func on(platforms []string, l *lockfile.Lock) string {
	if len(platforms) == len(l.Targets) {
		return ""
	}
	return " on " + list(platforms)
}

// shownPaths and shownVersions are how many of them are shown; --json has all.
const shownPaths, shownVersions = 4, 4

// notLookedFor stands where newer versions would, in the answer about a lock that is out of date.
const notLookedFor = "\nwhy no newer version:\n  not looked for: the lock is out of date\n"

func writePackage(b *strings.Builder, doc whyDocument, p whyPackage, on string, m *manifest.Manifest) {
	name := doc.Name
	fmt.Fprintf(b, "%s %s, from %s%s\n", name, p.Locked, p.Origin, on)
	b.WriteString("\nwhy it is there:\n")
	for i, path := range p.Paths {
		if i == shownPaths {
			fmt.Fprintf(b, "  and %d more ways; `envpack tree --invert %s` shows all\n", len(p.Paths)-i, name)
			break
		}
		fmt.Fprintf(b, "  %s\n", strings.Join(path.Names, " → "))
		for _, r := range path.Requirements {
			fmt.Fprintf(b, "      %s: %s\n", r.Where, r.Text)
		}
	}
	if len(p.Bounds) > 0 {
		b.WriteString("\nwhat is asked of its version:\n")
		for _, x := range p.Bounds {
			fmt.Fprintf(b, "  %s\n", x)
		}
	}
	if len(p.Choices) > 0 {
		b.WriteString("\nwhat was decided about it:\n")
		for _, c := range p.Choices {
			writeChoice(b, c)
		}
	}
	if doc.Stale {
		b.WriteString(notLookedFor)
		return
	}
	b.WriteString("\nwhy no newer version:\n")
	if direct(p.Origin, m) {
		b.WriteString("  the manifest names its address, and no index is asked\n")
		return
	}
	for _, n := range p.Newer {
		writeNewer(b, name, n)
	}
	if len(p.Newer) == 0 {
		fmt.Fprintf(b, "  there is none: %s is the newest that the index has\n", p.Locked)
	}
	for _, x := range m.Indexes {
		if x.Name == p.Origin {
			fmt.Fprintf(b, "  only the index %s is looked at (%s): a package comes from one index\n", x.Name, x.Pos)
			break
		}
		if p.Origin == "the default index" {
			b.WriteString("  only the default index is looked at: a package comes from one index\n")
			break
		}
	}
	if p.Gone {
		fmt.Fprintf(b, "  the index does not have %s any more\n", p.Locked)
	}
	switch {
	case p.Takes == "":
		fmt.Fprintf(b, "\nwhere it may move, an answer does without it%s\n", moving(p.Moves))
	case p.Takes != p.Locked:
		fmt.Fprintf(b, "\n`envpack lock --upgrade-package %s` takes %s%s\n", name, p.Takes, moving(p.Moves))
	}
}

// writeChoice writes what the lock keeps of a decision, with the place in the manifest that asked for it.
func writeChoice(b *strings.Builder, c whyChoice) {
	at := ""
	if c.Where != "" {
		at = c.Where + ": "
	}
	fmt.Fprintf(b, "  %s%s %s (%s)\n", at, c.Kind, c.Value, c.Reason)
}

func direct(origin string, m *manifest.Manifest) bool {
	return origin != "the default index" && !slices.ContainsFunc(m.Indexes, func(x manifest.Index) bool { return x.Name == origin })
}

func writeNewer(b *strings.Builder, name string, n resolver.Newer) {
	versions := n.Versions
	text := list(versions[:min(len(versions), shownVersions)])
	if more := len(versions) - shownVersions; more > 0 {
		text += fmt.Sprintf(" and %d more down to %s (--json has all)", more, versions[len(versions)-1])
	}
	fmt.Fprintf(b, "  %s: %s\n", text, n.Reason)
	if n.Takes != "" {
		fmt.Fprintf(b, "      `envpack lock --upgrade-package %s==%s` takes that%s\n", name, n.Takes, moving(n.Moves))
	} else if len(n.Moves) > 0 {
		fmt.Fprintf(b, "      such an answer has no %s%s\n", name, moving(n.Moves))
	}
	// A bound of the manifest says all that its proof would: no other package can help.
	if n.Proof == "" || slices.ContainsFunc(n.Bounds, func(x resolver.Bound) bool { return x.By == "" }) {
		return
	}
	for _, line := range strings.Split(n.Proof, "\n") {
		fmt.Fprintf(b, "      %s\n", line)
	}
}

// shownMoves is how many other packages are named that move; --json has all.
const shownMoves = 4

// moving says what moves with a package.
func moving(moves []resolver.Move) string {
	var words []string
	// What goes and comes follows from what changes.
	moves = slices.Clone(moves)
	slices.SortStableFunc(moves, func(a, b resolver.Move) int {
		return cmp.Compare(min(len(b.Old), len(b.New), 1), min(len(a.Old), len(a.New), 1))
	})
	for i, m := range moves {
		if i == shownMoves && len(moves) > shownMoves+1 {
			words = append(words, fmt.Sprintf("%d more (--json has all)", len(moves)-i))
			break
		}
		switch {
		case m.Old == "":
			words = append(words, "adds "+m.Name+" "+m.New)
		case m.New == "":
			words = append(words, "removes "+m.Name)
		default:
			words = append(words, "moves "+m.Name+" "+m.Old+" → "+m.New)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return ", and " + strings.Join(words, ", ")
}

func writeDeb(b *strings.Builder, doc whyDocument, w *resolver.WhyDeb, on string, l *lockfile.Lock) {
	where := "in the base"
	if w.Added {
		where = "added to the base"
	}
	fmt.Fprintf(b, "%s %s, a package of %s, %s%s\n\nwhy it is there:\n", doc.Name, w.Locked, l.Base.Distro, where, on)
	for i, link := range w.Chain {
		reason := link.Reason
		if link.Where != "" {
			reason += " (" + link.Where + ")"
		}
		fmt.Fprintf(b, "  %s%s: %s\n", strings.Repeat("  ", i), link.Name, reason)
	}
	switch {
	case len(w.Chain) == 0 && doc.Stale:
		b.WriteString("  the base has it; what needs it there was not looked for\n")
	case len(w.Chain) == 0:
		b.WriteString("  nothing leads to it in what the archives have now\n")
	}
	if doc.Stale {
		b.WriteString(notLookedFor)
		return
	}
	b.WriteString("\nwhy no newer version:\n")
	switch {
	case w.Dropped:
		b.WriteString("  with what the archives have now nothing needs it: `envpack lock --upgrade-base` does without it\n")
	case w.Newest != w.Locked && w.Security:
		fmt.Fprintf(b, "  the archives have %s, and the locked version lacks a security fix; `envpack lock --upgrade-base` takes it\n", w.Newest)
	case w.Newest != w.Locked:
		fmt.Fprintf(b, "  the lock keeps %s; `envpack lock --upgrade-base` takes %s\n", w.Locked, w.Newest)
	default:
		b.WriteString("  there is none: the archives have nothing newer that goes with the rest\n")
	}
	if w.Gone {
		fmt.Fprintf(b, "  the archives do not have %s any more\n", w.Locked)
	}
}
