package main

import (
	"slices"

	"github.com/envpack/envpack/lockfile"
)

// treeDocument is the tree as JSON: a graph, since a tree would repeat itself.
type treeDocument struct {
	Project   string        `json:"project"`
	Platforms []string      `json:"platforms"`
	Requires  []treeEdge    `json:"requires"` // the project's own
	Packages  []treePackage `json:"packages"`
	System    []treeDeb     `json:"system,omitempty"`
}

type treePackage struct {
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Index      string     `json:"index,omitempty"`
	Platforms  []string   `json:"platforms"`
	Size       int64      `json:"size"`  // bytes of its wheels
	Total      int64      `json:"total"` // and of those of all that it needs
	Alone      int64      `json:"alone"` // of it and of what nothing else needs
	Requires   []treeEdge `json:"requires"`
	RequiredBy []treeEdge `json:"required_by"` // without version: the project
}

// treeEdge names the other end.
type treeEdge struct {
	Name      string   `json:"name"`
	Version   string   `json:"version,omitempty"`
	Extras    []string `json:"extras,omitempty"`
	Platforms []string `json:"platforms"`
}

type treeDeb struct {
	Name      string   `json:"name"`
	Version   string   `json:"version"`
	Added     bool     `json:"added"` // to the base
	Size      int64    `json:"size"`
	Platforms []string `json:"platforms"`
	Reasons   []string `json:"reasons,omitempty"` // of those that wheels need
}

// treeJSON has the packages that the tree shows.
func treeJSON(l *lockfile.Lock, g *lockfile.Graph, branches []*lockfile.Branch, o treeOptions) treeDocument {
	shown := make([]bool, len(g.Nodes))
	var mark func(list []*lockfile.Branch)
	mark = func(list []*lockfile.Branch) {
		for _, b := range list {
			shown[b.Node] = true
			mark(b.Below)
		}
	}
	mark(branches)
	doc := treeDocument{Project: l.Project.Name, Platforms: g.Platforms, Requires: edgesJSON(g, g.Out[0], false), Packages: []treePackage{}}
	for i, n := range g.Nodes {
		if i == 0 || !shown[i] {
			continue
		}
		doc.Packages = append(doc.Packages, treePackage{
			Name: n.Name, Version: n.Version, Index: n.Index, Platforms: n.Platforms,
			Size: n.Size, Total: g.Total(i), Alone: g.Alone(i),
			Requires: edgesJSON(g, g.Out[i], false), RequiredBy: edgesJSON(g, g.In[i], true),
		})
	}
	if o.system {
		doc.System = systemOf(l, g.Platforms)
	}
	return doc
}

func edgesJSON(g *lockfile.Graph, edges []lockfile.Edge, back bool) []treeEdge {
	out := []treeEdge{}
	for _, e := range edges {
		n := g.Nodes[e.To]
		if back {
			n = g.Nodes[e.From]
		}
		out = append(out, treeEdge{Name: n.Name, Version: n.Version, Extras: e.Extras, Platforms: e.Platforms})
	}
	return out
}

// systemOf are the distribution's packages of some platforms. What architectures have in common stands once.
func systemOf(l *lockfile.Lock, platforms []string) []treeDeb {
	list := []treeDeb{}
	for _, d := range l.Base.Debs {
		var on []string
		for _, p := range d.Targets {
			if slices.Contains(platforms, p) {
				on = append(on, p)
			}
		}
		if len(on) == 0 {
			continue
		}
		i := slices.IndexFunc(list, func(t treeDeb) bool {
			return t.Name == d.Name && t.Version == d.Version && t.Added == d.System
		})
		if i < 0 {
			i, list = len(list), append(list, treeDeb{Name: d.Name, Version: d.Version, Added: d.System})
		}
		list[i].Size += d.Size
		list[i].Platforms = append(list[i].Platforms, on...)
		slices.Sort(list[i].Platforms)
	}
	for i := range list {
		for _, c := range l.Choices {
			here := c.Target == "" || slices.Contains(list[i].Platforms, c.Target)
			if c.Kind == lockfile.LibraryChoice && c.Value == list[i].Name && here && !slices.Contains(list[i].Reasons, c.Reason) {
				list[i].Reasons = append(list[i].Reasons, c.Reason)
			}
		}
	}
	return list
}
