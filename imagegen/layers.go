package imagegen

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/interpreter"
	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/lockfile"
)

// FilesFormat names the rules for layers of plain files: the project's, and the lock's.
const FilesFormat = "files/1"

// The names of the layers of plain files, and of the environment's skeleton.
const (
	ProjectLayer     = "project"
	lockLayer        = "lock"
	environmentLayer = "environment"
)

// Formats are the formats of layers that this envpack writes.
func Formats() []string {
	return []string{BlobFormat, EnvironmentFormat, FilesFormat, interpreter.Format, rootfs.Format, UserFormat, WheelFormat}
}

func (p *Plan) environmentInputs() string {
	facts := []string{"python " + p.Target.Version()}
	if at := p.pythonPath(); at != "/usr/bin/python"+p.Target.Minor() {
		facts = append(facts, "interpreter "+at)
	}
	return inputs(EnvironmentFormat, facts...)
}

// environment is the layer of the virtual environment's skeleton.
func (w *work) environment(ctx context.Context) (Layer, error) {
	const name = environmentLayer
	in := w.plan.environmentInputs()
	if l, ok, err := w.known(name, EnvironmentFormat, in, nil); ok || err != nil {
		return l, err
	}
	return w.keep(ctx, name, EnvironmentFormat, in, skeleton(w.plan.Target, w.plan.pythonPath()), nil)
}

func (p *Plan) projectInputs() string {
	if p.Project == nil {
		return ""
	}
	return inputs(FilesFormat, "project "+p.Project.Hash(), "at "+p.Lock.Image.Workdir)
}

// project is the layer of the project's files, or none if there are no files.
func (w *work) project(ctx context.Context) ([]Layer, error) {
	const name = ProjectLayer
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
	facts := []string{"lock " + digestOf(text)}
	for _, f := range p.foldersBack() {
		facts = append(facts, fmt.Sprintf("folder %s %o %d:%d", f.Path, f.Mode, f.UID, f.GID))
	}
	return inputs(FilesFormat, facts...), text, nil
}

// foldersBack are the folders that the last layer gives back what they had, since layers between name them with other modes or owners:
// those of an image below, and of a workdir in the user's home this, which would be root's, with what leads to the workdir.
func (p *Plan) foldersBack() []layer.Entry {
	var list []layer.Entry
	if p.standing != nil {
		list = slices.Clone(p.standing.folders)
	}
	if p.parent != nil && p.Lock.Image.User != rootfs.AppUser {
		return list // which has no home
	}
	dir := strings.TrimPrefix(p.Lock.Image.Workdir, "/")
	if dir != home {
		dir = path.Dir(dir)
	}
	for ; inHome(dir); dir = path.Dir(dir) {
		if !slices.ContainsFunc(list, func(e layer.Entry) bool { return e.Path == dir }) {
			list = append(list, p.dataFolder(dir))
		}
	}
	slices.SortFunc(list, func(a, b layer.Entry) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// projection is the layer of the lock itself, as far as it is about this image.
func (w *work) projection(ctx context.Context) (Layer, error) {
	const name = lockLayer
	in, text, err := w.plan.projectionInputs()
	if err != nil {
		return Layer{}, err
	}
	if l, ok, err := w.known(name, FilesFormat, in, nil); ok || err != nil {
		return l, err
	}
	entries := []layer.Entry{{
		Path: Prefix + "/" + lockfile.Name, Kind: layer.File, Mode: 0o644, Content: layer.Bytes(text),
	}}
	entries = append(entries, w.plan.foldersBack()...)
	return w.keep(ctx, name, FilesFormat, in, entries, nil)
}
