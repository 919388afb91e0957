package pubgrub

// The heap of undecided packages: the first is the one to decide next. Each package knows its place, so that it can be
// moved or taken out.

func (s *solver[P, V, S]) heapLess(a, b int32) bool {
	p, q := s.pkgs[a].priority, s.pkgs[b].priority
	if p != q {
		return p > q
	}
	return a < b // numbers are given in the order of being seen
}

// heapPlace puts a package in, or moves it after its priority has changed.
func (s *solver[P, V, S]) heapPlace(id int32) {
	p := s.pkgs[id]
	if p.heapAt < 0 {
		p.heapAt = len(s.heap)
		s.heap = append(s.heap, id)
	}
	s.heapFix(p.heapAt)
}

// heapRemove takes a package out if it is in.
func (s *solver[P, V, S]) heapRemove(id int32) {
	at := s.pkgs[id].heapAt
	if at < 0 {
		return
	}
	last := len(s.heap) - 1
	s.heapSwap(at, last)
	s.heap = s.heap[:last]
	s.pkgs[id].heapAt = -1
	if at < last {
		s.heapFix(at)
	}
}

func (s *solver[P, V, S]) heapFix(i int) {
	for i > 0 {
		up := (i - 1) / 2
		if !s.heapLess(s.heap[i], s.heap[up]) {
			break
		}
		s.heapSwap(i, up)
		i = up
	}
	for {
		down := 2*i + 1
		if down >= len(s.heap) {
			return
		}
		if down+1 < len(s.heap) && s.heapLess(s.heap[down+1], s.heap[down]) {
			down++
		}
		if !s.heapLess(s.heap[down], s.heap[i]) {
			return
		}
		s.heapSwap(i, down)
		i = down
	}
}

func (s *solver[P, V, S]) heapSwap(i, j int) {
	s.heap[i], s.heap[j] = s.heap[j], s.heap[i]
	s.pkgs[s.heap[i]].heapAt, s.pkgs[s.heap[j]].heapAt = i, j
}
