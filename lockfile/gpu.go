package lockfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// GPU is what the manifest's [gpu] asks, and what became of it. It is no part of what an image is made of: that is in
// [Image].Env. A manifest without [gpu] has none.
type GPU struct {
	CUDA      string   `toml:"cuda"`       // versions of CUDA that packages may bring, as the manifest has them without blanks: "auto", ">=12.4,<13"
	MinDriver string   `toml:"min-driver"` // oldest driver of the hosts: "535", "535.104.05"; "": none is named
	Devices   []string `toml:"devices"`    // GPUs as the manifest has them
	Require   string   `toml:"require"`    // what NVIDIA_REQUIRE_CUDA is in the image, unless the manifest sets it: "cuda>=13.0"; "": nothing is known to be needed
	// Targets are what was found, one a target.
	Targets []GPUTarget `toml:"target"`
}

// GPUTarget is which CUDA a target has, and what it takes to run it.
type GPUTarget struct {
	Platform string `toml:"platform"`
	CUDA     string `toml:"cuda"`   // that the packages bring: "13.2", or "13" where the minor version is not known; "": none
	Driver   string `toml:"driver"` // the oldest that runs it: "580.65.06"; "": not known
	Base     string `toml:"base"`   // for people: which base brings libraries of CUDA, and why; "": none needs to, or nobody looked
	Reason   string `toml:"reason"` // for people: why so
	// For people, from the wheels that were read: Unmet are libraries of CUDA that wheels ask for and nobody brings, Unreached those that a wheel
	// has where nothing leads the dynamic linker. Cautions are what of the base may come in the way on some hosts.
	Unmet     []string `toml:"unmet"`
	Unreached []string `toml:"unreached"`
	Cautions  []string `toml:"cautions"`
}

// Equal tells whether both say the same.
func (t GPUTarget) Equal(o GPUTarget) bool {
	return t.Platform == o.Platform && t.CUDA == o.CUDA && t.Driver == o.Driver && t.Base == o.Base && t.Reason == o.Reason &&
		slices.Equal(t.Unmet, o.Unmet) && slices.Equal(t.Unreached, o.Unreached) && slices.Equal(t.Cautions, o.Cautions)
}

// On is what was found for a platform; zero if nothing was.
func (g *GPU) On(platform string) GPUTarget {
	if g != nil {
		for _, t := range g.Targets {
			if t.Platform == platform {
				return t
			}
		}
	}
	return GPUTarget{}
}

func (c *codec) gpu(g **GPU) {
	switch {
	case c.reading && !c.take("\n[gpu]\n"):
		return
	case c.reading:
		*g = &GPU{}
	case *g == nil:
		return
	default:
		c.table("[gpu]")
	}
	c.text("cuda", &(*g).CUDA)
	c.text("min-driver", &(*g).MinDriver)
	c.list("devices", &(*g).Devices)
	c.text("require", &(*g).Require)
	tables(c, "[[gpu.target]]", &(*g).Targets, func(t *GPUTarget) {
		c.text("platform", &t.Platform)
		c.text("cuda", &t.CUDA)
		c.text("driver", &t.Driver)
		c.text("base", &t.Base)
		c.text("reason", &t.Reason)
		c.list("unmet", &t.Unmet)
		c.list("unreached", &t.Unreached)
		c.list("cautions", &t.Cautions)
	})
}

func (g *GPU) normalize() {
	if g == nil {
		return
	}
	g.Devices = sortedSet(g.Devices)
	for i := range g.Targets {
		t := &g.Targets[i]
		t.Unmet, t.Unreached, t.Cautions = orNil(t.Unmet), orNil(t.Unreached), orNil(t.Cautions)
	}
	g.Targets = sorted(g.Targets, func(a, b GPUTarget) int { return strings.Compare(a.Platform, b.Platform) })
}

func (g *GPU) clone() *GPU {
	if g == nil {
		return nil
	}
	c := *g
	c.Devices, c.Targets = slices.Clone(g.Devices), slices.Clone(g.Targets)
	for i := range c.Targets {
		t := &c.Targets[i]
		t.Unmet, t.Unreached, t.Cautions = slices.Clone(t.Unmet), slices.Clone(t.Unreached), slices.Clone(t.Cautions)
	}
	return &c
}

var (
	cudaVersion   = regexp.MustCompile(`^[1-9][0-9]?(\.[0-9]{1,2})?$`)
	cudaRequired  = regexp.MustCompile(`^cuda>=[1-9][0-9]?\.[0-9]{1,2}$`)
	driverVersion = regexp.MustCompile(`^[1-9][0-9]{2,3}(\.[0-9]{1,4}){0,2}$`)
)

func (v *validator) gpu() {
	g := v.lock.GPU
	if g == nil {
		return
	}
	v.form("gpu.cuda", g.CUDA, oneWord, "a range of versions without blanks")
	if g.MinDriver != "" {
		v.form("gpu.min-driver", g.MinDriver, driverVersion, "a version of a driver such as 535.104.05")
	}
	for i, d := range g.Devices {
		if d == "" || strings.TrimSpace(d) != d {
			v.fail(fmt.Sprintf("gpu.devices[%d]", i), "%q is no name of a GPU", d)
		}
	}
	if g.Require != "" {
		v.form("gpu.require", g.Require, cudaRequired, "a condition such as cuda>=12.0")
	}
	seen := map[string]bool{}
	for i, t := range g.Targets {
		at := fmt.Sprintf("gpu.target[%d].", i)
		if !v.targets[t.Platform] {
			v.fail(at+"platform", "there is no target %q", t.Platform)
		}
		if seen[t.Platform] {
			v.fail(at+"platform", "%s stands twice", t.Platform)
		}
		seen[t.Platform] = true
		if t.CUDA != "" {
			v.form(at+"cuda", t.CUDA, cudaVersion, "a version of CUDA such as 12.6")
		}
		if t.Driver != "" {
			v.form(at+"driver", t.Driver, driverVersion, "a version of a driver such as 535.104.05")
		}
	}
}

// gpus compares what is asked of GPUs and what was found.
func (d *differ) gpus(old, now *GPU) {
	if old == nil {
		old = &GPU{}
	}
	if now == nil {
		now = &GPU{}
	}
	d.value("gpu", "cuda", old.CUDA, now.CUDA)
	d.value("gpu", "min-driver", old.MinDriver, now.MinDriver)
	d.value("gpu", "devices", strings.Join(old.Devices, ", "), strings.Join(now.Devices, ", "))
	d.maps("gpu", found(old), found(now))
}

func found(g *GPU) map[string]string {
	all := map[string]string{}
	for _, t := range g.Targets {
		for name, value := range map[string]string{"CUDA": t.CUDA, "driver": t.Driver} {
			if value != "" {
				all[name+" of "+t.Platform] = value
			}
		}
	}
	return all
}
