package library

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/elffile"
)

// Reach is how the dynamic linker gets from a file to a library that it asks for.
type Reach int

const (
	// Absent: no wheel has the library.
	Absent Reach = iota
	// Unled: a wheel has it, and nothing that is known leads there.
	Unled
	// Required: nothing but the wheel's requirements leads there: it requires the one that has the library, or a package that looks for
	// such libraries, and so its Python code opens it first, as it must.
	Required
	// Before: a wheel that it requires, which is imported before, has loaded it.
	Before
	// OnPath: a search path leads there, or the file that has it is its own.
	OnPath
)

// openers are packages that look for the libraries of NVIDIA's wheels on behalf of what requires them.
var openers = []string{"cuda-pathfinder"}

// Links tells who has what wheels' files ask for.
type Links struct {
	graph   *graph
	asks    map[string][]*node // by library
	callers map[*node][]*node  // who links with a file
	nodes   map[*elffile.Object]*node
	search  map[*node][]searchPath
	reached []map[int]bool // by wheel: what it requires, by itself or not, and itself
}

// NewLinks looks through wheels.
func NewLinks(in Input) *Links {
	l := &Links{graph: newGraph(in), asks: map[string][]*node{}, callers: map[*node][]*node{}, nodes: map[*elffile.Object]*node{}, search: map[*node][]searchPath{}}
	l.graph.activate()
	for _, n := range l.graph.nodes {
		l.nodes[n.Object] = n
		for _, soname := range n.Needed {
			l.asks[soname] = append(l.asks[soname], n)
			for _, p := range l.graph.providers(n, soname) {
				l.callers[p] = append(l.callers[p], n)
			}
		}
	}
	for i := range in.Wheels {
		l.reached = append(l.reached, closure(in.Wheels, i))
	}
	return l
}

// closure is a wheel with all that it requires.
func closure(wheels []Wheel, of int) map[int]bool {
	seen, todo := map[int]bool{of: true}, []int{of}
	for ; len(todo) > 0; todo = todo[1:] {
		for _, name := range wheels[todo[0]].Requires {
			i := slices.IndexFunc(wheels, func(w Wheel) bool { return w.Name == name })
			if i >= 0 && !seen[i] {
				seen[i] = true
				todo = append(todo, i)
			}
		}
	}
	return seen
}

// Active tells whether an import may load a file; opened, that its wheel has no extension module, and opens this file or another one.
func (l *Links) Active(o *elffile.Object) (active, opened bool) {
	n := l.nodes[o]
	return n != nil && n.active, n != nil && n.opened
}

// Find tells which wheel, by its index, has a library that a file links with, and how the linker gets there; of several the one that
// it gets to. The wheel is -1 where none has it.
func (l *Links) Find(o *elffile.Object, soname string) (wheel int, reach Reach) {
	n := l.nodes[o]
	if n == nil {
		return -1, Absent
	}
	return l.find(n.wheel, l.paths(n), n, soname)
}

// FindOpened tells it of a library that some code of a wheel opens by its name.
func (l *Links) FindOpened(of int, soname string) (wheel int, reach Reach) {
	var search []searchPath
	for _, n := range l.graph.nodes {
		if n.wheel == of {
			search = append(search, l.paths(n)...)
		}
	}
	return l.find(of, search, nil, soname)
}

func (l *Links) find(of int, search []searchPath, n *node, soname string) (wheel int, reach Reach) {
	wheel = -1
	take := func(p *node, r Reach) {
		if r > reach {
			wheel, reach = p.wheel, r
		}
	}
	for _, p := range l.graph.byName[soname] {
		switch {
		case p == n:
			continue
		case slices.ContainsFunc(search, func(s searchPath) bool { return s.leads(p, soname) }):
			take(p, OnPath)
		case l.before(of, n, p, soname):
			take(p, Before)
		case l.opens(of, p.wheel):
			take(p, Required)
		default:
			take(p, Unled)
		}
	}
	return wheel, reach
}

// before tells whether a file is loaded by what is loaded with a wheel or before it: by another of its own files, or one of those
// that it requires, which finds it by a search path or opens it. A wheel whose libraries n links with is as good as required: torchcodec requires
// nothing, and links with torch's.
func (l *Links) before(of int, n, p *node, soname string) bool {
	reached := l.reached[of]
	if n != nil {
		reached = maps.Clone(reached)
		for _, other := range n.Needed {
			for _, has := range l.graph.byName[other] {
				if w := l.graph.Wheels[has.wheel]; other != soname && has.wheel != of && !strings.HasPrefix(w.Name, "nvidia-") {
					maps.Copy(reached, l.reached[has.wheel])
				}
			}
		}
	}
	for _, m := range l.asks[soname] {
		if m != p && m.active && reached[m.wheel] &&
			(slices.ContainsFunc(l.paths(m), func(s searchPath) bool { return s.leads(p, soname) }) || m.wheel != of && l.opens(m.wheel, p.wheel)) {
			return true
		}
	}
	return false
}

// opens tells whether a wheel requires the one that has a library, itself or by a package without files of its own that only names
// others, or what looks for such.
func (l *Links) opens(of, has int) bool {
	wheels := l.graph.Wheels
	for _, name := range wheels[of].Requires {
		if name == wheels[has].Name || slices.Contains(openers, name) {
			return true
		}
		i := slices.IndexFunc(wheels, func(w Wheel) bool { return w.Name == name })
		if i >= 0 && len(wheels[i].Objects) == 0 && slices.Contains(wheels[i].Requires, wheels[has].Name) {
			return true
		}
	}
	return of == has
}

// searchPath is a list of folders that a file names.
type searchPath struct {
	of      *node
	folders string
}

func (s searchPath) leads(p *node, soname string) bool {
	return path.Base(p.Path) == soname && onPath(s.of, s.folders, p)
}

// paths are the folders that are searched for what a file links with: its own RUNPATH, else its RPATH and those of the files that
// load it (ld.so(8)).
func (l *Links) paths(n *node) []searchPath {
	if n.Runpath != "" {
		return []searchPath{{n, n.Runpath}}
	}
	if list, ok := l.search[n]; ok {
		return list
	}
	var list []searchPath
	seen, todo := map[*node]bool{n: true}, []*node{n}
	for ; len(todo) > 0; todo = todo[1:] {
		m := todo[0]
		if m.Rpath != "" && m.Runpath == "" {
			list = append(list, searchPath{m, m.Rpath})
		}
		for _, c := range l.callers[m] {
			if !seen[c] {
				seen[c] = true
				todo = append(todo, c)
			}
		}
	}
	l.search[n] = list
	return list
}

// Searches tells whether a file looks for what it links with somewhere below a folder of site-packages, as "nvidia": by a search path, or since
// its wheel requires what looks there.
func (l *Links) Searches(o *elffile.Object, folder string) bool {
	n := l.nodes[o]
	if n == nil {
		return false
	}
	if slices.ContainsFunc(l.graph.Wheels[n.wheel].Requires, func(name string) bool { return slices.Contains(openers, name) }) {
		return true
	}
	for _, s := range l.paths(n) {
		for _, at := range originFolders(s.of, s.folders) {
			if at == folder || strings.HasPrefix(at, folder+"/") {
				return true
			}
		}
	}
	return false
}
