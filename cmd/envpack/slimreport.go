package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/cuda"
)

const slimLong = `Tells what the libraries of a lock, an image or a wheel have of code for GPUs, and what of it the GPUs
use that the image is for: so one sees what wheels with code for these alone would save.

The GPUs are those of --gpu, else the devices that the lock has of the manifest's [gpu]. In each part of
a library a GPU uses the machine code that is nearest to it, and PTX only where there is none. NVIDIA's
own libraries are shown and not judged: they leave GPUs out by design, and there are no others.

A lock says what its wheels have, where they were read for it; the layers of an image are read, whoever
made it. Sizes are those of the installed files. Nothing is changed: envpack installs wheels as they are.`

const slimExample = `  envpack slim-report                               # the project's lock, for the devices of [gpu]
  envpack slim-report --gpu H100 --gpu L4           # for others
  envpack slim-report oci-archive:image.tar --gpu A100
  envpack slim-report --json | jq '.reports[0].unused'`

type slimOptions struct {
	lockFlags
	platform string
	gpus     []string
}

func newSlimReport(s *session) *cobra.Command {
	var o slimOptions
	cmd := &cobra.Command{
		Use:     "slim-report [DIR|LOCK|WHEEL|IMAGE]",
		Short:   "Tell what an image carries for GPUs that it is not for",
		Long:    slimLong,
		Example: slimExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return diag.New(diag.Usage, "%s takes one project, lock, wheel or image, not %d arguments", cmd.CommandPath(), len(args)).
					Hint("see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.slimReport(cmd.Context(), dirOf(cmd, args), o)
		},
		ValidArgsFunction: completeImages(1),
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.gpus, "gpu", nil, "`NAME` of a GPU (A100, \"RTX 4090\") or its compute capability (sm_90, 9.0); may be given several times")
	f.StringVar(&o.platform, "platform", "", "report on this `PLATFORM` only")
	completeFlag(cmd, "platform", completePlatform)
	completeFlag(cmd, "gpu", completeGPU)
	o.addTo(cmd)
	return cmd
}

func (s *session) slimReport(ctx context.Context, spec string, o slimOptions) error {
	reports, err := s.slimReports(ctx, spec, o)
	if err != nil {
		return err
	}
	s.close()
	if s.json {
		return s.printJSON(map[string][]*slimReport{"reports": reports})
	}
	var b strings.Builder
	for i, r := range reports {
		if i > 0 {
			b.WriteString("\n")
		}
		r.write(&b)
	}
	_, err = s.stdout.Write([]byte(b.String()))
	return err
}

func (s *session) slimReports(ctx context.Context, spec string, o slimOptions) ([]*slimReport, error) {
	hosts, err := checkOptions{gpus: o.gpus}.hosts(nil)
	if err != nil {
		return nil, err
	}
	var devices []cuda.Device
	if hosts != nil {
		devices = hosts.Devices
	}
	if info, err := os.Stat(spec); strings.HasSuffix(spec, ".whl") && (err != nil || !info.IsDir()) {
		r, err := slimOfWheel(ctx, spec, devices)
		return []*slimReport{r}, err
	}
	file, project, err := lockOf(spec, o.lockFlags)
	switch {
	case err != nil:
		return nil, err
	case file == "":
		return s.slimOfImages(ctx, spec, o.platform, devices)
	}
	var l *lockfile.Lock
	folder := ""
	if project != "" {
		folder = " " + shellWord(folderOf(project))
		l, err = s.readAnyway(o.lockFlags, project)
	} else {
		l, err = readWhole(file, "envpack lock --lock "+shellWord(file))
	}
	if err != nil {
		return nil, err
	}
	return slimOfLock(l, file, folder, o.platform, devices)
}

func slimOfWheel(ctx context.Context, file string, devices []cuda.Device) (*slimReport, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the wheel")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, diag.Wrap(err, diag.Failure, "reading the wheel")
	}
	d, err := wheelfile.ReadDirectory(info.Name(), f, info.Size())
	if err != nil {
		return nil, err
	}
	objects, err := elffile.ReadWheel(ctx, d)
	if err != nil {
		return nil, err
	}
	name, version, err := wheelfile.ParseName(info.Name())
	if err != nil {
		return nil, diag.Wrap(err, diag.Usage, "")
	}
	var all []carried
	for _, k := range resolver.Kernels(objects) {
		all = append(all, carried{wheelfile.Normalize(name), version, k})
	}
	return newSlim(file, "", all, devices)
}

// slimOfLock is what a lock says, for its own devices if no others are given.
func slimOfLock(l *lockfile.Lock, file, folder, platform string, devices []cuda.Device) (all []*slimReport, err error) {
	if devices == nil {
		hosts, err := asked(l)
		if err != nil {
			return nil, err
		}
		devices = hosts.Devices
	}
	for _, t := range l.Targets {
		if platform != "" && platform != t.Platform {
			continue
		}
		var libraries []carried
		for _, p := range l.Packages {
			for _, f := range p.Files {
				for _, k := range f.Kernels {
					if slices.Contains(f.Targets, t.Platform) {
						libraries = append(libraries, carried{p.Name, p.Version, k})
					}
				}
			}
		}
		r, err := newSlim(file, t.Platform, libraries, devices)
		if err != nil {
			return nil, err
		}
		r.Notes = append(r.Notes, unmeasured(l, folder)...)
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, diag.New(diag.Usage, "%s has no platform %s", file, platform).Hint("it has %s", platformsOf(l))
	}
	return all, nil
}

func (s *session) slimOfImages(ctx context.Context, spec, platform string, devices []cuda.Device) (all []*slimReport, err error) {
	src, err := s.openImage(ctx, spec, publish.OpenOptions{Platform: platform})
	if err != nil {
		return nil, err
	}
	defer closeImage(src, &err)
	for _, found := range src.Images {
		layers, err := inspect.Libraries(ctx, found.Image, inspect.Options{Task: s.task})
		if err != nil {
			return nil, src.Explain(ctx, err)
		}
		var libraries []carried
		for _, l := range layers {
			for i := range l.Objects {
				name, version, _ := strings.Cut(ownerIn(l, l.Objects[i].Path), " ")
				for _, k := range resolver.Kernels(l.Objects[i : i+1]) {
					libraries = append(libraries, carried{name, version, k})
				}
			}
		}
		r, err := newSlim(found.Name, found.Platform, libraries, devices)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// ownerIn is the package that a file of a layer is of, as "torch 2.15.0"; "" if it is not known.
func ownerIn(l inspect.LayerLibraries, file string) string {
	if len(l.Packages) == 1 {
		return l.Packages[0]
	}
	for _, name := range slices.Sorted(maps.Keys(l.Installed)) {
		if slices.Contains(l.Installed[name], file) {
			for _, p := range l.Packages {
				if n, _, _ := strings.Cut(p, " "); n == name {
					return p
				}
			}
			return name
		}
	}
	return ""
}
