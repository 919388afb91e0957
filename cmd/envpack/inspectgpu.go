package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/cuda"
)

// gpuReport is what libraries have of code for GPUs.
type gpuReport struct {
	Of     string     `json:"of"`
	Groups []gpuGroup `json:"groups"`
	Notes  []string   `json:"notes,omitempty"`
}

// gpuGroup are the libraries of a wheel, or of a layer.
type gpuGroup struct {
	Name      string       `json:"name"` // "torch 2.15.0", "layer 7: torch 2.15.0"
	File      string       `json:"file,omitempty"`
	Platforms []string     `json:"platforms,omitempty"`
	Libraries []gpuLibrary `json:"libraries"` // the largest first
}

type gpuLibrary struct {
	Path       string    `json:"path"`
	Containers int       `json:"containers"`
	Size       int64     `json:"size"`
	Codes      []gpuCode `json:"codes"`
	Prelinked  gpuOther  `json:"prelinked,omitzero"` // relocatable code that does not run
	Embedded   gpuOther  `json:"embedded,omitzero"`  // code among other data
	Lines      []string  `json:"groups"`
	Fault      string    `json:"fault,omitempty"`
}

// gpuOther is code beside that of which the shares are told.
type gpuOther struct {
	Containers int      `json:"containers"`
	Size       int64    `json:"size"`
	Codes      []string `json:"codes"`
}

func otherCode(groups []fatbin.Group) (o gpuOther) {
	var codes []fatbin.Code
	for _, g := range groups {
		o.Containers += g.Count
		o.Size += g.Size
		codes = append(codes, g.Codes...)
	}
	slices.SortFunc(codes, fatbin.Code.Compare)
	for _, c := range slices.Compact(codes) {
		o.Codes = append(o.Codes, c.String())
	}
	return o
}

func (o gpuOther) String() string {
	return fmt.Sprintf("%s (%s, %s)", plural(o.Containers, "container"), size(o.Size), list(o.Codes))
}

// gpuCode is what a library has of one code: in how many of its containers, and how many bytes.
type gpuCode struct {
	Code       string  `json:"code"`
	Containers int     `json:"containers"`
	Share      float64 `json:"share"`
	Size       int64   `json:"size"`

	code fatbin.Code
}

// inspectGPU shows which code for GPUs a lock, a project, an image or a wheel has.
func (s *session) inspectGPU(ctx context.Context, spec string, o inspectOptions) error {
	reports, err := s.gpuReports(ctx, spec, o)
	if err != nil {
		return err
	}
	s.close()
	if s.json {
		return s.printJSON(map[string][]gpuReport{"gpu": reports})
	}
	var b strings.Builder
	for i, r := range reports {
		if i > 0 {
			b.WriteString("\n")
		}
		r.write(&b)
	}
	_, err = io.WriteString(s.stdout, b.String())
	return err
}

func (s *session) gpuReports(ctx context.Context, spec string, o inspectOptions) ([]gpuReport, error) {
	if info, err := os.Stat(spec); strings.HasSuffix(spec, ".whl") && (err != nil || !info.IsDir()) {
		r, err := gpuOfWheel(ctx, spec)
		return []gpuReport{r}, err
	}
	file, project, err := lockOf(spec, lockFlags{})
	switch {
	case err != nil:
		return nil, err
	case file == "":
		return s.gpuOfImages(ctx, spec, o)
	}
	folder := ""
	if project != "" {
		folder = " " + shellWord(folderOf(project))
	}
	l, err := readWhole(file, "envpack lock"+folder)
	if err != nil {
		return nil, err
	}
	r, err := gpuOfLock(l, file, folder, o.platform)
	return []gpuReport{r}, err
}

func gpuOfWheel(ctx context.Context, file string) (gpuReport, error) {
	r := gpuReport{Of: file, Groups: []gpuGroup{}}
	f, err := os.Open(file)
	if err != nil {
		return r, diag.Wrap(err, diag.Failure, "reading the wheel")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, diag.Wrap(err, diag.Failure, "reading the wheel")
	}
	d, err := wheelfile.ReadDirectory(info.Name(), f, info.Size())
	if err != nil {
		return r, err
	}
	objects, err := elffile.ReadWheel(ctx, d)
	if err != nil {
		return r, err
	}
	return r, r.add(gpuGroup{Name: info.Name()}, resolver.Kernels(objects))
}

// gpuOfLock is what a lock says. folder is that of its project, as an argument.
func gpuOfLock(l *lockfile.Lock, file, folder, platform string) (gpuReport, error) {
	r := gpuReport{Of: file, Groups: []gpuGroup{}}
	if platform != "" && !slices.ContainsFunc(l.Targets, func(t lockfile.Target) bool { return t.Platform == platform }) {
		return r, diag.New(diag.Usage, "%s has no platform %s", file, platform).Hint("it has %s", platformsOf(l))
	}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if platform != "" && !slices.Contains(f.Targets, platform) {
				continue
			}
			g := gpuGroup{Name: p.Name + " " + p.Version, File: f.Name, Platforms: f.Targets}
			if err := r.add(g, f.Kernels); err != nil {
				return r, err
			}
		}
	}
	r.Notes = unmeasured(l, folder)
	return r, nil
}

// unmeasured says of a lock that does not say all of its wheels' code what adds that. folder is that of its project, as an argument.
func unmeasured(l *lockfile.Lock, folder string) []string {
	if l.Project.Unscanned {
		return []string{fmt.Sprintf("the wheels were not read when the lock was made; `envpack lock%s` reads them", folder)}
	}
	if !l.Measured() && forCUDA(l) {
		return []string{fmt.Sprintf("the lock does not say which code for GPUs its wheels have; `envpack lock --refresh%s` adds that", folder)}
	}
	return nil
}

// forCUDA tells whether a lock has packages that are for a CUDA.
func forCUDA(l *lockfile.Lock) bool {
	return slices.ContainsFunc(l.Targets, func(t lockfile.Target) bool {
		v, _ := cuda.Of(l, t.Platform, nil).Toolkit()
		return !v.IsZero()
	})
}

func (s *session) gpuOfImages(ctx context.Context, spec string, o inspectOptions) (reports []gpuReport, err error) {
	src, err := s.openImage(ctx, spec, publish.OpenOptions{Platform: o.platform})
	if err != nil {
		return nil, err
	}
	defer closeImage(src, &err)
	for _, found := range src.Images {
		r := gpuReport{Of: found.Name + " (" + found.Platform + ")", Groups: []gpuGroup{}}
		layers, err := inspect.Libraries(ctx, found.Image, inspect.Options{Task: s.task})
		if err != nil {
			return nil, src.Explain(ctx, err)
		}
		for _, l := range layers {
			if err := r.add(gpuGroup{Name: fmt.Sprintf("layer %d: %s", l.Number, contentsOf(l.Layer))}, resolver.Kernels(l.Objects)); err != nil {
				return nil, err
			}
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// add adds the libraries of a group, if there are any. Errors: code of a form that this envpack does not know, as that of a
// later one.
func (r *gpuReport) add(g gpuGroup, kernels []lockfile.Kernels) error {
	for _, k := range kernels {
		lib := gpuLibrary{Path: k.Library, Codes: []gpuCode{}, Lines: k.Code, Fault: k.Fault}
		code, err := fatbin.Parse(k.Code)
		if err != nil {
			return diag.Wrap(err, diag.Failure, "%s: reading which code %s has", g.Name, k.Library)
		}
		lib.Prelinked, lib.Embedded = otherCode(code.Prelinked), otherCode(code.Embedded)
		for _, x := range code.Groups {
			lib.Containers += x.Count
			lib.Size += x.Size
			for i, c := range x.Codes {
				at, ok := slices.BinarySearchFunc(lib.Codes, c, func(have gpuCode, c fatbin.Code) int { return have.code.Compare(c) })
				if !ok {
					lib.Codes = slices.Insert(lib.Codes, at, gpuCode{Code: c.String(), code: c})
				}
				lib.Codes[at].Containers += x.Count
				lib.Codes[at].Size += x.Sizes[i]
			}
		}
		for i := range lib.Codes {
			lib.Codes[i].Share = float64(lib.Codes[i].Containers) / float64(lib.Containers)
		}
		g.Libraries = append(g.Libraries, lib)
	}
	slices.SortStableFunc(g.Libraries, func(a, b gpuLibrary) int { return cmp.Compare(b.Size, a.Size) })
	if len(g.Libraries) > 0 {
		r.Groups = append(r.Groups, g)
	}
	return nil
}
