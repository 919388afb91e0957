package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/ui"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

const treeLong = `Shows which package of the lock needs which, from the project down, or from the packages that are
named. With --invert the other way round: who needs them. It shows the lock as it is; that it is out
of date is a warning.

A dependency that holds on some of the platforms only names them. (*) stands where what is below was
shown before, and is left out; (cycle) where a package stands above itself.

With --sizes each package has the bytes of its own wheels; "in all" those of it and of all that it
needs; "alone" those that would go with it, since nothing else needs them.`

const treeExample = `  envpack tree                            # all of it
  envpack tree --invert numpy             # who needs numpy
  envpack tree --depth 1 --sizes          # what the project's own requirements weigh
  envpack tree --platform linux/arm64 --json
  envpack tree --system                   # the distribution's packages as well`

type treeOptions struct {
	lockFlags
	dir       string
	platforms []string
	invert    bool
	depth     int
	sizes     bool
	noDedupe  bool
	system    bool
}

func newTree(s *session) *cobra.Command {
	o := treeOptions{}
	cmd := &cobra.Command{
		Use:               "tree [PACKAGE...]",
		Short:             "Show which package of the lock needs which",
		Long:              treeLong,
		Example:           treeExample,
		ValidArgsFunction: completePackages,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir = dirOf(cmd, nil)
			return s.tree(args, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.invert, "invert", "i", false, "show who needs a package, not what it needs")
	f.IntVar(&o.depth, "depth", -1, "`LEVELS` to show below the first; negative: all")
	f.StringArrayVar(&o.platforms, "platform", nil, "only this `PLATFORM`; may be given several times (default: all of the lock)")
	completeFlag(cmd, "platform", completeLocked)
	f.BoolVar(&o.sizes, "sizes", false, "show the bytes of wheels: own, with all that is needed, and needed by nothing else")
	f.BoolVar(&o.noDedupe, "no-dedupe", false, "repeat what was shown before")
	f.BoolVar(&o.system, "system", false, "list the distribution's packages as well")
	o.addTo(cmd)
	return cmd
}

func (s *session) tree(names []string, o treeOptions) error {
	l, err := s.readAnyway(o.lockFlags, o.dir)
	if err != nil {
		return err
	}
	for _, p := range o.platforms {
		if !slices.ContainsFunc(l.Targets, func(t lockfile.Target) bool { return t.Platform == p }) {
			return diag.New(diag.Usage, "--platform %s: the lock is for %s", p, platformsOf(l)).
				Hint("project.platforms in the manifest says for which platforms a lock is made")
		}
	}
	g := l.Graph(o.platforms...)
	var roots []int
	for _, name := range names {
		found := g.Find(pep508.NormalizeName(name))
		if len(found) == 0 {
			return noPackage(l, name, o.platforms)
		}
		roots = append(roots, found...)
	}
	branches := g.Tree(lockfile.TreeOptions{Roots: roots, Invert: o.invert, Depth: o.depth, NoDedupe: o.noDedupe})
	if s.json {
		return s.printJSON(treeJSON(l, g, branches, o))
	}
	p := treePrinter{graph: g, o: o}
	if f, ok := s.stdout.(*os.File); ok {
		p.color = ui.For(f, os.Getenv).Color
	}
	for _, b := range branches {
		p.print(b, "", "")
	}
	if o.system {
		p.system(l)
	}
	if p.shown {
		p.b.WriteString("(*) what is below was shown before\n")
	}
	_, err = s.stdout.Write([]byte(p.b.String()))
	return err
}

// noPackage is the error for a package that the lock does not have.
func noPackage(l *lockfile.Lock, name string, platforms []string) *diag.Error {
	where := "the lock"
	if len(platforms) > 0 {
		where += " for " + list(platforms)
	}
	e := diag.New(diag.Usage, "%s has no package %s", where, name)
	normal := pep508.NormalizeName(name)
	var near []string
	for _, p := range l.Packages {
		if !slices.Contains(near, p.Name) && (strings.Contains(p.Name, normal) || strings.Contains(normal, p.Name)) {
			near = append(near, p.Name)
		}
	}
	if len(near) == 0 {
		if alike := diag.Nearest(normal, packagesOf(l)); alike != "" {
			near = append(near, alike)
		}
	}
	if len(near) > 0 {
		_ = e.Hint("it has %s", list(near[:min(len(near), 8)]))
	}
	for _, c := range l.Choices {
		if c.Kind == lockfile.ExcludeChoice && c.Name == normal {
			e.Hints = []string{name + " is left out: " + c.Reason}
			return e
		}
	}
	for _, d := range l.Base.Debs {
		if d.Name == name {
			return e.Hint("%s is a package of the distribution: `envpack why %s`", name, name)
		}
	}
	if len(near) == 0 {
		_ = e.Hint("`envpack tree` shows what it has")
	}
	return e
}

type treePrinter struct {
	b     strings.Builder
	graph *lockfile.Graph
	o     treeOptions
	color bool
	shown bool // a branch was left out
}

func (p *treePrinter) print(b *lockfile.Branch, first, rest string) {
	n := p.graph.Nodes[b.Node]
	p.b.WriteString(first + printable(n.Name))
	if b.Edge != nil && !p.o.invert && len(b.Edge.Extras) > 0 {
		p.b.WriteString("[" + strings.Join(b.Edge.Extras, ",") + "]")
	}
	if n.Version != "" {
		p.b.WriteString(" " + n.Version)
	}
	var notes []string
	if p.o.sizes {
		text := size(n.Size)
		if total := p.graph.Total(b.Node); total != n.Size {
			text += fmt.Sprintf("; in all %s; alone %s", size(total), size(p.graph.Alone(b.Node)))
		}
		notes = append(notes, "["+text+"]")
	}
	if b.Edge != nil && p.o.invert && len(b.Edge.Extras) > 0 {
		notes = append(notes, fmt.Sprintf("(needs %s[%s])", p.graph.Nodes[b.Edge.To].Name, strings.Join(b.Edge.Extras, ",")))
	}
	if len(b.Platforms) > 0 {
		notes = append(notes, "("+list(b.Platforms)+" only)")
	}
	if b.Edge == nil && b.Node > 0 && len(n.Platforms) < len(p.graph.Platforms) {
		notes = append(notes, "("+list(n.Platforms)+" only)")
	}
	switch {
	case b.Cycle:
		notes = append(notes, "(cycle)")
	case b.Shown:
		notes, p.shown = append(notes, "(*)"), true
	}
	for _, note := range notes {
		p.b.WriteString(" " + p.dim(note))
	}
	p.b.WriteString("\n")
	for i, below := range b.Below {
		if i == len(b.Below)-1 {
			p.print(below, rest+"└── ", rest+"    ")
		} else {
			p.print(below, rest+"├── ", rest+"│   ")
		}
	}
}

func (p *treePrinter) dim(text string) string {
	if !p.color {
		return text
	}
	return "\x1b[2m" + text + "\x1b[0m"
}

// system lists the distribution's packages. Which needs which is for their indexes to say.
func (p *treePrinter) system(l *lockfile.Lock) {
	debs := systemOf(l, p.graph.Platforms)
	fmt.Fprintf(&p.b, "\n%s: %s of the distribution; the lock does not say which needs which, `envpack why NAME` does\n",
		printable(l.Base.Distro), plural(len(debs), "package"))
	for i, d := range debs {
		branch := "├── "
		if i == len(debs)-1 {
			branch = "└── "
		}
		p.b.WriteString(branch + d.Name + " " + d.Version)
		var notes []string
		if p.o.sizes {
			notes = append(notes, "["+size(d.Size)+"]")
		}
		if len(d.Platforms) < len(p.graph.Platforms) {
			notes = append(notes, "("+list(d.Platforms)+" only)")
		}
		if d.Added {
			notes = append(notes, "(added to the base)")
		}
		for _, reason := range d.Reasons {
			notes = append(notes, "("+printable(reason)+")")
		}
		for _, note := range notes {
			p.b.WriteString(" " + p.dim(note))
		}
		p.b.WriteString("\n")
	}
}
