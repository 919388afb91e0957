package manifest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/cuda"
)

// GPU is the [gpu] table: the hosts that the image is for. What the machine has that makes the lock is no part of it.
type GPU struct {
	CUDA      cuda.Range    // that the packages may bring; any if it says nothing
	MinDriver cuda.Driver   // oldest driver of the hosts; zero: none is named
	Devices   []cuda.Device // GPUs that need code, in the manifest's order; none: none is named

	Pos                   diag.Position // of the table's head
	CUDAPos, MinDriverPos diag.Position // zero if the manifest does not have them
	DevicesPos            []diag.Position
}

// readGPU reads [gpu], and refuses what no image can be for: a driver that runs none of the CUDA that is asked for, a GPU
// that the driver or the CUDA does not know any more.
func (d *document) readGPU(m *Manifest) error {
	if d.table("gpu") == nil {
		return nil
	}
	g := &GPU{Pos: d.key(d.path("gpu"))}
	m.GPU = g
	if text, at, ok := d.str("gpu", "cuda"); ok {
		g.CUDAPos = d.value(at)
		var err error
		if g.CUDA, err = cuda.ParseRange(text); err != nil {
			e := d.fail(g.CUDAPos, "gpu.cuda: %v", err)
			if meant := cudaMeant(text); meant != "" {
				return e.Hint("did you mean %q?", meant)
			}
			return e
		}
	}
	if text, at, ok := d.str("gpu", "min-driver"); ok {
		g.MinDriverPos = d.value(at)
		var err error
		if g.MinDriver, err = cuda.ParseDriver(text); err != nil {
			return d.fail(g.MinDriverPos, "gpu.min-driver: %v", err).
				Hint("`nvidia-smi --query-gpu=driver_version --format=csv` on a host shows it")
		}
	}
	devices, at := d.list("gpu", "devices")
	for i, text := range devices {
		device, err := cuda.ParseDevice(text)
		pos := d.value(item(at, i))
		if unknown := (*cuda.UnknownDevice)(nil); errors.As(err, &unknown) {
			return d.fail(pos, "gpu.devices: %v", err).Hint("%s", unknown.Hint)
		}
		g.Devices, g.DevicesPos = append(g.Devices, device), append(g.DevicesPos, pos)
	}
	return g.agree()
}

// cudaMeant is the version of CUDA that a text says as others write it: "cu126", "CUDA 12", "12.x", "==12.*"; "" if it says none.
func cudaMeant(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if v, ok := CUDAOf(text); ok {
		return v.String()
	}
	for _, prefix := range []string{"=", "cuda", "cu", "v"} {
		text = strings.TrimLeft(strings.TrimPrefix(text, prefix), "=-_ ")
	}
	for _, suffix := range []string{".x", ".*"} {
		text = strings.TrimSuffix(text, suffix)
	}
	if v, err := cuda.ParseVersion(text); err == nil {
		return v.String()
	}
	return ""
}

// agree holds the values against each other.
func (g *GPU) agree() error {
	majors := cuda.Majors(g.CUDA)
	if !g.MinDriver.IsZero() && len(majors) > 0 {
		lowest, known := cuda.Floor(majors[0])
		if known && !g.MinDriver.Meets(lowest) {
			return diag.New(diag.Manifest, "gpu.min-driver is %s, and CUDA %s, which gpu.cuda asks for, needs driver %s or newer", g.MinDriver, majors[0], lowest).
				At(g.MinDriverPos).Hint("%s", g.otherCUDA())
		}
	}
	for i, device := range g.Devices {
		if _, last := cuda.DriversFor(device.Capability); !last.IsZero() && !g.MinDriver.IsZero() && g.MinDriver.Branch() > last.Branch() {
			return diag.New(diag.Manifest, "gpu.devices has %s, and %s is the last branch of the driver that knows it; gpu.min-driver is %s", device, last, g.MinDriver).
				At(g.DevicesPos[i]).Hint(`set min-driver = "%s", or take it out`, last)
		}
		if last := cuda.LastFor(device.Capability); len(majors) > 0 && last.Major < majors[0].Major {
			return diag.New(diag.Manifest, "gpu.devices has %s, and CUDA %s is the last that has code for it; gpu.cuda is %s", device, last, g.CUDA).
				At(g.DevicesPos[i]).Hint(`allow cuda = "%d", or take it out`, last.Major)
		}
	}
	return nil
}

// otherCUDA says which CUDA the driver runs.
func (g *GPU) otherCUDA() string {
	if runs := cuda.MaxCUDA(g.MinDriver); !runs.IsZero() {
		return fmt.Sprintf(`driver %s runs CUDA %d: write cuda = "%d", or name a newer driver`, g.MinDriver, runs.Major, runs.Major)
	}
	return "name a newer driver"
}

// meaning is what the table means, as text for the manifest's hash; none without it.
func (g *GPU) meaning() []string {
	if g == nil {
		return nil
	}
	list := []string{"cuda " + g.CUDA.String()}
	if !g.MinDriver.IsZero() {
		list = append(list, "min-driver "+g.MinDriver.String())
	}
	for _, device := range g.Devices {
		list = append(list, "device "+strings.TrimSpace(device.Name))
	}
	return unique(list)
}
