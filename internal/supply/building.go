package supply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/tags"
)

// What a build may take. Those that compile large projects take most of an hour on few processors.
const (
	buildTime      = 2 * time.Hour
	buildDisk      = 32 << 30
	buildProcesses = 4096
)

// interpreterPath is where an image has its Python.
const interpreterPath = "/" + imagegen.Prefix + "/bin/python"

// builtMemo keeps what a step of a build came to, by all that it depends on.
const builtMemo = "built-1"

// builtNote is the note of builtMemo.
type builtNote struct {
	Requires []string       `json:"requires,omitempty"`
	Metadata string         `json:"metadata,omitempty"` // text of METADATA
	Wheel    *lockfile.File `json:"wheel,omitempty"`
}

// NoteReaders read this package's notes, for who tidies a store: a wheel that was built stays as long as its note, and the files of
// a commit, which can be fetched again, do not.
func NoteReaders() map[string]inventory.Reader {
	return map[string]inventory.Reader{
		builtMemo: func(data []byte) (inventory.Needs, error) {
			var note builtNote
			if err := json.Unmarshal(data, &note); err != nil || note.Wheel == nil {
				return inventory.Needs{}, err
			}
			return inventory.Needs{Blobs: []string{note.Wheel.SHA256}, Keeps: true}, nil
		},
		commitMemo: func(data []byte) (inventory.Needs, error) {
			var note commitNote
			err := json.Unmarshal(data, &note)
			return inventory.Needs{Blobs: []string{note.SHA256}}, err
		},
	}
}

// builds are the builds of a supply that go on.
type builds struct {
	turn chan struct{} // one at a time: a build uses all processors
	once sync.Once
}

// wait waits for a turn. Errors: that of ctx.
func (b *builds) wait(ctx context.Context) (done func(), err error) {
	b.once.Do(func() { b.turn = make(chan struct{}, 1) })
	select {
	case b.turn <- struct{}{}:
		return func() { <-b.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Inspect implements resolver.Builder.
func (s *Supply) Inspect(ctx context.Context, p lockfile.Package) (*resolver.BuildProject, error) {
	dir, err := s.workFolder()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	root, _, err := s.unpackSource(ctx, p, dir)
	if err != nil {
		return nil, err
	}
	project, err := backend.Inspect(os.DirFS(filepath.Join(dir, filepath.FromSlash(root))))
	if err != nil {
		return nil, &resolver.BuildError{Hook: resolver.RequiresHook, Reason: err.Error()}
	}
	found := &resolver.BuildProject{Requires: project.Requires, Declared: !project.Legacy, Packages: project.Packages(), Why: project.Why}
	if project.Compiles {
		found.Packages = append(found.Packages, resolver.PythonHeaders)
	}
	return found, nil
}

// workFolder makes a folder for one build, in the store, whose disk is large.
func (s *Supply) workFolder() (string, error) {
	dir, err := os.MkdirTemp(filepath.Join(s.Store.Dir(), "tmp"), "build-")
	if err != nil {
		return "", diag.Wrap(err, diag.Failure, "making a folder to build in")
	}
	return dir, nil
}

// Build implements resolver.Builder.
func (s *Supply) Build(ctx context.Context, o resolver.BuildOrder) (*resolver.Built, error) {
	key, err := buildKey(o)
	if err != nil {
		return nil, err
	}
	if built, ok := s.remembered(key, o); ok {
		return built, nil
	}
	done, err := s.builds.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if built, ok := s.remembered(key, o); ok { // somebody else had the turn before
		return built, nil
	}
	note, err := s.buildStep(ctx, o)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	if err := s.Store.PutMemo(builtMemo, key, data); err != nil {
		return nil, err
	}
	return note.built(o)
}

// buildKey says all that a step of a build depends on.
func buildKey(o resolver.BuildOrder) (string, error) {
	platform, err := platformOf(o)
	if err != nil {
		return "", err
	}
	environment, err := o.Environment.Projection(platform)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(environment)
	key, err := json.Marshal(struct {
		Backend, Hook, Source, Name, Version, Environment string
		Env                                               map[string]string
		Patches                                           []lockfile.Patch
	}{backend.Version, string(o.Hook), sourceID(o.Package), o.Package.Name, o.Package.Version, hex.EncodeToString(sum[:]), o.Settings.Env, o.Settings.Patches})
	return string(key), err
}

func platformOf(o resolver.BuildOrder) (string, error) {
	if len(o.Environment.Targets) != 1 {
		return "", fmt.Errorf("an environment for building has %d targets", len(o.Environment.Targets))
	}
	return o.Environment.Targets[0].Platform, nil
}

func (s *Supply) remembered(key string, o resolver.BuildOrder) (*resolver.Built, bool) {
	data, ok := s.Store.Memo(builtMemo, key)
	var note builtNote
	if !ok || json.Unmarshal(data, &note) != nil || note.Wheel != nil && !s.Store.Has(note.Wheel.SHA256) {
		return nil, false
	}
	built, err := note.built(o)
	return built, err == nil
}

// built makes sense of a note. Whether it is the project that was meant, and the version, is for who asked to say.
func (n builtNote) built(o resolver.BuildOrder) (*resolver.Built, error) {
	built := &resolver.Built{Requires: n.Requires}
	if n.Wheel != nil {
		built.Wheel = *n.Wheel
	}
	if n.Metadata == "" {
		return built, nil
	}
	raw, err := wheelfile.ParseMetadata([]byte(n.Metadata))
	if err != nil {
		return nil, badMetadata(o, err)
	}
	if n.Wheel != nil {
		built.Metadata, err = index.InterpretWheel(n.Wheel.Name, raw)
	} else {
		built.Metadata, err = index.Interpret(o.Package.Name, raw)
	}
	if err != nil {
		return nil, badMetadata(o, err)
	}
	return built, nil
}

func badMetadata(o resolver.BuildOrder, err error) error {
	return &resolver.BuildError{Hook: o.Hook, Reason: "the metadata that its build makes: " + err.Error()}
}

func sameVersion(a, b string) bool {
	v, err := pep440.Parse(a)
	w, other := pep440.Parse(b)
	return err == nil && other == nil && v.Equal(w)
}

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
	defer os.RemoveAll(work)
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
			Hook: resolver.BuildHook(failure.Hook), Module: failure.Module, Header: failure.Header, Program: failure.Program, Library: failure.Library,
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
	project := filepath.Join(source, filepath.FromSlash(root))
	if err := s.patch(ctx, o.Package, o.Settings.Patches, project, newest); err != nil {
		return nil, err
	}
	p, err := backend.Inspect(os.DirFS(project))
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
	blob, err := s.Store.Blob(sum)
	if err != nil {
		return builtNote{}, err
	}
	defer blob.Close()
	f, err := wheelfile.Open(name, blob, size)
	if err != nil {
		return builtNote{}, err
	}
	info, err := f.DistInfo()
	if err != nil {
		return builtNote{}, err
	}
	metadata, err := f.ReadFile(info.Path("METADATA"), 32<<20)
	if err != nil {
		return builtNote{}, err
	}
	return builtNote{Metadata: string(metadata), Wheel: &lockfile.File{Name: name, SHA256: sum, Size: size}}, nil
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
