package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/gpuhost"
	"github.com/envpack/envpack/resolver/cuda"
)

// checkOutput is what --json prints.
type checkOutput struct {
	Host   *hostOutput   `json:"host,omitempty"` // with --host
	Checks []checkResult `json:"checks"`
}

type hostOutput struct {
	Driver string   `json:"driver"`
	GPUs   []string `json:"gpus"`
	From   string   `json:"from"`
}

func hostOf(h *gpuhost.Host) *hostOutput {
	if h == nil {
		return nil
	}
	o := &hostOutput{Driver: h.Driver, GPUs: []string{}, From: h.From}
	for _, g := range h.GPUs {
		o.GPUs = append(o.GPUs, g.Name)
	}
	return o
}

type checkResult struct {
	Name     string        `json:"name,omitempty"` // of an image
	Platform string        `json:"platform"`
	Driver   string        `json:"driver"` // that is asked about; "" if none is
	GPUs     []string      `json:"gpus"`   // likewise
	OK       bool          `json:"ok"`
	CUDA     string        `json:"cuda"`     // that the packages bring; "" if none do
	Needs    string        `json:"needs"`    // the oldest driver that runs it on these GPUs; "" where that is not known
	Requires string        `json:"requires"` // the CUDA that a driver must bring for that
	Answers  []cuda.Answer `json:"answers"`
}

func newCheckResult(name string, r cuda.Report, h cuda.Hosts) checkResult {
	c := checkResult{
		Name: name, Platform: r.Platform, Driver: h.Driver.String(), GPUs: []string{}, OK: r.OK(), CUDA: r.CUDA.String(), Needs: r.Driver.String(),
		Requires: r.Requires.String(), Answers: r.Answers,
	}
	for i := range c.Answers { // lists, never null
		if a := &c.Answers[i]; a.Remedies == nil {
			a.Remedies = []string{}
		}
	}
	for _, d := range h.Devices {
		c.GPUs = append(c.GPUs, d.String())
	}
	return c
}

func (o checkOutput) ok() bool {
	return !slices.ContainsFunc(o.Checks, func(c checkResult) bool { return !c.OK })
}

// text is the answer for people: a block for each platform, a line for each reason.
func (o checkOutput) text() string {
	var b strings.Builder
	if h := o.Host; h != nil {
		gpus := "which does not say the GPUs"
		if len(h.GPUs) > 0 {
			gpus = list(h.GPUs)
		}
		fmt.Fprintf(&b, "this machine: driver %s (%s), %s\n\n", h.Driver, h.From, gpus)
	}
	for i, c := range o.Checks {
		if i > 0 {
			b.WriteString("\n")
		}
		verdict := "yes"
		switch {
		case slices.ContainsFunc(c.Answers, func(a cuda.Answer) bool { return a.Verdict == cuda.No }):
			verdict = "no"
		case !c.OK:
			verdict = "not known"
		case c.Driver == "" && len(c.GPUs) == 0:
			verdict = "nothing was asked (--driver, --gpu, --host)"
		}
		title := c.Platform
		if c.Name != "" {
			title = printable(c.Name) + ", " + title
		}
		fmt.Fprintf(&b, "%s: %s\n", title, verdict)
		for _, a := range c.Answers {
			verdict := string(a.Verdict)
			if a.Verdict == cuda.None {
				verdict = "-"
			}
			head := fmt.Sprintf("  %-9s  %-7s", a.Question, verdict)
			for _, w := range a.Why {
				fmt.Fprintf(&b, "%s %s\n", head, printable(w))
				head = strings.Repeat(" ", len(head))
			}
			for _, r := range a.Remedies {
				fmt.Fprintf(&b, "%s hint: %s\n", head, printable(r))
				head = strings.Repeat(" ", len(head))
			}
		}
	}
	return b.String()
}
