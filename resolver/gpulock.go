package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/cudabase"
)

// gpuOf is what the manifest asks of GPUs, as a lock has it.
func gpuOf(m *manifest.Manifest) *lockfile.GPU {
	if m.GPU == nil {
		return nil
	}
	g := &lockfile.GPU{CUDA: m.GPU.CUDA.String(), MinDriver: m.GPU.MinDriver.String()}
	for _, d := range m.GPU.Devices {
		g.Devices = append(g.Devices, d.Name)
	}
	return g
}

// hostsOf are the hosts that a manifest asks for: an image is for all of its GPUs, which need not be in hosts of one kind.
func hostsOf(g *manifest.GPU) cuda.Hosts {
	return cuda.Hosts{Driver: g.MinDriver, Devices: g.Devices, Various: true}
}

// SameGPU tells whether what a lock says that the manifest asks of GPUs is what it asks.
func SameGPU(l *lockfile.Lock, m *manifest.Manifest) bool {
	want := gpuOf(m)
	if want == nil || l.GPU == nil {
		return want == nil && l.GPU == nil
	}
	slices.Sort(want.Devices)
	return l.GPU.CUDA == want.CUDA && l.GPU.MinDriver == want.MinDriver && slices.Equal(l.GPU.Devices, slices.Compact(want.Devices))
}

// judgeGPU writes into the lock which CUDA each target has and what it takes, sets the image's variables for it, and
// fails where the packages are not for the hosts that the manifest names.
func (b *bases) judgeGPU(ctx context.Context, targets []*target, scan Scanner) error {
	m := b.manifest
	if m.GPU == nil {
		return nil
	}
	hosts := hostsOf(m.GPU)
	warned := map[string]bool{}
	var reports []cuda.Report
	for _, t := range targets {
		measure, err := b.measure(ctx, t, scan)
		if err != nil {
			return err
		}
		on := lockfile.GPUTarget{Platform: t.Platform, Base: b.cudaBase[t.Platform]}
		b.lock.GPU.Targets = append(b.lock.GPU.Targets, on)
		e := cuda.Of(b.lock, t.Platform, measure)
		if err := b.see(ctx, &e, t, scan); err != nil {
			return err
		}
		for _, text := range e.Cautions {
			if !warned[text] {
				warned[text] = true
				b.options.Warn(text)
			}
		}
		r := cuda.Examine(e, hosts)
		if err := b.refuse(ctx, r, t); err != nil {
			return err
		}
		on.CUDA, on.Driver, on.Reason = r.CUDA.String(), r.Driver.String(), cuda.Paragraph(e, r, hosts)
		on.Cautions = e.Cautions
		if e.Supply != nil {
			on.Unmet, on.Unreached = e.Unmet(), e.Unreached()
		}
		b.lock.GPU.Targets[len(b.lock.GPU.Targets)-1] = on
		reports = append(reports, r)
	}
	b.lock.GPU.Require = requireOf(reports)
	b.lock.Image = Image(m, b.lock.GPU)
	b.noteEnv()
	return nil
}

// see adds to an environment what its wheels ask for, as far as they are read, and what is known of an image below.
func (b *bases) see(ctx context.Context, e *cuda.Environment, t *target, scan Scanner) error {
	if image := b.images[t.Platform]; image != nil {
		e.SeeBase(slices.Sorted(maps.Keys(image.Brought)))
		e.BaseDoubt = ""
		e.Cautions = b.cautions(image)
		for _, v := range cudabase.CuDNNs(image.Status) {
			e.CuDNN = append(e.CuDNN, cuda.CuDNN{Version: v, Of: fmt.Sprintf("cuDNN %s of %s", v, b.imageName())})
		}
	}
	if scan == nil || b.options.NoScan {
		return nil
	}
	in, err := b.input(ctx, t, scan)
	if err != nil {
		return err
	}
	return cudabase.See(e, in, b.usableMajor, func(soname string) bool { return b.hasCUDA(t.Platform, soname) })
}

// cautions are what of an image may come in the way of GPUs.
func (b *bases) cautions(image *BaseImage) []string {
	return cuda.Cautions(b.imageName(), cuda.Compat(image.Packages), image.Env, b.manifest.Image.Env)
}

// measure gives what the wheels of a target were read for; nil if none is.
func (b *bases) measure(ctx context.Context, t *target, scan Scanner) (cuda.Measure, error) {
	if scan == nil || b.options.NoScan {
		b.lock.Project.Unscanned = true
		return nil, nil
	}
	wheels := b.wheelsOf(t.Platform)
	objects, err := b.objects(ctx, t, scan, wheels)
	if err != nil {
		return nil, diag.Wrap(err, 0, "looking for the code that wheels have for GPUs")
	}
	return func(f lockfile.File) (cuda.Reading, bool) {
		i := slices.IndexFunc(wheels, func(w Wheel) bool { return w.File.SHA256 == f.SHA256 })
		if i < 0 {
			return cuda.Reading{}, false
		}
		return cuda.Read(objects[i]), true
	}, nil
}

// refuse makes an error of what speaks against the packages, at the value of the manifest that asks for it, and warns of
// what is not known.
func (b *bases) refuse(ctx context.Context, r cuda.Report, t *target) error {
	g := b.manifest.GPU
	fail := func(at diag.Position, why, remedies []string) error {
		e := diag.New(diag.NoAnswer, "the packages for %s, Python %s, are not for the hosts of [gpu]:\n  %s", t.Platform, t.Version(), strings.Join(why, "\n  ")).At(at)
		for _, remedy := range remedies {
			e = e.Hint("%s", remedy)
		}
		return e
	}
	if r.Frameworks == 0 && len(r.Processor) > 0 && (r.CUDA.IsZero() || r.Vain) {
		return b.onProcessors(ctx, r, t)
	}
	if r.CUDA.IsZero() && r.Frameworks == 0 {
		text := fmt.Sprintf("%s: no package is for CUDA, and [gpu] (%s) asks for GPUs", t.Platform, g.Pos)
		changes, _ := b.wheels.forGPUs(ctx, nil)
		for _, c := range changes {
			text += fmt.Sprintf("; %s (%s:%d:%d)", c.Description, c.File, c.Line, c.Column)
		}
		b.options.Warn(text)
		return nil
	}
	for _, text := range r.Processor { // beside what has code
		b.options.Warn(t.Platform + ": " + text)
	}
	var at diag.Position
	var why, remedies []string
	for _, a := range r.Answers {
		switch {
		case a.Verdict == cuda.Unknown:
			b.options.Warn(t.Platform + ": " + strings.Join(slices.Concat(a.Why, b.tried(ctx, a)), "; "))
		case a.Verdict == cuda.No && a.Question == cuda.Provider && !r.Mixed && !r.OldCuDNN: // the code runs on the processor
			b.options.Warn(t.Platform + ": " + strings.Join(slices.Concat(a.Why, b.tried(ctx, a)), "; "))
		case a.Verdict == cuda.No:
			if why == nil {
				at = b.placeOf(a)
			}
			why, remedies = append(why, a.Why...), append(remedies, b.tried(ctx, a)...)
		}
	}
	if why != nil {
		return fail(at, why, remedies)
	}
	return nil
}

// placeOf is the value of the manifest that an answer is about.
func (b *bases) placeOf(a cuda.Answer) diag.Position {
	g := b.manifest.GPU
	switch {
	case a.Device >= 0 && a.Device < len(g.DevicesPos):
		return g.DevicesPos[a.Device]
	case a.Question == cuda.Runs && !g.MinDriverPos.IsZero():
		return g.MinDriverPos
	case (a.Question == cuda.CLibrary || a.Question == cuda.Provider) && len(b.images) > 0:
		return b.imagePos()
	case a.Question == cuda.CLibrary && !b.manifest.System.DistroPos.IsZero():
		return b.manifest.System.DistroPos
	}
	return g.Pos
}

// The variables that NVIDIA's container runtime reads.
const (
	visibleDevices = "NVIDIA_VISIBLE_DEVICES"
	capabilities   = "NVIDIA_DRIVER_CAPABILITIES"
	requireCUDA    = "NVIDIA_REQUIRE_CUDA"
)

// requireOf is the CUDA that a host's driver must bring. The platforms of an image share their variables, so that of several
// versions the oldest is asked for: what refuses hosts must not refuse one that would do.
func requireOf(reports []cuda.Report) string {
	var least cuda.Version
	for _, r := range reports {
		if !r.Requires.IsZero() && (least.IsZero() || r.Requires.Compare(least) < 0) {
			least = r.Requires
		}
	}
	if least.IsZero() {
		return ""
	}
	return "cuda>=" + least.String()
}

// gpuEnv are the variables by which NVIDIA's container runtime gives a container GPUs, and refuses hosts whose driver is
// too old. LD_LIBRARY_PATH is none of them: the runtime's hook puts the driver's libraries where the linker finds them.
func gpuEnv(g *lockfile.GPU) map[string]string {
	if g == nil {
		return nil
	}
	env := map[string]string{visibleDevices: "all", capabilities: "compute,utility"}
	if g.Require != "" {
		env[requireCUDA] = g.Require
	}
	return env
}

// noteEnv tells where the manifest sets such a variable otherwise.
func (b *bases) noteEnv() {
	ours := gpuEnv(b.lock.GPU)
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if own, both := b.manifest.Image.Env[name]; both && own != ours[name] {
			b.options.Warn(fmt.Sprintf("%s is %q, as image.env says; for these packages it would be %q", name, own, ours[name]))
		}
	}
}

// refuseDrivers fails if packages of the distribution have parts of NVIDIA's driver: the container runtime puts the host's
// into the container, and others hide them.
func (b *bases) refuseDrivers() error {
	var found []string
	for _, d := range b.lock.Base.Debs {
		if cuda.IsDriver(d.Name) && !slices.Contains(found, d.Name) {
			found = append(found, d.Name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	p := b.manifest.System.Packages
	if len(p) == 0 {
		return diag.New(diag.NoAnswer, "packages of the distribution that have libraries which wheels ask for need parts of NVIDIA's driver, which belong to the host and not into an image: %s", strings.Join(found, ", ")).
			At(b.manifest.Places.System).Hint("with auto = false below [system] none are looked for; system.packages names those that the project does need")
	}
	pos := p[0].Pos
	return diag.New(diag.NoAnswer, "packages of system.packages need parts of NVIDIA's driver, which belong to the host and not into an image: %s", strings.Join(found, ", ")).
		At(pos).Hint("take the package out that needs them; CUDA's libraries can come from NVIDIA's wheels, or from an image of CUDA in system.image")
}
