package compare

import (
	"strings"

	"github.com/envpack/envpack/imagegen/inspect"
)

// pairing finds the counterparts of layers.
type pairing struct {
	old, now []inspect.Layer
	to       []int // by layer of old: the index of its counterpart; -1: none
	from     []int // by layer of now, likewise
	by       []string
}

// pairLayers pairs each layer with at most one: with that of the same digest, then of the same tar, then of the same
// role, then by position between those that are paired. Pairs of one way of pairing do not cross each other, except
// those by name, whose place says nothing.
func pairLayers(old, now []inspect.Layer) *pairing {
	p := &pairing{old: old, now: now, to: make([]int, len(old)), from: make([]int, len(now)), by: make([]string, len(old))}
	for i := range p.to {
		p.to[i] = -1
	}
	for i := range p.from {
		p.from[i] = -1
	}
	p.match("digest", func(l inspect.Layer) string { return l.Digest })
	p.match("diff ID", func(l inspect.Layer) string { return l.DiffID })
	p.match("name", func(l inspect.Layer) string {
		if !l.Envpack {
			return ""
		}
		return l.Contents
	})
	p.match("package", ownPackage)
	p.match("command", func(l inspect.Layer) string {
		if l.Envpack {
			return ""
		}
		return strings.Join(strings.Fields(l.Contents), " ")
	})
	p.gaps()
	return p
}

// match pairs what has the same key, in order; an empty one is none.
func (p *pairing) match(by string, key func(inspect.Layer) string) {
	free := map[string][]int{}
	for j, l := range p.now {
		if k := key(l); k != "" && p.from[j] < 0 {
			free[k] = append(free[k], j)
		}
	}
	for i, l := range p.old {
		k := key(l)
		if p.to[i] >= 0 || k == "" || len(free[k]) == 0 {
			continue
		}
		p.pair(i, free[k][0], by)
		free[k] = free[k][1:]
	}
}

func (p *pairing) pair(i, j int, by string) { p.to[i], p.from[j], p.by[i] = j, i, by }

// ownPackage is the package of one of envpack's layers that holds one only, without its version.
func ownPackage(l inspect.Layer) string {
	name, _, ok := strings.Cut(l.Contents, " ")
	if !l.Envpack || !ok || strings.HasPrefix(l.Contents, "wheels ") || strings.HasPrefix(l.Contents, "image ") {
		return ""
	}
	return name
}

// gaps pairs what is left by position: where as many layers of both sides lie between the same two pairs.
func (p *pairing) gaps() {
	j := 0
	for i := 0; i <= len(p.old); {
		from := i
		for i < len(p.old) && p.to[i] < 0 {
			i++
		}
		next := len(p.now)
		if i < len(p.old) {
			next = p.to[i]
		}
		begin := j
		for j < next && p.from[j] < 0 {
			j++
		}
		if j == next && i-from == j-begin {
			for k := range i - from {
				if p.old[from+k].Envpack == p.now[begin+k].Envpack && !p.old[from+k].Envpack {
					p.pair(from+k, begin+k, "position")
				}
			}
		}
		i++
		j = max(j, next+1)
	}
}

// list gives the pairs in the images' order.
func (p *pairing) list() []LayerPair {
	list := []LayerPair{}
	j := 0
	added := func(until int) {
		for ; j < until; j++ {
			if p.from[j] < 0 {
				list = append(list, LayerPair{Match: Added, New: &p.now[j]})
			}
		}
	}
	for i := range p.old {
		pair := LayerPair{Match: Removed, Old: &p.old[i]}
		if to := p.to[i]; to >= 0 {
			added(to)
			pair.New, pair.By, pair.Match = &p.now[to], p.by[i], Changed
			switch pair.By {
			case "digest":
				pair.Match = SameLayer
			case "diff ID":
				pair.Match = Recompressed
			}
		}
		list = append(list, pair)
	}
	added(len(p.now))
	return list
}

// moved tells whether pairs cross each other.
func (p *pairing) moved() bool {
	last := -1
	for _, j := range p.to {
		if j < 0 {
			continue
		}
		if j < last {
			return true
		}
		last = j
	}
	return false
}
