package imagegen

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/interpreter"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// below are the layers under the environment: the root file system, an interpreter that the
// distribution lacks, and the packages that the manifest wants besides. Without a distribution there
// is at most the interpreter.
func (w *work) below(ctx context.Context) ([]Layer, error) {
	p := w.plan
	var list []Layer
	switch {
	case p.parent != nil:
		if w.sealed == nil {
			if err := w.readParent(ctx); err != nil {
				return nil, err
			}
		}
		layers, err := w.parentLayers(ctx)
		if err != nil {
			return nil, err
		}
		list = layers
		if len(p.system) > 0 {
			system, err := w.systemOnto(ctx)
			if err != nil {
				return nil, err
			}
			list = append(list, system)
		}
	case p.Lock.Base.Distro != lockfile.NoDistro:
		trees, err := w.rootLayers(ctx)
		if err != nil {
			return nil, err
		}
		list = trees
	}
	if p.interpreter != nil {
		l, err := w.python(ctx)
		if err != nil {
			return nil, err
		}
		at := min(1, len(list)) // after the base, before what was added to it
		if p.parent != nil {
			at = len(list)
		}
		list = slices.Insert(list, at, l)
	}
	return list, nil
}

// distroPython is the minor version of the distribution's interpreter, "" if another one is used.
func (p *Plan) distroPython() string {
	if p.interpreter != nil {
		return ""
	}
	return lockfile.MinorOf(p.Target.Python)
}

func (p *Plan) baseInputs() string { return p.rootInputs(p.debs, nil) }

// systemInputs are those of the layer "system", "" if there is none: what the base is made of belongs
// to them, since the layer is a difference.
func (p *Plan) systemInputs() string {
	switch {
	case len(p.system) == 0:
		return ""
	case p.parent != nil:
		return p.ontoInputs()
	}
	return p.rootInputs(p.debs, p.system)
}

func (p *Plan) rootInputs(base, system []lockfile.Deb) string {
	facts := []string{"architecture " + p.architecture()}
	if minor := p.distroPython(); minor != "" {
		facts = append(facts, "python "+minor)
	}
	for _, d := range base {
		facts = append(facts, fmt.Sprintf("deb %s %s %s %s", d.Name, d.Version, d.Architecture, d.SHA256))
	}
	for _, d := range system {
		facts = append(facts, fmt.Sprintf("system %s %s %s %s", d.Name, d.Version, d.Architecture, d.SHA256))
	}
	isApt := func(d lockfile.Deb) bool { return d.Name == "apt" }
	if slices.ContainsFunc(base, isApt) || slices.ContainsFunc(system, isApt) {
		facts = append(facts, fmt.Sprintf("sources %s %s", p.Lock.Base.Distro, p.Lock.Base.Codename))
	}
	return inputs(p.Lock.Base.Format, facts...)
}

// The names of the layers below the environment.
const (
	baseLayer   = "base"
	systemLayer = "system"
	pythonLayer = "python"
)

// rootLayers are the layers of the distribution's packages.
func (w *work) rootLayers(ctx context.Context) ([]Layer, error) {
	p := w.plan
	if err := w.checkFormat(); err != nil {
		return nil, err
	}
	base, haveBase, err := w.known(baseLayer, rootfs.Format, p.baseInputs(), nil)
	if err != nil {
		return nil, err
	}
	if len(p.system) == 0 {
		if !haveBase {
			base, _, err = w.makeRoot(ctx)
		}
		return []Layer{base}, err
	}
	system, haveSystem, err := w.known(systemLayer, rootfs.Format, p.systemInputs(), nil)
	if err == nil && !(haveBase && haveSystem) {
		base, system, err = w.makeRoot(ctx)
	}
	return []Layer{base, system}, err
}

// checkFormat refuses a base that is made by other rules.
func (w *work) checkFormat() error {
	p := w.plan
	if p.Lock.Base.Format != rootfs.Format {
		return diag.New(diag.Failure, "the lock wants a base of the format %q, and this envpack makes %s", p.Lock.Base.Format, rootfs.Format).
			Hint("use the envpack that made the lock, or lock again: `envpack lock --upgrade`")
	}
	return nil
}

// makeRoot assembles the base, and the difference that the system packages make to it.
func (w *work) makeRoot(ctx context.Context) (base, system Layer, err error) {
	p := w.plan
	all := slices.Concat(p.debs, p.system)
	var sums []string
	for _, d := range all {
		sums = append(sums, d.SHA256)
	}
	if err := w.fetch(ctx, sums, func() error { return w.Supply.Debs(ctx, all) }); err != nil {
		return base, system, err
	}
	spool, err := w.Store.TempFile()
	if err != nil {
		return base, system, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	debs, closeAll, err := w.openDebs(all)
	defer closeAll()
	if err != nil {
		return base, system, err
	}
	packed := int64(0)
	for _, d := range debs {
		packed += d.Size
	}
	trees, err := rootfs.AssembleBoth(ctx, debs[:len(p.debs)], debs[len(p.debs):], rootfs.Options{
		Architecture: p.architecture(), Python: p.distroPython(), Spool: spool, Parallel: w.Jobs,
		Progress:   w.Task(fmt.Sprintf("unpacking %d packages", len(debs)), packed),
		AptSources: w.Supply.AptSources(p.Lock.Base.Distro, p.Lock.Base.Codename, p.architecture()),
	})
	if err != nil {
		return base, system, err
	}
	base, err = w.keep(ctx, baseLayer, rootfs.Format, p.baseInputs(), trees.Base.Entries, trees.Base.Unread)
	if err != nil || len(p.system) == 0 {
		return base, system, err
	}
	system, err = w.keep(ctx, systemLayer, rootfs.Format, p.systemInputs(), trees.System, trees.Unread)
	return base, system, err
}

// openDebs opens packages that the store has. closeAll is to be called whatever the error.
func (w *work) openDebs(list []lockfile.Deb) (debs []rootfs.Deb, closeAll func(), err error) {
	var open []io.Closer
	closeAll = func() {
		for _, c := range open {
			c.Close()
		}
	}
	for _, d := range list {
		blob, err := w.Store.Blob(d.SHA256)
		if err != nil {
			return nil, closeAll, err
		}
		open = append(open, blob)
		debs = append(debs, rootfs.Deb{Name: d.Name, Version: d.Version, Architecture: d.Architecture, File: blob, Size: blob.Size()})
	}
	return debs, closeAll, nil
}

func (p *Plan) pythonInputs() string {
	if p.interpreter == nil {
		return ""
	}
	facts := []string{"archive " + p.interpreter.SHA256, "python " + p.interpreter.Version}
	if p.parent != nil {
		facts = append(facts, "certificates of the image below")
	}
	return inputs(interpreter.Format, facts...)
}

// pythonPath is where the interpreter is.
func (p *Plan) pythonPath() string {
	name := "/python" + p.Target.Minor()
	switch {
	case p.interpreter != nil:
		return "/" + interpreter.Prefix + "/bin" + name
	case p.parent != nil:
		return p.parent.Python
	}
	return "/usr/bin" + name
}

// python is the layer of an interpreter from an archive, with its names in /usr/local/bin.
func (w *work) python(ctx context.Context) (Layer, error) {
	p := w.plan
	in := p.pythonInputs()
	if l, ok, err := w.known(pythonLayer, interpreter.Format, in, nil); ok || err != nil {
		return l, err
	}
	i := *p.interpreter
	if err := w.fetch(ctx, []string{i.SHA256}, func() error { return w.Supply.FetchInterpreter(ctx, i) }); err != nil {
		return Layer{}, err
	}
	blob, err := w.Store.Blob(i.SHA256)
	if err != nil {
		return Layer{}, err
	}
	defer blob.Close()
	spool, err := w.Store.TempFile()
	if err != nil {
		return Layer{}, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	found, err := interpreter.Read(ctx, blob, blob.Size(), interpreter.Want{
		Version: i.Version, Architecture: p.architecture(), Spool: spool,
	})
	if err != nil {
		return Layer{}, fmt.Errorf("the interpreter %s: %w", i.Path, err)
	}
	if found.FreeThreaded != p.Target.FreeThreaded() {
		return Layer{}, diag.New(diag.Mismatch, "the interpreter %s is of another build than the lock's %s", i.Path, p.Target.ABI)
	}
	entries := append([]layer.Entry(nil), found.Entries...)
	names := []string{"python", "python3", "python" + found.Minor}
	if found.FreeThreaded {
		names = append(names, "python"+found.Name())
	}
	for _, name := range names {
		entries = append(entries, layer.Entry{
			Path: "usr/local/bin/" + name, Kind: layer.Symlink, Mode: 0o777, Link: "/" + interpreter.Prefix + "/bin/python" + found.Name(),
		})
	}
	if cert := strings.TrimPrefix(found.CertFile, "/"); cert != "" && p.parent == nil {
		// An OpenSSL of its own looks for certificates where the distribution has none.
		entries = append(entries, layer.Entry{Path: cert, Kind: layer.Symlink, Mode: 0o777, Link: "/etc/ssl/certs/ca-certificates.crt"})
	}
	return w.keep(ctx, pythonLayer, interpreter.Format, in, entries, nil)
}
