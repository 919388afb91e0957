package lockfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// graphLock is made of lines "NAME VERSION [SIZE] [on PLATFORM,…]: EDGE; EDGE": an edge is as in a lock, with | for ;. The first
// line is the project's.
func graphLock(t *testing.T, text string) *Lock {
	t.Helper()
	l := &Lock{Targets: []Target{{Platform: "linux/amd64"}, {Platform: "linux/arm64"}}}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		head, tail, _ := strings.Cut(line, ":")
		var requires []Dependency
		for _, each := range strings.Split(tail, ";") {
			if each = strings.TrimSpace(each); each == "" {
				continue
			}
			var d Dependency
			if err := d.UnmarshalText([]byte(strings.ReplaceAll(each, "|", ";"))); err != nil {
				t.Fatal(err)
			}
			requires = append(requires, d)
		}
		if i == 0 {
			l.Project = Project{Name: strings.TrimSpace(head), Requires: requires}
			continue
		}
		fields := strings.Fields(head)
		size, targets := int64(1), []string{"linux/amd64", "linux/arm64"}
		for j, f := range fields[2:] {
			switch {
			case f == "on":
				targets = strings.Split(fields[j+3], ",")
			case j == 0:
				fmt.Sscan(f, &size)
			}
		}
		l.Packages = append(l.Packages, Package{Name: fields[0], Version: fields[1], Requires: requires,
			Files: []File{{Name: fields[0], Size: size, Targets: targets}}})
	}
	l.Normalize()
	return l
}

// outline writes a tree as indented lines.
func outline(g *Graph, list []*Branch) string {
	var b strings.Builder
	var write func(list []*Branch, indent string)
	write = func(list []*Branch, indent string) {
		for _, x := range list {
			n := g.Nodes[x.Node]
			fmt.Fprintf(&b, "%s%s", indent, strings.TrimSpace(n.Name+" "+n.Version))
			if len(x.Platforms) > 0 {
				fmt.Fprintf(&b, " %v", x.Platforms)
			}
			if x.Shown {
				b.WriteString(" (*)")
			}
			if x.Cycle {
				b.WriteString(" (cycle)")
			}
			b.WriteString("\n")
			write(x.Below, indent+" ")
		}
	}
	write(list, "")
	return b.String()
}

const diamond = `
app: a; b
a 1 10: c
b 1 20: c; a
c 1 5: d
d 1 7:
`

const platforms = `
app: a; b| linux/arm64
a 1 10 on linux/amd64,linux/arm64: c| linux/amd64; d
b 1 20 on linux/arm64: a
c 1 5 on linux/amd64:
d 1 7 on linux/amd64:
d 2 8 on linux/arm64:
`

func TestTree(t *testing.T) {
	for _, test := range []struct {
		name, lock string
		on         []string
		o          TreeOptions
		find       string
		want       string
	}{
		{"down", diamond, nil, TreeOptions{Depth: -1}, "", "app\n a 1\n  c 1\n   d 1\n b 1\n  a 1 (*)\n  c 1 (*)\n"},
		{"each time", diamond, nil, TreeOptions{Depth: -1, NoDedupe: true}, "",
			"app\n a 1\n  c 1\n   d 1\n b 1\n  a 1\n   c 1\n    d 1\n  c 1\n   d 1\n"},
		{"depth", diamond, nil, TreeOptions{Depth: 1}, "", "app\n a 1\n b 1\n"},
		{"depth, laid out deeper down before", diamond, nil, TreeOptions{Depth: 2}, "", "app\n a 1\n  c 1\n b 1\n  a 1\n  c 1\n"},
		{"nothing below", diamond, nil, TreeOptions{Depth: 0}, "", "app\n"},
		{"one", diamond, nil, TreeOptions{Depth: -1}, "b", "b 1\n a 1\n  c 1\n   d 1\n c 1 (*)\n"},
		{"up", diamond, nil, TreeOptions{Depth: -1, Invert: true}, "c", "c 1\n a 1\n  app\n  b 1\n   app\n b 1 (*)\n"},
		{"up from the leaves", diamond, nil, TreeOptions{Depth: 1, Invert: true}, "", "d 1\n c 1\n"},
		{"all platforms", platforms, nil, TreeOptions{Depth: -1}, "",
			"app\n a 1\n  c 1 [linux/amd64]\n  d 1 [linux/amd64]\n  d 2 [linux/arm64]\n b 1 [linux/arm64]\n  a 1\n   d 2\n"},
		{"one platform", platforms, []string{"linux/arm64"}, TreeOptions{Depth: -1}, "", "app\n a 1\n  d 2\n b 1\n  a 1 (*)\n"},
		{"two versions", platforms, nil, TreeOptions{Depth: -1, Invert: true}, "d", "d 1\n a 1\n  app\nd 2\n a 1\n  app\n  b 1\n   app\n"},
		{"cycle", "app: a\na 1: b\nb 1: a", nil, TreeOptions{Depth: -1}, "", "app\n a 1\n  b 1\n   a 1 (cycle)\n"},
		{"a cycle has no leaves", "app: a\na 1: b\nb 1: a", nil, TreeOptions{Depth: -1, Invert: true}, "", "a 1\n app\n b 1\n  a 1 (cycle)\n"},
		{"needed by nobody", "app: a\na 1:\nb 1: a", nil, TreeOptions{Depth: -1}, "", "app\n a 1\nb 1\n a 1\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := graphLock(t, test.lock).Graph(test.on...)
			if test.find != "" {
				test.o.Roots = g.Find(test.find)
			}
			if d := cmp.Diff(test.want, outline(g, g.Tree(test.o))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestGraphSizes(t *testing.T) {
	for _, test := range []struct {
		lock, name   string
		total, alone int64
	}{
		{diamond, "a", 22, 10},
		{diamond, "b", 42, 20},
		{diamond, "c", 12, 12},
		{diamond, "d", 7, 7},
		{platforms, "a", 30, 30},
		{platforms, "b", 38, 20}, // on its platform; the rest is needed without it
		{"app: a\na 1 3: b\nb 1 4: a", "a", 7, 7},
	} {
		g := graphLock(t, test.lock).Graph()
		n := g.Find(test.name)[0]
		if total, alone := g.Total(n), g.Alone(n); total != test.total || alone != test.alone {
			t.Errorf("%s: in all %d, alone %d; want %d, %d", test.name, total, alone, test.total, test.alone)
		}
	}
	if g := graphLock(t, diamond).Graph(); g.Total(0) != 42 || g.Alone(0) != 42 {
		t.Errorf("the project: in all %d, alone %d", g.Total(0), g.Alone(0))
	}
}

func TestPaths(t *testing.T) {
	for _, test := range []struct {
		name, lock, to string
		want           []string
	}{
		{"two", diamond, "c", []string{"app a c [linux/amd64 linux/arm64]", "app b c [linux/amd64 linux/arm64]"}},
		{"direct", diamond, "a", []string{"app a [linux/amd64 linux/arm64]"}},
		{"by platform", "app: a| linux/amd64; b\na 1 1 on linux/amd64: c\nb 1: d\nd 1: c\nc 1:", "c",
			[]string{"app a c [linux/amd64]", "app b d c [linux/arm64]"}},
		{"back through a cycle", "app: a\na 1: b\nb 1: a", "a", []string{"app a [linux/amd64 linux/arm64]"}},
		{"nobody", "app: a\na 1:\nb 1: a", "b", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := graphLock(t, test.lock).Graph()
			var got []string
			for _, p := range g.Paths(g.Find(test.to)[0]) {
				text := "app"
				for _, e := range p.Edges {
					text += " " + g.Nodes[e.To].Name
				}
				got = append(got, fmt.Sprint(text, " ", p.Platforms))
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestManyPaths: a ladder has a power of two of shortest paths.
func TestManyPaths(t *testing.T) {
	text := "app: a0; b0\n"
	const rungs = 40
	for i := range rungs {
		for _, side := range []string{"a", "b"} {
			text += fmt.Sprintf("%s%d 1: a%d; b%d\n", side, i, i+1, i+1)
		}
	}
	text += fmt.Sprintf("a%d 1: z\nb%d 1: z\nz 1:", rungs, rungs)
	g := graphLock(t, text).Graph()
	if n := len(g.Paths(g.Find("z")[0])); n != maxPaths {
		t.Errorf("%d paths", n)
	}
}
