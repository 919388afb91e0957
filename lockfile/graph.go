package lockfile

import (
	"cmp"
	"slices"
	"strings"
)

// Graph is who needs whom among the Python packages of a lock, on some of its platforms. Nodes are
// named by their place in [Graph.Nodes]; 0 is the project.
type Graph struct {
	Platforms []string // that are looked at, sorted
	Nodes     []Node   // the project, then the packages in the lock's order
	Out, In   [][]Edge // by node: what it needs, and who needs it, sorted by name and version
}

// Node is one version of one package, or the project.
type Node struct {
	Name      string
	Version   string   // "" of the project
	Index     string   // as in [Package]
	Platforms []string // of the graph's, those that it is on
	Size      int64    // bytes of its files for these platforms
}

// Edge says that one node needs another.
type Edge struct {
	From, To  int
	Extras    []string // of To, that are asked for
	Platforms []string // of the graph's, those on which it holds
}

// Graph is that of some of the lock's platforms; none are all.
func (l *Lock) Graph(platforms ...string) *Graph {
	g := &Graph{}
	for _, t := range l.Targets {
		if len(platforms) == 0 || slices.Contains(platforms, t.Platform) {
			g.Platforms = append(g.Platforms, t.Platform)
		}
	}
	slices.Sort(g.Platforms)
	g.Nodes = []Node{{Name: l.Project.Name, Platforms: g.Platforms}}
	requires := [][]Dependency{l.Project.Requires}
	places := map[string][]int{}
	for _, p := range l.Packages {
		n := Node{Name: p.Name, Version: p.Version, Index: p.Index}
		for _, f := range p.Files {
			if len(common(g.Platforms, f.Targets)) > 0 {
				n.Size += f.Size
			}
		}
		n.Platforms = common(g.Platforms, p.Platforms())
		if len(n.Platforms) == 0 {
			continue
		}
		places[p.Name] = append(places[p.Name], len(g.Nodes))
		g.Nodes = append(g.Nodes, n)
		requires = append(requires, p.Requires)
	}
	g.Out, g.In = make([][]Edge, len(g.Nodes)), make([][]Edge, len(g.Nodes))
	for from, list := range requires {
		for _, d := range list {
			on := g.Nodes[from].Platforms
			if len(d.Targets) > 0 {
				on = common(on, d.Targets)
			}
			// Where platforms have different versions, the edge is one to each.
			for _, to := range places[d.Name] {
				if both := common(on, g.Nodes[to].Platforms); len(both) > 0 {
					e := Edge{From: from, To: to, Extras: d.Extras, Platforms: both}
					g.Out[from] = append(g.Out[from], e)
					g.In[to] = append(g.In[to], e)
				}
			}
		}
	}
	for i := range g.Nodes {
		slices.SortStableFunc(g.Out[i], func(a, b Edge) int { return g.compare(a.To, b.To) })
		slices.SortStableFunc(g.In[i], func(a, b Edge) int { return g.compare(a.From, b.From) })
	}
	return g
}

// Platforms are those that install the package, sorted.
func (p *Package) Platforms() []string { return sortedSet(p.platforms()) }

func (g *Graph) compare(a, b int) int {
	return cmp.Or(strings.Compare(g.Nodes[a].Name, g.Nodes[b].Name), strings.Compare(g.Nodes[a].Version, g.Nodes[b].Version))
}

// Find are the nodes of a package by its normalised name: several if platforms have different versions.
func (g *Graph) Find(name string) []int {
	var found []int
	for i, n := range g.Nodes {
		if i > 0 && n.Name == name {
			found = append(found, i)
		}
	}
	return found
}

// Total is the size in bytes of a node and of all that it needs, each once.
func (g *Graph) Total(node int) int64 {
	var sum int64
	for i, there := range g.reach(node, -1) {
		if there {
			sum += g.Nodes[i].Size
		}
	}
	return sum
}

// Alone is the size in bytes of what would not be needed without a node: itself, and what nothing else needs.
func (g *Graph) Alone(node int) int64 {
	with, without := g.reach(0, -1), g.reach(0, node)
	var sum int64
	for i := range g.Nodes {
		if with[i] && !without[i] {
			sum += g.Nodes[i].Size
		}
	}
	return sum
}

// reach tells which nodes a node needs, itself included, without going through another, -1 for none. It goes by
// platforms: what is needed on one by what is needed on another only is not needed by way of it.
func (g *Graph) reach(from, without int) []bool {
	there := make([]bool, len(g.Nodes))
	for _, platform := range g.Platforms {
		seen := make([]bool, len(g.Nodes))
		var stack []int
		visit := func(n int) {
			if n != without && !seen[n] {
				seen[n], there[n] = true, true
				stack = append(stack, n)
			}
		}
		visit(from)
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for _, e := range g.Out[n] {
				if slices.Contains(e.Platforms, platform) {
					visit(e.To)
				}
			}
		}
	}
	return there
}

// Path is a way from the project to a node: the edges in their order, and the platforms on which all of them hold.
type Path struct {
	Edges     []Edge
	Platforms []string
}

// maxPaths bounds how many paths are looked for on a platform: in dense graphs there are very many.
const maxPaths = 1000

// Paths are the shortest ways from the project to a node, for each of the platforms that it is on.
func (g *Graph) Paths(to int) []Path {
	var all []Path
	for _, platform := range g.Nodes[to].Platforms {
		for _, edges := range g.shortest(to, platform) {
			i := slices.IndexFunc(all, func(p Path) bool {
				return slices.EqualFunc(p.Edges, edges, func(a, b Edge) bool { return a.From == b.From && a.To == b.To })
			})
			if i < 0 {
				i, all = len(all), append(all, Path{Edges: edges})
			}
			all[i].Platforms = append(all[i].Platforms, platform)
		}
	}
	slices.SortStableFunc(all, func(a, b Path) int { return cmp.Compare(len(a.Edges), len(b.Edges)) })
	return all
}

// shortest are the shortest paths on one platform: the distances from the project first, then all ways back.
func (g *Graph) shortest(to int, platform string) [][]Edge {
	distance := make([]int, len(g.Nodes))
	queue := []int{0}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, e := range g.Out[n] {
			if e.To != 0 && distance[e.To] == 0 && slices.Contains(e.Platforms, platform) {
				distance[e.To] = distance[n] + 1
				queue = append(queue, e.To)
			}
		}
	}
	if distance[to] == 0 {
		return nil
	}
	var found [][]Edge
	var back func(n int, rest []Edge)
	back = func(n int, rest []Edge) {
		if n == 0 {
			found = append(found, slices.Clone(rest))
			return
		}
		last := -1
		for _, e := range g.In[n] {
			near := distance[e.From] == distance[n]-1 && (e.From == 0 || distance[e.From] > 0)
			if near && e.From != last && len(found) < maxPaths && slices.Contains(e.Platforms, platform) {
				last = e.From
				back(e.From, append([]Edge{e}, rest...))
			}
		}
	}
	back(to, nil)
	return found
}

// common are the elements of a that b has.
func common(a, b []string) []string {
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}
