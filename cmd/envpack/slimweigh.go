package main

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

// slimReport is what is told of a platform, an image or a wheel. Sizes are bytes.
type slimReport struct {
	Of       string   `json:"of"`
	Platform string   `json:"platform,omitempty"`
	GPUs     []string `json:"gpus"` // that it is judged for; none: it is not judged
	slimWeight
	Codes     []slimCode    `json:"codes"`
	Uses      []slimUse     `json:"uses"`      // by GPU
	Libraries []slimLibrary `json:"libraries"` // that are judged, the largest first
	NVIDIA    slimNVIDIA    `json:"nvidia"`
	Notes     []string      `json:"notes"`
}

type slimWeight struct {
	Size   int64 `json:"size"`   // of all code
	Used   int64 `json:"used"`   // what the GPUs use
	Unused int64 `json:"unused"` // machine code that none of them uses
	PTX    int64 `json:"ptx"`    // that none of them needs
	Linked int64 `json:"linked"` // code for linking, and what was linked: it is not judged
}

func newSlimWeight(w cuda.Weight) slimWeight {
	return slimWeight{Size: w.Size, Used: w.Used, Unused: w.Unused(), PTX: w.Newer, Linked: w.Linked}
}

type slimCode struct {
	Code string `json:"code"`
	slimWeight
	By []string `json:"by"` // GPUs that use some of it
}

type slimUse struct {
	GPU   string `json:"gpu"`
	Used  int64  `json:"used"`
	Alone int64  `json:"alone"` // what no other GPU uses
}

type slimLibrary struct {
	Package string `json:"package,omitempty"` // "torch 2.15.0"; "" where it is not known
	Path    string `json:"path"`
	slimWeight
	Fault string `json:"fault,omitempty"` // why its code is not known
}

// slimNVIDIA are NVIDIA's own libraries.
type slimNVIDIA struct {
	Size      int64         `json:"size"`
	Codes     []slimSize    `json:"codes"`
	Libraries []slimLibrary `json:"libraries"` // of which Size alone is told
}

type slimSize struct {
	Code string `json:"code"`
	Size int64  `json:"size"`
}

// carried is a library, and the package that it is of.
type carried struct {
	name, version string // "" where it is not known
	kernels       lockfile.Kernels
}

// newSlim weighs libraries. Errors: code of a form that this envpack does not know, as that of a later one.
func newSlim(of, platform string, libraries []carried, devices []cuda.Device) (*slimReport, error) {
	devices = byCapability(devices)
	r := &slimReport{
		Of: of, Platform: platform, GPUs: []string{}, Codes: []slimCode{}, Uses: []slimUse{}, Libraries: []slimLibrary{}, Notes: []string{},
		NVIDIA: slimNVIDIA{Codes: []slimSize{}, Libraries: []slimLibrary{}},
	}
	for _, d := range devices {
		r.GPUs = append(r.GPUs, d.String())
	}
	var own, nvidia cuda.Slim
	for _, c := range libraries {
		lib := slimLibrary{Package: strings.TrimSpace(c.name + " " + c.version), Path: c.kernels.Library, Fault: c.kernels.Fault}
		theirs := cuda.IsNVIDIAs(c.name, c.kernels.Library)
		if lib.Fault == "" {
			code, err := fatbin.Parse(c.kernels.Code)
			if err != nil {
				return nil, diag.Wrap(err, diag.Failure, "%s: reading which code %s has", lib.Package, lib.Path).
					Hint("a newer envpack may have made the lock: use that one")
			}
			if theirs {
				lib.Size = nvidia.WeighCode(code, nil).Size
			} else {
				lib.slimWeight = newSlimWeight(own.WeighCode(code, devices))
			}
		}
		if theirs {
			r.NVIDIA.Libraries = append(r.NVIDIA.Libraries, lib)
		} else {
			r.Libraries = append(r.Libraries, lib)
		}
	}
	for _, list := range [][]slimLibrary{r.Libraries, r.NVIDIA.Libraries} {
		slices.SortStableFunc(list, func(a, b slimLibrary) int {
			return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Package, b.Package), cmp.Compare(path.Base(a.Path), path.Base(b.Path)))
		})
	}
	r.slimWeight, r.NVIDIA.Size = newSlimWeight(own.Weight), nvidia.Size
	for _, c := range own.Codes {
		x := slimCode{Code: c.Code.String(), slimWeight: newSlimWeight(c.Weight), By: []string{}}
		for _, d := range c.By {
			x.By = append(x.By, d.String())
		}
		r.Codes = append(r.Codes, x)
	}
	for _, c := range nvidia.Codes {
		r.NVIDIA.Codes = append(r.NVIDIA.Codes, slimSize{c.Code.String(), c.Size})
	}
	for _, d := range own.Devices {
		r.Uses = append(r.Uses, slimUse{d.Device.String(), d.Used, d.Alone})
		if d.Used == 0 && own.Size > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("nothing of it runs on %s; `envpack check` tells of each package what it has", d.Device))
		}
	}
	return r, nil
}

// byCapability joins GPUs that use the same code, in the order of their capabilities.
func byCapability(devices []cuda.Device) []cuda.Device {
	var all []cuda.Device
	for _, d := range devices {
		i := slices.IndexFunc(all, func(o cuda.Device) bool { return o.Capability == d.Capability })
		if i < 0 {
			all = append(all, d)
		} else if !slices.Contains(strings.Split(all[i].Name, ", "), d.Name) {
			all[i].Name += ", " + d.Name
		}
	}
	slices.SortFunc(all, func(a, b cuda.Device) int { return a.Capability.Compare(b.Capability) })
	return all
}
