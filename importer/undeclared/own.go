package undeclared

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/modules"
)

// own knows a project's own modules.
type own struct {
	files   map[string]bool     // files without their endings that are modules
	folders map[string]bool     // folders with Python files somewhere below
	places  map[string][]string // of a module's name, the folders that have it
	roots   map[string]bool     // folders that modules are looked for in, whoever asks
	built   map[string]bool     // names of modules that the project compiles
	protos  map[string]bool     // names of .proto files, without endings
}

func newOwn(t Tree) *own {
	o := &own{files: map[string]bool{}, folders: map[string]bool{}, places: map[string][]string{}, roots: map[string]bool{".": true}, built: map[string]bool{}, protos: map[string]bool{}}
	for _, name := range t.Names {
		if skipped().MatchString(name) {
			continue
		}
		base, end := path.Base(name), path.Ext(name)
		stem, _, _ := strings.Cut(base, ".")
		switch end {
		case ".proto":
			o.protos[stem] = true
			continue
		case ".py", ".pyx", ".so", ".pyd", ".pyw", ".pyi":
		default:
			continue
		}
		dir := path.Dir(name)
		o.files[path.Join(dir, stem)] = true
		o.place(stem, dir)
		for ; dir != "." && !o.folders[dir]; dir = path.Dir(dir) {
			o.folders[dir] = true
			o.place(path.Base(dir), path.Dir(dir))
		}
	}
	for _, dir := range []string{"src", "lib", "python", "source", "code"} {
		if o.folders[dir] && !o.files[dir+"/__init__"] {
			o.roots[dir] = true
		}
	}
	return o
}

func (o *own) place(module, dir string) {
	if !slices.Contains(o.places[module], dir) && len(o.places[module]) < 100 {
		o.places[module] = append(o.places[module], dir)
	}
}

// learn takes over what a file says of where modules are, and which it compiles.
func (o *own) learn(p parsed) {
	dir := path.Dir(p.name)
	for _, s := range p.file.Paths {
		o.addRoot(path.Join(dir, s.Dir))
		if !s.FromFile {
			o.addRoot(s.Dir)
		}
	}
	for _, e := range p.file.Extensions {
		first, _, _ := strings.Cut(e, ".")
		o.built[first] = true
	}
}

func (o *own) addRoot(dir string) {
	dir = path.Clean(dir)
	if dir == "." || o.folders[dir] {
		o.roots[dir] = true
	}
}

// in tells whether a folder has a module.
func (o *own) in(dir, module string) bool {
	at := path.Join(dir, module)
	return o.files[at] || o.folders[at]
}

// has tells whether a module that a file imports is the project's: it lies in a folder that Python looks into for that file. One
// that lies elsewhere in the project is its own as well, if its name is one that many projects have, or all of a dotted name is there.
func (o *own) has(module, file string) bool {
	first, _, _ := strings.Cut(module, ".")
	if o.built[first] {
		return true
	}
	if stem, ok := strings.CutSuffix(strings.TrimSuffix(first, "_grpc"), "_pb2"); ok && o.protos[stem] {
		return true
	}
	for root := range o.roots {
		if o.in(root, first) {
			return true
		}
	}
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		if o.in(dir, first) {
			return true
		}
		if dir == "." {
			break
		}
	}
	if len(o.places[first]) == 0 {
		return false
	}
	if modules.Generic(first) {
		return true
	}
	for _, dir := range o.places[first] { // all of a dotted name: data.loader, and not only data
		if strings.Contains(module, ".") && o.in(dir, strings.ReplaceAll(module, ".", "/")) {
			return true
		}
	}
	return false
}

// near is a folder of the project that has a module of a name, though Python does not look into it for the files that import it;
// "" if none has.
func (o *own) near(module string) string {
	first, _, _ := strings.Cut(module, ".")
	if list := o.places[first]; len(list) > 0 {
		return path.Join(list[0], first)
	}
	return ""
}
