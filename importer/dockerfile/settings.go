package dockerfile

import (
	"io/fs"
	"path"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/internal/diag"
)

// ours are variables that say how to install, or that an image made of packages settles itself, with why.
var ours = map[string]string{
	"DEBIAN_FRONTEND": "it is for installing", "PATH": "the image's own leads to the environment", "CONDA_AUTO_UPDATE_CONDA": "there is no conda", "CONDA_DIR": "there is no conda", "CONDA_PREFIX": "there is no conda",
	"CONDA_DEFAULT_ENV": "there is no conda", "CONDA_HOME": "there is no conda", "MAMBA_DOCKERFILE_ACTIVATE": "there is no conda", "VIRTUAL_ENV": "the environment is the image's",
	"LD_LIBRARY_PATH": "libraries are found without", "CUDA_HOME": "[gpu] settles CUDA", "CUDA_PATH": "[gpu] settles CUDA", "NVIDIA_VISIBLE_DEVICES": "[gpu] settles it", "NVIDIA_DRIVER_CAPABILITIES": "[gpu] settles it", "NVIDIA_REQUIRE_CUDA": "[gpu] settles it",
	"TORCH_CUDA_ARCH_LIST": "it is for building", "FORCE_CUDA": "it is for building", "MAX_JOBS": "it is for building", "CC": "it is for building", "CXX": "it is for building", "CFLAGS": "it is for building", "LDFLAGS": "it is for building",
	"POETRY_HOME": "it is for installing", "POETRY_VERSION": "it is for installing", "POETRY_VIRTUALENVS_CREATE": "it is for installing", "POETRY_NO_INTERACTION": "it is for installing", "HOME": "image.user settles it",
}

// setEnv reads ENV, in both of its forms.
func (r *reader) setEnv(in instruction) {
	text := strings.ReplaceAll(in.args, "\\\n", " ")
	type pair struct {
		name, value string
		known       bool
	}
	var pairs []pair
	name, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if !strings.Contains(name, "=") { // ENV NAME the rest
		value, ok := shell.Expand(strings.Trim(strings.TrimSpace(rest), `"`), r.vars)
		pairs = append(pairs, pair{name, value, ok})
	} else {
		script, err := shell.Parse("x "+text, in.line, r.vars)
		if err != nil || len(script.Commands) != 1 {
			r.note(in, draft.Left, "its values cannot be read")
			return
		}
		for _, w := range script.Commands[0].Words[1:] {
			name, value, _ := strings.Cut(w.Text, "=")
			pairs = append(pairs, pair{name, value, !w.Unknown})
		}
	}
	for _, p := range pairs {
		from, shown := r.origin(in), "ENV "+p.name
		if diag.SecretVariable(p.name) && (p.value != "" || !p.known) {
			delete(r.vars, p.name) // nor does it show where it is used
			r.env[p.name] = ""
			r.out.Note(from, shown, draft.Left, "%s", draft.Secret)
			continue
		}
		if p.known {
			shown += "=" + shell.Quote(p.value)
			r.vars[p.name], r.env[p.name] = p.value, p.value
		}
		why := ours[p.name]
		if strings.HasPrefix(p.name, "PIP_") || strings.HasPrefix(p.name, "UV_") {
			why = "it is for installing"
		}
		switch {
		case p.name == "PYTHONPATH":
			r.searchPath(in, p.value)
		case why != "":
			r.out.Note(from, shown, draft.Passed, "%s", why)
		case !p.known:
			r.out.Note(from, shown, draft.Left, "it has a variable without a value: set it in [image.env]")
		default:
			r.out.Env = append(r.out.Env, draft.Setting{Name: p.name, Value: p.value, From: from})
			r.out.Note(from, shown, draft.Taken, "")
		}
	}
}

// searchPath reads PYTHONPATH, whose folders of the project stay the project's wherever that lies.
func (r *reader) searchPath(in instruction, value string) {
	from := r.origin(in)
	for _, dir := range strings.Split(value, ":") {
		switch found, ok := r.locate(dir); {
		case dir == "" || strings.HasPrefix(dir, "$"):
		case ok:
			r.out.Paths = append(r.out.Paths, draft.Path{Dir: found, From: from})
			r.out.Note(from, "ENV PYTHONPATH="+dir, draft.Taken, "")
		default:
			r.out.Note(from, "ENV PYTHONPATH="+dir, draft.Left, "it is no folder of the project")
		}
	}
}

// setWorkdir takes the folder, if an image's may be there.
func (r *reader) setWorkdir(in instruction) {
	dir := r.workdir
	if !r.last {
		r.note(in, draft.Passed, "the last stage says where the program runs")
		return
	}
	for _, system := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/var", "/opt/env", "/opt/python", "/root", "/tmp", "/proc", "/sys", "/dev", "/run", "/boot"} {
		if dir == "/" || dir == system || strings.HasPrefix(dir, system+"/") {
			r.out.Workdir = nil
			r.note(in, draft.Passed, "the project lies in /app")
			return
		}
	}
	r.out.Workdir = &draft.Setting{Name: "workdir", Value: dir, From: r.origin(in)}
	r.note(in, draft.Taken, "image.workdir")
}

// copy remembers what of the project lies where.
func (r *reader) copy(in instruction) {
	words, list := in.words()
	if !list {
		words = fields(in.plain())
	}
	from := in.flag("from")
	switch {
	case from != "" && find(r.stages, from) >= 0:
		r.note(in, draft.Passed, "what another stage has installed is read there")
		return
	case from != "":
		r.note(in, draft.Left, "it is from another image: name a package that has it")
		return
	case len(words) < 2 || len(in.heres) > 0:
		r.note(in, draft.Left, "it writes a file: put that beside the project")
		return
	}
	dest, _ := shell.Expand(words[len(words)-1], r.vars)
	folder := strings.HasSuffix(dest, "/") || len(words) > 2 || dest == "."
	if !path.IsAbs(dest) {
		dest = path.Join("/", r.workdir, dest)
	}
	for _, w := range words[:len(words)-1] {
		src, _ := shell.Expand(w, r.vars)
		if strings.Contains(src, "://") {
			r.note(in, draft.Left, "a download: put the file beside the project")
			return
		}
		src = strings.TrimPrefix(path.Clean("/"+src), "/")
		to := path.Clean(dest)
		if src == "" {
			src = "."
		} else if folder && r.isFile(src) {
			to = path.Join(dest, path.Base(src))
		}
		r.copies[to] = src
	}
	r.note(in, draft.Passed, "the project's files are in the image, in its workdir")
}

func (r *reader) isFile(name string) bool {
	if r.open == nil || !fs.ValidPath(name) {
		return false
	}
	_, err := r.open(name)
	return err == nil
}

// locate gives the project's file or folder that lies at a path of the image.
func (r *reader) locate(name string) (string, bool) {
	if !path.IsAbs(name) {
		name = path.Join("/", r.workdir, name)
	}
	best, found := "", ""
	for to, src := range r.copies {
		if name == to || to == "/" || strings.HasPrefix(name, to+"/") {
			if len(to) > len(best) {
				best, found = to, path.Join(src, strings.TrimPrefix(strings.TrimPrefix(name, to), "/"))
			}
		}
	}
	if best == "" {
		return "", false
	}
	if r.isFile(found) || found == "." || path.Ext(found) == "" { // a folder's name has no ending, mostly
		return found, true
	}
	// The context may be the folder of the Dockerfile instead of the project's.
	if beside := path.Join(path.Dir(r.file), found); r.isFile(beside) {
		return beside, true
	}
	return "", false
}
