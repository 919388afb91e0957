package compare

import (
	"archive/tar"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layertar"
)

// tree is what layers leave on a disk, by path, whiteouts applied and hard links as the files that they are.
type tree map[string]named

// apply puts a layer on top.
func (t tree) apply(x *index) {
	own := x.effective()
	hidden, emptied := map[string]bool{}, map[string]bool{} // whole paths, and folders of which the contents are gone
	for p, n := range own {
		if gone, contents, ok := n.removes(); ok {
			if contents {
				emptied[gone] = true
			} else {
				hidden[gone] = true
			}
			continue
		}
		if below, ok := t[p]; ok && below.isDir() && !n.isDir() {
			emptied[p] = true
		}
	}
	if len(hidden)+len(emptied) > 0 {
		for p := range t {
			if covered(p, hidden, emptied) {
				delete(t, p)
			}
		}
	}
	for p, n := range own {
		if _, _, ok := n.removes(); !ok && n.about.kind != tar.TypeXGlobalHeader {
			t[p] = t.resolved(n, own)
		}
	}
}

// covered tells whether a layer takes away a path of those below: itself or a folder above it.
func covered(p string, hidden, emptied map[string]bool) bool {
	if hidden[p] {
		return true
	}
	for p != "" {
		p = strings.TrimSuffix(path.Dir("/" + p)[1:], "/")
		if hidden[p] || emptied[p] {
			return true
		}
	}
	return false
}

// resolved is the file that a hard link names, under the link's name; every other entry is itself.
func (t tree) resolved(n named, own map[string]named) named {
	target := n
	for range 8 { // a link to a link is rare
		if target.about.kind != tar.TypeLink {
			break
		}
		at := layertar.Clean(target.link)
		next, ok := own[at]
		if !ok {
			next, ok = t[at]
		}
		if !ok {
			return n
		}
		target = next
	}
	if target.entry == n.entry || target.about.kind == tar.TypeLink {
		return n
	}
	e := *target.entry
	e.path, e.name = n.path, n.name
	return named{entry: &e, layer: n.layer, times: 1, linked: true}
}

// merged are the files of all layers together, and what they tell of what is installed.
func merged(layers []*index) (map[string]named, map[string][]byte) {
	t := tree{}
	texts := map[string][]byte{}
	for _, x := range layers {
		t.apply(x)
		for p, data := range x.facts {
			texts[p] = data
		}
	}
	for p := range texts {
		if n, ok := t[p]; !ok || !n.isFile() {
			delete(texts, p)
		}
	}
	return t, texts
}
