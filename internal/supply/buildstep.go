package supply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/tags"
)

// buildStep runs a hook in its environment.
func (s *Supply) buildStep(ctx context.Context, o resolver.BuildOrder) (builtNote, error) {
	platform, err := platformOf(o)
	if err != nil {
		return builtNote{}, err
	}
	if o.Environment.Base.Distro == lockfile.NoDistro {
		return builtNote{}, &resolver.CannotBuild{Platform: platform, Why: `system.distro = "none" has no root file system to build in`, Hint: "name a distribution, or an image, to build for"}
	}
	box, err := newSandbox(platform)
	if err != nil {
		return builtNote{}, err
	}
	plan, err := imagegen.NewPlan(o.Environment, platform, nil)
	if err != nil {
		return builtNote{}, err
	}
	images := &imagegen.Builder{Store: s.Store, Supply: s, Task: s.Task, SameVersion: sameVersion}
	root, err := images.Tree(ctx, plan)
	if err != nil {
		return builtNote{}, diag.Wrap(err, 0, "making the environment that %s is built in", o.Package.Name)
	}
	work, err := s.workFolder()
	if err != nil {
		return builtNote{}, err
	}
	defer s.removeWork(work)
	run, err := s.prepare(ctx, o, work)
	if err != nil {
		return builtNote{}, err
	}
	run.Sandbox, run.Root = box, root
	run.Tell = func(text string) { s.Tell(strings.TrimSpace(o.Package.Name+" "+o.Package.Version) + ": " + text) }
	ended := s.Task(strings.TrimSpace(fmt.Sprintf("building %s %s", o.Package.Name, o.Package.Version)), 0)
	defer ended(0)
	note, err := s.runHook(ctx, o, *run)
	var failure *backend.Failure
	if errors.As(err, &failure) {
		return builtNote{}, &resolver.BuildError{
			Hook: resolver.BuildHook(failure.Hook), Module: failure.Module, Asked: failure.Asked, Header: failure.Header, Program: failure.Program, Library: failure.Library,
			Config: failure.Config, Reason: failure.Reason, Output: failure.Tail,
		}
	}
	return note, err
}

// newSandbox is a sandbox for programs of a platform. Errors: *[resolver.CannotBuild].
func newSandbox(platform string) (*sandbox.Sandbox, error) {
	err := sandbox.Runs(platform)
	var box *sandbox.Sandbox
	if err == nil {
		box, err = sandbox.New()
	}
	if none := (*sandbox.Unavailable)(nil); errors.As(err, &none) {
		return nil, &resolver.CannotBuild{Platform: platform, Why: none.Why, Hint: none.Hint}
	}
	return box, err
}

// prepare unpacks and patches the source of an order, and says how it is built.
func (s *Supply) prepare(ctx context.Context, o resolver.BuildOrder, work string) (*backend.Run, error) {
	source := filepath.Join(work, "source")
	if err := os.Mkdir(source, 0o755); err != nil {
		return nil, err
	}
	root, newest, err := s.unpackSource(ctx, o.Package, source)
	if err != nil {
		return nil, err
	}
	if err := s.patch(ctx, o.Package, o.Settings.Patches, source, root, newest); err != nil {
		return nil, err
	}
	if err := dateFolders(source, newest); err != nil {
		return nil, err
	}
	p, err := inspect(source, root)
	if err != nil {
		return nil, &resolver.BuildError{Hook: o.Hook, Reason: err.Error()}
	}
	version, err := s.sourceVersion(ctx, o.Package)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	if len(o.Environment.Base.Interpreters) > 0 {
		// Such a Python names the compilers that it was itself built with.
		for name, value := range map[string]string{"CC": "gcc", "CXX": "g++", "AR": "ar", "LDSHARED": "gcc -shared", "LDCXXSHARED": "g++ -shared"} {
			env[name] = value
		}
	}
	for name, value := range o.Settings.Env {
		env[name] = value
	}
	return &backend.Run{
		Python: interpreterPath, Work: work, Source: root, Project: p, Version: version, Time: newest, Env: env,
		Jobs:   runtime.GOMAXPROCS(0),
		Limits: sandbox.Limits{Time: buildTime, Memory: buildMemory(), Disk: buildDisk, Processes: buildProcesses},
	}, nil
}

// dateFolders gives all folders of a source its time, since a build may look at theirs, or archive them.
func dateFolders(source string, at time.Time) error {
	root, err := os.OpenRoot(source)
	if err != nil {
		return err
	}
	defer root.Close()
	return backend.DateFolders(root, at)
}

// runHook runs the hook of an order. Of a backend without one for metadata it makes the wheel, which has it.
func (s *Supply) runHook(ctx context.Context, o resolver.BuildOrder, run backend.Run) (builtNote, error) {
	switch o.Hook {
	case resolver.RequiresHook:
		list, err := run.Requires(ctx)
		return builtNote{Requires: list}, err
	case resolver.MetadataHook:
		data, err := run.Metadata(ctx)
		if errors.Is(err, backend.ErrNoHook) {
			note, err := s.makeWheel(ctx, o, run)
			note.Wheel = nil // it is only asked for what it says
			return note, err
		}
		return builtNote{Metadata: string(data)}, err
	}
	return s.makeWheel(ctx, o, run)
}

// makeWheel makes a wheel and puts it into the store.
func (s *Supply) makeWheel(ctx context.Context, o resolver.BuildOrder, run backend.Run) (builtNote, error) {
	w, err := s.Store.Create()
	if err != nil {
		return builtNote{}, err
	}
	defer w.Discard()
	name, err := run.Wheel(ctx, w)
	if err != nil {
		return builtNote{}, err
	}
	if err := fits(name, o.Environment.Targets[0]); err != nil {
		return builtNote{}, &resolver.BuildError{Hook: o.Hook, Reason: err.Error()}
	}
	sum, size, err := w.Commit()
	if err != nil {
		return builtNote{}, err
	}
	if err := s.Store.NameBlob(sum, name); err != nil {
		return builtNote{}, err
	}
	f := lockfile.File{Name: name, SHA256: sum, Size: size}
	metadata, err := s.metadataOf(f)
	return builtNote{Metadata: metadata, Wheel: &f}, err
}

// fits holds a wheel's name to the target that it was built on: its Python and its platform have to be that's, also as one that
// nobody may publish (PEP 425, linux_x86_64).
func fits(name string, t lockfile.Target) error {
	w, err := tags.ParseWheel(name)
	if err != nil {
		return fmt.Errorf("its build made %s: %w", name, err)
	}
	ranking, err := resolver.RankingOf(t)
	if err != nil {
		return err
	}
	if _, ok := ranking.Rank(w); !ok {
		return fmt.Errorf("its build made %s, which does not fit %s: %s", name, t.Platform, ranking.Explain([]tags.Wheel{w}))
	}
	return nil
}
