package lockfile

import (
	"slices"
	"strings"
)

// TreeOptions say how a graph is laid out as a tree.
type TreeOptions struct {
	Roots    []int // nodes to begin with; none: the project, or, inverted, what needs nothing
	Invert   bool  // below a node stand those who need it
	Depth    int   // levels below the roots; negative: all
	NoDedupe bool  // what stands below a node is laid out each time
}

// Branch is a node in its place in a tree.
type Branch struct {
	Node      int
	Edge      *Edge    // that led to it from the branch above; nil for a root
	Platforms []string // on which the way from the root to it holds, if those are not all of the branch above
	// Shown tells that what stands below the node was laid out before, and is not again.
	Shown bool
	Cycle bool // the node stands above itself
	Below []*Branch
}

// Tree lays the graph out. A way that holds on no platform as a whole is left out.
func (g *Graph) Tree(o TreeOptions) []*Branch {
	t := &treeing{Graph: g, o: o, edges: g.Out, done: map[string]int{}, seen: make([]bool, len(g.Nodes))}
	if o.Invert {
		t.edges = g.In
	}
	roots := o.Roots
	if len(roots) == 0 && !o.Invert {
		roots = []int{0}
	}
	if len(roots) == 0 {
		for i := range g.Nodes {
			if len(g.Out[i]) == 0 {
				roots = append(roots, i)
			}
		}
	}
	var list []*Branch
	for _, r := range roots {
		list = append(list, t.root(r))
	}
	if len(o.Roots) > 0 {
		return list
	}
	// Inverted, packages that need each other have no end; and a lock may have what nobody needs.
	reached := t.reachedFrom(roots)
	for i := 1; i < len(g.Nodes); i++ {
		if !reached[i] {
			list = append(list, t.root(i))
			for j, there := range t.reachedFrom([]int{i}) {
				reached[j] = reached[j] || there
			}
		}
	}
	return list
}

type treeing struct {
	*Graph
	o     TreeOptions
	edges [][]Edge
	done  map[string]int // by node and platforms: the depth at which it was laid out
	seen  []bool         // stands above
}

func (t *treeing) root(node int) *Branch {
	b := &Branch{Node: node}
	t.grow(b, t.Nodes[node].Platforms, 0)
	return b
}

func (t *treeing) grow(b *Branch, platforms []string, depth int) {
	edges := t.edges[b.Node]
	if len(edges) == 0 {
		return
	}
	if t.seen[b.Node] {
		b.Cycle = true
		return
	}
	if t.o.Depth >= 0 && depth >= t.o.Depth {
		return
	}
	key := t.Nodes[b.Node].Name + " " + t.Nodes[b.Node].Version + " " + strings.Join(platforms, " ")
	// Where the depth ends, what was laid out deeper down has less below it.
	if at, there := t.done[key]; there && !t.o.NoDedupe && (t.o.Depth < 0 || at <= depth) {
		b.Shown = true
		return
	}
	t.done[key], t.seen[b.Node] = depth, true
	defer func() { t.seen[b.Node] = false }()
	for i := range edges {
		e := &edges[i]
		on := common(platforms, e.Platforms)
		if len(on) == 0 {
			continue
		}
		next := &Branch{Node: e.To, Edge: e}
		if t.o.Invert {
			next.Node = e.From
		}
		if !slices.Equal(on, platforms) {
			next.Platforms = on
		}
		b.Below = append(b.Below, next)
		t.grow(next, on, depth+1)
	}
}

// reachedFrom tells which nodes some nodes lead to, whatever the depth that is laid out.
func (t *treeing) reachedFrom(nodes []int) []bool {
	seen := make([]bool, len(t.Nodes))
	stack := slices.Clone(nodes)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		for _, e := range t.edges[n] {
			if t.o.Invert {
				stack = append(stack, e.From)
			} else {
				stack = append(stack, e.To)
			}
		}
	}
	return seen
}
