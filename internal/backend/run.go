package backend

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/sandbox"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/internal/wheelfile"
)

//go:embed driver.py
var driver []byte

// Version names what this package makes of a source in an environment. It changes when that may be something else.
const Version = "2"

// Where the hooks run, in the sandbox. Compilers write the path of sources into what they make, so it is the same for all.
const (
	work       = "/build"
	sourceDir  = work + "/source"
	outDir     = work + "/out"
	maxResult  = 4 << 20 // bytes of the driver's answer
	maxLog     = 32 << 20
	maxPrinted = 256 << 20 // bytes that a hook may print; compiling what is largest prints a tenth of it
)

// Run is a project with an environment that its hooks run in. Each hook needs a Work folder and a source of its own: builds leave
// behind what changes the next.
type Run struct {
	Sandbox *sandbox.Sandbox
	Root    string          // folder of the environment's root file system
	Mounts  []sandbox.Mount // beside it
	Python  string          // its interpreter, in the sandbox: "/opt/env/bin/python"
	Work    string          // an empty folder, which the sandbox may write to, and the source may be in
	Source  string          // folder of the unpacked source, below Work/source; "" and "." are Work/source itself
	Project *Project
	// Version is that of the project, where it is known: for backends that else ask a version control system.
	Version string
	Time    time.Time         // the clock that compilers and archivers are told: the newest file of the source
	Jobs    int               // how many compilers may run at once; 0: one
	Env     map[string]string // besides what is always there; what it has counts
	Limits  sandbox.Limits
	Log     io.Writer         // what the build prints; may be nil
	Tell    func(text string) // told what was done to the wheel; may be nil
}

// result is the driver's answer.
type result struct {
	Requires []string
	Unknown  bool   // the backend has no such hook
	Folder   string // that has METADATA, below out
	Egg      string // the folder with PKG-INFO and requires.txt, below out
	Wheel    string // file name, in out
	Failure  *struct {
		Kind, Text, Module string
		Asked              []string
	}
}

// ErrNoHook says that the backend cannot tell the metadata without making a wheel.
var ErrNoHook = errors.New("the build backend has no hook for metadata")

// Requires are what the backend wants installed beside [Project.Requires] to make a wheel (PEP 508).
//
// Errors: *[Failure], and those of the sandbox.
func (r Run) Requires(ctx context.Context) ([]string, error) {
	answer, err := r.hook(ctx, "requires")
	if err != nil {
		return nil, err
	}
	return answer.Requires, nil
}

// Metadata is the METADATA that the wheel will have. Errors: [ErrNoHook]; those of Requires.
func (r Run) Metadata(ctx context.Context) ([]byte, error) {
	answer, err := r.hook(ctx, "metadata")
	switch {
	case err != nil:
		return nil, err
	case answer.Unknown:
		return nil, ErrNoHook
	case answer.Egg != "":
		data, err := r.egg(answer.Egg)
		if err != nil {
			return nil, r.wrong("metadata", err)
		}
		return data, nil
	}
	data, err := r.read(path.Join("out", path.Base(answer.Folder), "METADATA"), 32<<20)
	if err != nil {
		return nil, r.wrong("metadata", err)
	}
	data, _ = mendMetadata(data)
	return data, nil
}

// egg makes METADATA of an egg-info folder.
func (r Run) egg(dir string) ([]byte, error) {
	files := sdistfile.Files{}
	for _, name := range []string{"PKG-INFO", "requires.txt"} {
		data, err := r.read(path.Join("out", dir, name), 32<<20)
		if errors.Is(err, fs.ErrNotExist) && name == "requires.txt" {
			continue
		}
		if err != nil {
			return nil, err
		}
		files[path.Base(dir)+"/"+name] = data
	}
	m, err := sdistfile.Interpret(path.Base(dir), files)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + strings.ReplaceAll(value, "\n", " ") + "\n")
		}
	}
	field("Metadata-Version", "2.1")
	field("Name", m.Name)
	field("Version", m.Version)
	field("Requires-Python", m.RequiresPython)
	for _, requirement := range m.RequiresDist {
		field("Requires-Dist", requirement)
	}
	for _, extra := range m.ProvidesExtra {
		field("Provides-Extra", extra)
	}
	return []byte(b.String()), nil
}

// Wheel makes the wheel and writes it, normalised, into w. name is its file name. Errors: those of Requires and of w; a *[Failure] for
// what is no wheel.
func (r Run) Wheel(ctx context.Context, w io.Writer) (name string, err error) {
	answer, err := r.hook(ctx, "wheel")
	if err != nil {
		return "", err
	}
	if name = path.Base(answer.Wheel); name != answer.Wheel || !strings.HasSuffix(name, ".whl") {
		return "", r.wrong("wheel", fmt.Errorf("the backend says that it made %.60q, which is no file name of a wheel", answer.Wheel))
	}
	root, err := os.OpenRoot(r.Work)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := regular(root, path.Join("out", name))
	if err != nil {
		return "", r.wrong("wheel", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	mended, err := Normalize(w, name, f, info.Size())
	if mended && r.Tell != nil {
		r.Tell("the metadata of its wheel has line breaks in a field, which hide what it requires; they are mended")
	}
	if bad := (*wheelfile.Error)(nil); errors.As(err, &bad) {
		return "", r.wrong("wheel", err)
	}
	return name, err
}

// regular opens a file that the sandbox made, and follows no link out of the folder.
func regular(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path.Base(name))
	}
	return root.Open(name)
}

// read reads a file that the sandbox made, of at most limit bytes.
func (r Run) read(name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(r.Work)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := regular(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path.Base(name), limit)
	}
	return data, err
}

// wrong is the failure of a hook that ran and left what makes no sense.
func (r Run) wrong(hook string, err error) error {
	return &Failure{Hook: hook, Reason: "its build left what cannot be used: " + err.Error()}
}

// hook runs the driver.
func (r Run) hook(ctx context.Context, hook string) (*result, error) {
	job, err := json.Marshal(map[string]any{
		"hook": hook, "backend": r.Project.Backend, "legacy": r.Project.Legacy, "path": append([]string{}, r.Project.BackendPath...),
	})
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"driver.py": driver, "job.json": job} {
		if err := os.WriteFile(filepath.Join(r.Work, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	for _, dir := range []string{"out", "home", "tmp"} {
		if err := os.MkdirAll(filepath.Join(r.Work, dir), 0o755); err != nil {
			return nil, err
		}
	}
	bounded, stop := context.WithCancel(ctx)
	defer stop()
	log := &tail{w: r.Log, left: maxLog, flooded: stop}
	err = r.Sandbox.Run(bounded, sandbox.Command{
		Root: r.Root, Mounts: append(slices.Clone(r.Mounts), sandbox.Mount{Source: r.Work, Target: work, Writable: true}),
		Args: []string{r.Python, "-B", "-s", work + "/driver.py", work}, Dir: path.Join(sourceDir, filepath.ToSlash(r.Source)),
		Env: r.environment(), Stdout: log, Stderr: log, Limits: r.Limits,
	})
	if log.printed > maxPrinted && ctx.Err() == nil {
		return nil, &Failure{Hook: hook, Limit: "output", Tail: short(log.String()), Reason: fmt.Sprintf("it printed more than %d MiB", int64(maxPrinted>>20))}
	}
	if exit, limit := (*sandbox.ExitError)(nil), (*sandbox.LimitError)(nil); err != nil && !errors.As(err, &exit) && !errors.As(err, &limit) {
		return nil, err
	} else if limit != nil {
		f := &Failure{Hook: hook, Limit: limit.What + ": " + limit.Limit, Tail: log.String(), Reason: "it took more than it may: " + limit.What + ", " + limit.Limit}
		return nil, f
	} else if exit != nil {
		return nil, r.failed(hook, exit, log.String())
	}
	answer, err := r.answer()
	if err != nil {
		return nil, r.wrong(hook, err)
	}
	return answer, nil
}

func (r Run) answer() (*result, error) {
	data, err := r.read("result.json", maxResult)
	if err != nil {
		return nil, err
	}
	var answer result
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("the answer of its build is not readable: %w", err)
	}
	return &answer, nil
}

// failed tells of what a hook died.
func (r Run) failed(hook string, exit *sandbox.ExitError, log string) error {
	f := &Failure{Hook: hook, Tail: log}
	module, exception := "", exit.Error()
	if answer, err := r.answer(); err == nil && answer.Failure != nil {
		module, exception = answer.Failure.Module, answer.Failure.Kind+": "+answer.Failure.Text
		if asked := answer.Failure.Asked; len(asked) > 0 {
			f.Asked, f.Reason = asked, "setup.py asks for "+strings.Join(asked, ", ")+" while it runs"
			return f
		}
		if kind := answer.Failure.Kind; kind == "Mistake" {
			f.Reason = answer.Failure.Text
			return f
		}
	}
	f.explain(log, module, exception)
	return f
}

// environment is all that the build sees of the outside.
func (r Run) environment() []string {
	jobs := strconv.Itoa(max(1, r.Jobs))
	env := map[string]string{
		"PATH": path.Dir(r.Python) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": work + "/home", "TMPDIR": work + "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "USER": "app", "LOGNAME": "app",
		"SOURCE_DATE_EPOCH": strconv.FormatInt(r.clock().Unix(), 10),
		"PYTHONHASHSEED":    "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", "PYTHONIOENCODING": "utf-8",
		"MAKEFLAGS": "-j" + jobs, "CMAKE_BUILD_PARALLEL_LEVEL": jobs, "NPY_NUM_BUILD_JOBS": jobs, "MAX_JOBS": jobs,
		"CARGO_NET_OFFLINE": "true", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "GIT_CEILING_DIRECTORIES": work,
	}
	if r.Version != "" {
		for _, name := range []string{"SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS"} {
			env[name] = r.Version
		}
	}
	maps.Copy(env, r.Env)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// clock is never before what a zip can have.
func (r Run) clock() time.Time {
	if r.Time.Before(epoch) {
		return epoch
	}
	return r.Time
}

// tail hands on what is printed, up to a bound, and keeps its end.
type tail struct {
	w       io.Writer
	left    int64
	kept    []byte
	printed int64
	flooded func() // called when that is too much
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	if t.printed += int64(len(p)); t.printed > maxPrinted {
		t.flooded()
		return len(p), nil
	}
	if t.w != nil && t.left > 0 {
		part := p[:min(int64(len(p)), t.left)]
		t.left -= int64(len(part))
		if _, err := t.w.Write(part); err != nil {
			return 0, err
		}
	}
	t.kept = append(t.kept, p...)
	if n := len(t.kept) - 4*maxTail; n > 4*maxTail {
		t.kept = append(t.kept[:0], t.kept[n:]...)
	}
	return len(p), nil
}

// String is the end of what was printed.
func (t *tail) String() string {
	return strings.ToValidUTF8(string(t.kept[max(0, len(t.kept)-4*maxTail):]), "�")
}
