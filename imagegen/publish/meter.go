package publish

import "sync"

// meter counts bytes for a progress display. A nil meter counts nothing.
type meter struct {
	mu     sync.Mutex
	done   int64
	total  int64
	report func(done, total int64)
}

func newMeter(blobs []blob, report func(done, total int64)) *meter {
	if report == nil {
		return nil
	}
	m := &meter{report: report}
	for _, b := range blobs {
		m.total += b.size
	}
	return m
}

func (m *meter) add(n int64) {
	if m == nil || n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.report(m.done, m.total)
}
