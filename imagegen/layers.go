package imagegen

import (
	"context"
	"fmt"
	"os"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// FilesFormat names the rules for layers of plain files: the project's, and the lock's.
const FilesFormat = "files/1"

// Formats are the formats of layers that this envpack writes.
func Formats() []string { return []string{EnvironmentFormat, FilesFormat, rootfs.Format, WheelFormat} }

func (p *Plan) baseInputs() string {
	facts := []string{"architecture " + p.architecture(), "python " + minorOf(p.Target.Python)}
	for _, d := range p.debs {
		facts = append(facts, fmt.Sprintf("deb %s %s %s %s", d.Name, d.Version, d.Architecture, d.SHA256))
	}
	return inputs(p.Lock.Base.Format, facts...)
}

// base is the layer of the root file system.
func (w *work) base(ctx context.Context) (Layer, error) {
	const name = "base"
	p := w.plan
	if p.Lock.Base.Format != rootfs.Format {
		return Layer{}, diag.New(diag.Failure, "the lock wants a base of the format %q, and this envpack makes %s", p.Lock.Base.Format, rootfs.Format).
			Hint("use the envpack that made the lock, or lock again: `envpack lock --upgrade`")
	}
	in := p.baseInputs()
	if l, ok, err := w.known(name, rootfs.Format, in, nil); ok || err != nil {
		return l, err
	}
	var sums []string
	for _, d := range p.debs {
		sums = append(sums, d.SHA256)
	}
	if err := w.fetch(ctx, sums, func() error { return w.Supply.Debs(ctx, p.debs) }); err != nil {
		return Layer{}, err
	}
	spool, err := w.Store.TempFile()
	if err != nil {
		return Layer{}, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	var debs []rootfs.Deb
	for _, d := range p.debs {
		blob, err := w.Store.Blob(d.SHA256)
		if err != nil {
			return Layer{}, err
		}
		defer blob.Close()
		debs = append(debs, rootfs.Deb{Name: d.Name, Version: d.Version, Architecture: d.Architecture, File: blob, Size: blob.Size()})
	}
	tree, err := rootfs.Assemble(ctx, debs, rootfs.Options{
		Architecture: p.architecture(), Python: minorOf(p.Target.Python), Spool: spool, Parallel: w.Jobs,
	})
	if err != nil {
		return Layer{}, err
	}
	return w.keep(ctx, name, rootfs.Format, in, tree.Entries, tree.Unread)
}

func (p *Plan) environmentInputs() string {
	return inputs(EnvironmentFormat, "python "+p.Target.Python)
}

// environment is the layer of the virtual environment's skeleton.
func (w *work) environment(ctx context.Context) (Layer, error) {
	const name = "environment"
	in := w.plan.environmentInputs()
	if l, ok, err := w.known(name, EnvironmentFormat, in, nil); ok || err != nil {
		return l, err
	}
	return w.keep(ctx, name, EnvironmentFormat, in, skeleton(w.plan.Target.Python), nil)
}

func (p *Plan) projectInputs() string {
	if p.Project == nil {
		return ""
	}
	return inputs(FilesFormat, "project "+p.Project.Hash(), "at "+p.Lock.Image.Workdir)
}

// project is the layer of the project's files, or none if there are no files.
func (w *work) project(ctx context.Context) ([]Layer, error) {
	const name = "project"
	p := w.plan
	if p.Project == nil || len(p.Project.Paths()) == 0 {
		return nil, nil
	}
	in := p.projectInputs()
	l, ok, err := w.known(name, FilesFormat, in, nil)
	if err == nil && !ok {
		l, err = w.keep(ctx, name, FilesFormat, in, p.Project.Entries(p.Lock.Image.Workdir), nil)
	}
	if err != nil {
		return nil, err
	}
	return []Layer{l}, nil
}

func (p *Plan) projectionInputs() (in string, text []byte, err error) {
	text, err = p.Lock.Projection(p.Target.Platform)
	if err != nil {
		return "", nil, err
	}
	return inputs(FilesFormat, "lock "+digestOf(text)), text, nil
}

// projection is the layer of the lock itself, as far as it is about this image.
func (w *work) projection(ctx context.Context) (Layer, error) {
	const name = "lock"
	in, text, err := w.plan.projectionInputs()
	if err != nil {
		return Layer{}, err
	}
	if l, ok, err := w.known(name, FilesFormat, in, nil); ok || err != nil {
		return l, err
	}
	return w.keep(ctx, name, FilesFormat, in, []layer.Entry{{
		Path: Prefix + "/" + lockfile.Name, Kind: layer.File, Mode: 0o644, Content: layer.Bytes(text),
	}}, nil)
}
