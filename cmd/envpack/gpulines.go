package main

import (
	"github.com/envpack/envpack/lockfile"
)

// decidedForGPUs says what was decided for GPUs, and why: a paragraph for each platform, unless the lock that was there,
// which may be nil, says the same.
func decidedForGPUs(old, l *lockfile.Lock) []string {
	if l.GPU == nil {
		return nil
	}
	var lines []string
	for _, t := range l.GPU.Targets {
		if old != nil && old.GPU.On(t.Platform).Equal(t) {
			continue
		}
		on := ""
		if len(l.GPU.Targets) > 1 {
			on = " on " + t.Platform
		}
		lines = append(lines, "GPUs"+on+": "+t.Reason)
		if t.Base != "" {
			lines = append(lines, "base"+on+": "+t.Base)
		}
	}
	return lines
}

// gpuSummary is what `lock --json` tells of it.
type gpuSummary struct {
	Platform string `json:"platform"`
	CUDA     string `json:"cuda"`   // "" where no package brings it
	Driver   string `json:"driver"` // the oldest that runs it; "" where that is not known
	Base     string `json:"base,omitempty"`
	Reason   string `json:"reason"`
	// Unmet and Unreached are libraries of CUDA that wheels ask for, which nobody brings and to which nothing leads; Cautions are about the base.
	Unmet     []string `json:"unmet,omitempty"`
	Unreached []string `json:"unreached,omitempty"`
	Cautions  []string `json:"cautions,omitempty"`
}

func gpuSummaries(l *lockfile.Lock) []gpuSummary {
	var list []gpuSummary
	if l.GPU != nil {
		for _, t := range l.GPU.Targets {
			list = append(list, gpuSummary(t))
		}
	}
	return list
}
