package resolver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// world is an index in memory.
type world struct {
	root     string // address of the index; "": one that ends in /simple/
	projects map[string]*listed
	metadata map[string]*index.Metadata // by file name
	broken   map[string]error           // by file name: what reading its metadata gives
	slow     bool                       // answers come after a random while
	wait     map[string]time.Duration   // by project: its page comes that late, unless the asker gives up

	mu   sync.Mutex
	read map[string]int // by project: how often metadata was asked for
}

// listed is a project whose files are a list, in place of those that it has packed.
type listed struct {
	index.Project
	Files []index.File
}

func newWorld() *world {
	return &world{
		projects: map[string]*listed{}, metadata: map[string]*index.Metadata{}, broken: map[string]error{},
		wait: map[string]time.Duration{}, read: map[string]int{},
	}
}

// rel is a version to publish.
type rel struct {
	requires []string
	extras   map[string][]string
	python   string
	tags     []string // of its wheels; none: py3-none-any
	noWheel  bool
	sdist    bool
	yanked   bool
	uploaded time.Time
	noTime   bool
	noHash   bool
	noSize   bool
}

var published = time.Date(2024, 3, 24, 0, 0, 0, 0, time.UTC)

func hashOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func (w *world) add(name, version string, r rel) {
	p := w.projects[name]
	if p == nil {
		p = &listed{Project: index.Project{Name: name, IndexName: DefaultIndex}}
		w.projects[name] = p
	}
	m := &index.Metadata{Name: name, Version: version, RequiresPython: r.python}
	parse := func(text string) {
		q, err := pep508.Parse(text)
		if err != nil {
			panic(err)
		}
		m.Requires = append(m.Requires, q)
	}
	for _, text := range r.requires {
		parse(text)
	}
	for _, extra := range slices.Sorted(maps.Keys(r.extras)) {
		m.Extras = append(m.Extras, extra)
		for _, text := range r.extras[extra] {
			clause := fmt.Sprintf("extra == '%s'", extra)
			if before, marker, ok := strings.Cut(text, ";"); ok {
				parse(before + "; (" + marker + ") and " + clause)
			} else {
				parse(text + " ; " + clause)
			}
		}
	}
	var names []string
	tags := r.tags
	if len(tags) == 0 {
		tags = []string{"py3-none-any"}
	}
	if !r.noWheel {
		for _, tag := range tags {
			names = append(names, fmt.Sprintf("%s-%s-%s.whl", strings.ReplaceAll(name, "-", "_"), version, tag))
		}
	}
	if r.sdist {
		names = append(names, fmt.Sprintf("%s-%s.tar.gz", strings.ReplaceAll(name, "-", "_"), version))
	}
	uploaded := r.uploaded
	if uploaded.IsZero() && !r.noTime {
		uploaded = published
	}
	for _, n := range names {
		f := index.File{Filename: n, URL: "https://files.example/" + n, SHA256: hashOf(n), Size: 1000, Uploaded: uploaded, RequiresPython: r.python, Yanked: r.yanked}
		if r.noHash {
			f.SHA256 = ""
		}
		if r.noSize {
			f.Size = -1
		}
		p.Files = append(p.Files, f)
		w.metadata[n] = m
	}
}

// address is that of the default index.
func (w *world) address() string {
	if w.root != "" {
		return w.root
	}
	return "https://index.example/simple/"
}

func (w *world) pause() {
	if w.slow {
		time.Sleep(time.Duration(rand.Intn(300)) * time.Microsecond)
	}
}

func (w *world) Project(ctx context.Context, name string) (*index.Project, error) {
	w.pause()
	if d := w.wait[name]; d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p := w.projects[name]
	if p == nil {
		return nil, &index.NoProjectError{Name: name, Indexes: []string{DefaultIndex}, Addresses: []string{w.address()}}
	}
	packed := p.Project
	packed.Files = index.FilesOf(name, p.Files...)
	return &packed, nil
}

func (w *world) Metadata(_ context.Context, p *index.Project, f index.File) (*index.Metadata, error) {
	w.mu.Lock()
	w.read[p.Name]++
	w.mu.Unlock()
	w.pause()
	if err := w.broken[f.Filename]; err != nil {
		return nil, err
	}
	return w.metadata[f.Filename], nil
}

// shuffled is the same index with its files in another order.
func (w *world) shuffled(r *rand.Rand) *world {
	out := newWorld()
	out.metadata, out.slow = w.metadata, true
	for name, p := range w.projects {
		q := *p
		q.Files = append([]index.File(nil), p.Files...)
		r.Shuffle(len(q.Files), func(i, j int) { q.Files[i], q.Files[j] = q.Files[j], q.Files[i] })
		out.projects[name] = &q
	}
	return out
}

// fakeBase is a distribution with nothing but an interpreter.
type fakeBase struct{ python string }

// ReadImage implements BaseSource.
func (b fakeBase) ReadImage(context.Context, ImageRequest) (*BaseImage, error) {
	return nil, errors.New("there is no image")
}

// Interpreter implements BaseSource.
func (b fakeBase) Interpreter(context.Context, manifest.PythonArchive, string) (*Interpreter, error) {
	return nil, errors.New("there is no archive")
}

// Published implements BaseSource.
func (b fakeBase) Published(context.Context, manifest.Python, string) (*Interpreter, error) {
	return nil, nil
}

// Base implements BaseSource.
func (b fakeBase) Base(_ context.Context, want apt.Options) (*apt.Result, error) {
	arch := want.Architecture
	return &apt.Result{
		Codename: "bookworm", PythonFull: b.python, Glibc: "2.36",
		Releases: []apt.Release{{
			Archive: "debian", Suite: "bookworm", Date: published, InReleaseSHA256: hashOf("release"), Keys: []string{strings.Repeat("A", 40)},
		}},
		Debs: []apt.Deb{{
			Name: "python3", Version: b.python, Architecture: arch, Archive: "debian", Path: "pool/python3_" + arch + ".deb", SHA256: hashOf(arch), Size: 1,
		}},
	}, nil
}

// project makes a manifest that asks for the requirements.
func project(requires ...string) *manifest.Manifest {
	m := &manifest.Manifest{
		Name: "demo", Python: manifest.Python{Text: ">=3", Specifiers: pep440.MustParseSpecifiers(">=3")},
		Platforms: []string{"linux/amd64"}, Prereleases: manifest.IfNecessary,
		Image: manifest.Image{User: "app", Workdir: "/app"},
	}
	m.Requirements = requirements(requires...)
	return m
}

func requirements(list ...string) []manifest.Requirement {
	var out []manifest.Requirement
	for _, text := range list {
		r, err := pep508.Parse(text)
		if err != nil {
			panic(err)
		}
		out = append(out, manifest.Requirement{Requirement: r})
	}
	return out
}

func lockWith(w *world, m *manifest.Manifest, o Options) (*lockfile.Lock, error) {
	o.Now = published.AddDate(1, 0, 0)
	return Resolve(context.Background(), m, Sources{Packages: w, Base: fakeBase{"3.11.2"}}, o)
}

func mustLock(t *testing.T, w *world, m *manifest.Manifest, o Options) *lockfile.Lock {
	t.Helper()
	l, err := lockWith(w, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// chosen is what a lock has for a platform: "a 1.0, b 2.0".
func chosen(l *lockfile.Lock, platform string) string {
	var out []string
	for i := range l.Packages {
		for _, t := range targetsOf(&l.Packages[i]) {
			if t == platform {
				out = append(out, l.Packages[i].Name+" "+l.Packages[i].Version)
			}
		}
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

// Learn gives a file the hash that it would have had.
func (w *world) Learn(_ context.Context, _ *index.Project, f index.File) (index.File, error) {
	f.SHA256 = hashOf(f.Filename)
	return f, nil
}
