package tags

import "strings"

// Ranking is a target's tags, ready to judge wheels. It is safe for concurrent use.
type Ranking struct {
	target Target
	tags   []Tag
	rank   map[Tag]int
}

// NewRanking prepares a target. The error is that of [Target.Validate].
func NewRanking(t Target) (*Ranking, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	r := &Ranking{target: t, tags: t.Tags()}
	r.rank = make(map[Tag]int, len(r.tags))
	for i, tag := range r.tags {
		if _, ok := r.rank[tag]; !ok {
			r.rank[tag] = i
		}
	}
	return r, nil
}

// Target is the target.
func (r *Ranking) Target() Target { return r.target }

// Rank is the place of the wheel's best tag in the target's list, 0 for the best of all. It is not
// ok if the target takes none of its tags.
func (r *Ranking) Rank(w Wheel) (rank int, ok bool) {
	rank = len(r.tags)
	for _, python := range w.Pythons {
		for _, abi := range w.ABIs {
			for _, platform := range w.Platforms {
				if i, ok := r.rank[Tag{python, abi, platform}]; ok && i < rank {
					rank = i
				}
			}
		}
	}
	return rank, rank < len(r.tags)
}

// Best is the index of the best wheel of one release for the target, -1 if it takes none of them:
// the lowest rank, then the highest build tag, then the first file name in byte order, whatever
// order the wheels come in.
func (r *Ranking) Best(wheels []Wheel) int {
	best, bestRank := -1, 0
	for i := range wheels {
		rank, ok := r.Rank(wheels[i])
		if !ok {
			continue
		}
		if best < 0 || rank < bestRank || rank == bestRank && better(wheels[i], wheels[best]) {
			best, bestRank = i, rank
		}
	}
	return best
}

// better decides between wheels of the same rank.
func better(a, b Wheel) bool {
	if n := a.Build.Compare(b.Build); n != 0 {
		return n > 0
	}
	return strings.Compare(a.Filename, b.Filename) < 0
}
