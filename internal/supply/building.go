package supply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/internal/backend"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/inventory"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
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

// within is a build that goes on, in the context of what is brought and built for the sake of its environment.
type within struct {
	environment *lockfile.Lock
	builds      builds // have turns of their own, since the build itself holds the one that others wait for
}

// withinKey is the key of a *within in a context.
type withinKey struct{}

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
	defer s.removeWork(dir)
	root, _, err := s.unpackSource(ctx, p, dir)
	if err != nil {
		return nil, err
	}
	project, err := inspect(dir, root)
	if err != nil {
		return nil, &resolver.BuildError{Hook: resolver.RequiresHook, Reason: err.Error()}
	}
	found := &resolver.BuildProject{Requires: project.Requires, Declared: !project.Legacy, Packages: project.Packages(), Why: project.Why}
	if project.Compiles {
		found.Packages = append(found.Packages, resolver.PythonHeaders)
	}
	return found, nil
}

// inspect reads how the project is built that root is in dir. Links may lead anywhere in dir, as from a folder of a repository to
// another, and not out of it, where they could have any file of this machine read.
func inspect(dir, root string) (*backend.Project, error) {
	unpacked, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer unpacked.Close()
	project, err := fs.Sub(unpacked.FS(), root)
	if err != nil {
		return nil, err
	}
	return backend.Inspect(project)
}

// workFolder makes a folder for one build, in the store, whose disk is large.
func (s *Supply) workFolder() (string, error) {
	dir, err := os.MkdirTemp(filepath.Join(s.Store.Dir(), "tmp"), "build-")
	if err != nil {
		return "", diag.Wrap(err, diag.Failure, "making a folder to build in")
	}
	return dir, nil
}

// removeWork removes such a folder, and tells where that fails: it may be large.
func (s *Supply) removeWork(dir string) {
	if err := store.RemoveFolder(dir); err != nil && s.Tell != nil {
		s.Tell(fmt.Sprintf("what a build left stays on the disk, in %s: %v", dir, err))
	}
}

// Build implements resolver.Builder.
func (s *Supply) Build(ctx context.Context, o resolver.BuildOrder) (*resolver.Built, error) {
	return s.build(ctx, o, "")
}

// build is Build, but a wheel that is remembered counts only if it has the SHA-256 want; "": any does.
func (s *Supply) build(ctx context.Context, o resolver.BuildOrder, want string) (*resolver.Built, error) {
	key, err := buildKey(o)
	if err != nil {
		return nil, err
	}
	if o.Known != nil {
		if built, err := s.known(ctx, o); built != nil || err != nil {
			return built, err
		}
	}
	if built, ok := s.remembered(key, o, want); ok {
		return built, nil
	}
	turns := &s.builds
	if outer, ok := ctx.Value(withinKey{}).(*within); ok {
		turns = &outer.builds
	}
	done, err := turns.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if built, ok := s.remembered(key, o, want); ok { // somebody else had the turn before
		return built, nil
	}
	step := s.step
	if step == nil {
		step = s.buildStep
	}
	note, err := step(context.WithValue(ctx, withinKey{}, &within{environment: o.Environment}), o)
	if err != nil {
		if o.Known != nil && diag.CodeOf(err) == diag.Mismatch {
			// Its environment cannot be had again, as of a wheel there that comes out as another one each time.
			return nil, &resolver.BuildError{Hook: o.Hook, Reason: err.Error()}
		}
		return nil, err
	}
	return s.remember(key, o, note)
}

// remember notes what a step came to.
func (s *Supply) remember(key string, o resolver.BuildOrder, note builtNote) (*resolver.Built, error) {
	data, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	if err := s.Store.PutMemo(builtMemo, key, data); err != nil {
		return nil, err
	}
	return note.built(o)
}

// known is the wheel that a lock has of the order, from the store or from where others keep what they built; nil if it is in neither.
// It is not remembered as what the order comes to: that is the lock's word alone, which other locks need not believe.
func (s *Supply) known(ctx context.Context, o resolver.BuildOrder) (*resolver.Built, error) {
	f := lockfile.File{Name: o.Known.Name, SHA256: o.Known.SHA256, Size: o.Known.Size}
	if !s.Store.Has(f.SHA256) {
		if s.Shelf == nil {
			return nil, nil
		}
		if there, err := s.Shelf.Wheel(ctx, f); err != nil || !there {
			return nil, err
		}
	}
	metadata, err := s.metadataOf(f)
	if err != nil {
		return nil, err
	}
	return builtNote{Metadata: metadata, Wheel: &f}.built(o)
}

// metadataOf is the text of METADATA in a wheel of the store.
func (s *Supply) metadataOf(f lockfile.File) (string, error) {
	blob, err := s.Store.Blob(f.SHA256)
	if err != nil {
		return "", err
	}
	defer blob.Close()
	w, err := wheelfile.Open(f.Name, blob, blob.Size())
	if err != nil {
		return "", err
	}
	info, err := w.DistInfo()
	if err != nil {
		return "", err
	}
	data, err := w.ReadFile(info.Path("METADATA"), 32<<20)
	return string(data), err
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

// remembered is what a step came to before; of wheels only one of the SHA-256 want, unless that is "".
func (s *Supply) remembered(key string, o resolver.BuildOrder, want string) (*resolver.Built, bool) {
	data, ok := s.Store.Memo(builtMemo, key)
	var note builtNote
	if !ok || json.Unmarshal(data, &note) != nil || note.Wheel != nil && !s.Store.Has(note.Wheel.SHA256) {
		return nil, false
	}
	if want != "" && (note.Wheel == nil || note.Wheel.SHA256 != want) {
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
