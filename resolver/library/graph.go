package library

import (
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/elffile"
)

// node is an ELF file that the target can load.
type node struct {
	*elffile.Object
	wheel  int
	module bool // a Python extension module, or a program that is called by name
	linked bool // another file needs it
	active bool // an import may load it
	opened bool // it is active because nothing else of its wheel is loaded, so that Python code opens it, or one of several
}

// graph is who needs whom among the wheels' files.
type graph struct {
	Input
	nodes    []*node
	byName   map[string][]*node // by file name and SONAME
	related  [][]bool           // by index of wheels
	warnings []string
}

var machines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "i386": elf.EM_386, "armhf": elf.EM_ARM, "ppc64el": elf.EM_PPC64, "s390x": elf.EM_S390,
	"riscv64": elf.EM_RISCV,
}

func newGraph(in Input) *graph {
	g := &graph{Input: in, byName: map[string][]*node{}, related: relations(in.Wheels)}
	for w := range in.Wheels {
		other, own := "", 0 // the files for the other C library
		for i := range in.Wheels[w].Objects {
			o := &in.Wheels[w].Objects[i]
			if o.Fault != "" {
				g.warnings = append(g.warnings, fmt.Sprintf("%s: which libraries %s needs is not known: %s", in.Wheels[w].Name, o.Path, o.Fault))
				continue
			}
			if !in.isFor(o) {
				continue
			}
			if !in.Loads(o) {
				other = libcOf(o)
				continue
			}
			own++
			n := &node{Object: o, wheel: w, module: isModule(o)}
			g.nodes = append(g.nodes, n)
			base := path.Base(o.Path)
			g.byName[base] = append(g.byName[base], n)
			if o.Soname != "" && o.Soname != base {
				g.byName[o.Soname] = append(g.byName[o.Soname], n)
			}
			g.checkGlibc(n)
		}
		if other != "" && own == 0 {
			g.warnings = append(g.warnings, fmt.Sprintf("%s: its binaries are for %s, and the base has %s", in.Wheels[w].Name, other, in.libc()))
		}
	}
	for _, n := range g.nodes {
		for _, soname := range n.Needed {
			for _, to := range g.providers(n, soname) {
				to.linked = to.linked || to != n
			}
		}
	}
	return g
}

// Loads tells whether the target can load a file of a wheel: it is for its machine, its Python and its C library, and was read.
func (in *Input) Loads(o *elffile.Object) bool {
	kind := libcOf(o)
	return o.Fault == "" && in.isFor(o) && (kind == "" || (kind == musl) == in.Musl)
}

// isFor tells whether a file is for the target's machine and Python.
func (in *Input) isFor(o *elffile.Object) bool {
	return elf.Machine(o.Machine) == machines[in.Architecture] && !forOtherPython(o.Path, in.Python)
}

// The C libraries.
const (
	glibc = "glibc"
	musl  = "musl"
)

func (in *Input) libc() string {
	if in.Musl {
		return musl
	}
	return glibc
}

// libcOf tells for which C library a file is, by the library or the loader that it names; "" if it names none. Linked with
// musl's own tools a file needs libc.so, on Alpine Linux libc.musl-MACHINE.so.1.
func libcOf(o *elffile.Object) string {
	loader := path.Base(o.Interpreter)
	for _, n := range o.Needed {
		switch {
		case strings.HasPrefix(n, "libc.musl-") || n == "libc.so":
			return musl
		case n == "libc.so.6":
			return glibc
		}
	}
	switch {
	case strings.HasPrefix(loader, "ld-musl-"):
		return musl
	case strings.HasPrefix(loader, "ld-linux"):
		return glibc
	}
	return ""
}

// muslOwn are the libraries that musl's loader is itself, whatever follows the dot (ldso/dynlink.c, load_library).
var muslOwn = []string{"libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."}

// ofLibc tells whether a library is a part of the C library.
func (g *graph) ofLibc(soname string) bool {
	return g.Musl && slices.ContainsFunc(muslOwn, func(name string) bool { return strings.HasPrefix(soname, name) })
}

// forOtherPython tells whether an extension module's name says that another interpreter loads it (PEP 3149).
func forOtherPython(name, python string) bool {
	base := path.Base(name)
	if strings.Contains(base, ".pypy") {
		return true
	}
	_, tag, ok := strings.Cut(base, ".cpython-")
	if !ok {
		return false
	}
	digits, threaded := strings.CutSuffix(strings.ReplaceAll(python, ".", ""), "t")
	rest, ok := strings.CutPrefix(tag, digits)
	return !ok || rest == "" || rest[0] >= '0' && rest[0] <= '9' || (rest[0] == 't') != threaded
}

// isModule tells whether a file is loaded by an import, by its name (PEP 3149: NAME.cpython-311-….so,
// NAME.abi3.so, NAME.abi3t.so of PEP 803, NAME.so, with NAME an identifier, which libraries' names by custom begin with lib), or is a
// program among a wheel's scripts.
func isModule(o *elffile.Object) bool {
	if strings.Contains(o.Path, ".data/scripts/") {
		return true
	}
	base, ok := strings.CutSuffix(path.Base(o.Path), ".so")
	if !ok {
		return false
	}
	if strings.Contains(base, ".cpython-") || strings.HasSuffix(base, ".abi3") || strings.HasSuffix(base, ".abi3t") {
		return true
	}
	return !strings.HasPrefix(base, "lib") && !strings.ContainsAny(base, ".-+")
}

// relations tells of each two wheels whether they have to do with each other: one requires the other, or a
// third requires both. Only then is one's library loaded before the other looks for it.
func relations(wheels []Wheel) [][]bool {
	index := map[string]int{}
	for i, w := range wheels {
		index[w.Name] = i
	}
	related := make([][]bool, len(wheels))
	for i := range related {
		related[i] = make([]bool, len(wheels))
	}
	for i := range wheels {
		reached := []int{i}
		seen := map[int]bool{i: true}
		for n := 0; n < len(reached); n++ {
			for _, name := range wheels[reached[n]].Requires {
				if j, ok := index[name]; ok && !seen[j] {
					seen[j] = true
					reached = append(reached, j)
				}
			}
		}
		for _, a := range reached {
			for _, b := range reached {
				related[a][b] = true
			}
		}
	}
	return related
}

// providers are the wheels' files that meet the need of n for a library: of its own wheel, of related wheels,
// where its RPATH or RUNPATH points, or of wheels that n is made for without their being required. Whoever imports n imports these first.
func (g *graph) providers(n *node, soname string) []*node {
	var found []*node
	for _, p := range g.byName[soname] {
		if g.related[n.wheel][p.wheel] || g.onPath(n, p) || g.adopts(n, p.wheel) || isRuntime(soname) {
			found = append(found, p)
		}
	}
	return found
}

// onPath tells whether p is in a folder of n's search path.
func (g *graph) onPath(n, p *node) bool {
	search := n.Runpath
	if search == "" {
		search = n.Rpath
	}
	return onPath(n, search, p)
}

// onPath tells whether p is in one of the folders that n names.
func onPath(n *node, search string, p *node) bool {
	return slices.Contains(originFolders(n, search), path.Dir(installed(p.Path)))
}

// originFolders are the folders of a search path of n below site-packages, $ORIGIN being n's own folder (ld.so(8)).
func originFolders(n *node, search string) []string {
	var list []string
	for folder := range strings.SplitSeq(search, ":") {
		rest, ok := strings.CutPrefix(strings.Replace(folder, "${ORIGIN}", "$ORIGIN", 1), "$ORIGIN")
		if ok {
			list = append(list, path.Join(path.Dir(installed(n.Path)), rest))
		}
	}
	return list
}

// installed is a file's path below site-packages, by its path in the archive (PyPA's binary distribution
// format, the .data folder).
func installed(name string) string {
	first, rest, ok := strings.Cut(name, "/")
	if !ok || !strings.HasSuffix(first, ".data") {
		return name
	}
	scheme, rest, _ := strings.Cut(rest, "/")
	switch scheme {
	case "purelib", "platlib":
		return rest
	case "scripts":
		return path.Join("../../../bin", rest)
	}
	return path.Join("../../..", rest)
}

// needs are what no wheel meets: of files that an import may load, and of plug-ins only. Each library stands
// once, for the first file in order of wheels and paths.
func (g *graph) needs() (required, optional []need) {
	g.activate()
	active := make(map[*node]bool, len(g.nodes))
	for _, n := range g.nodes {
		active[n] = n.active && !g.forAccelerator(n)
	}
	order := append([]*node(nil), g.nodes...)
	sort.SliceStable(order, func(i, j int) bool {
		a, b := order[i], order[j]
		if active[a] != active[b] {
			return active[a]
		}
		if a.wheel != b.wheel {
			return a.wheel < b.wheel
		}
		if a.module != b.module {
			return a.module // the more telling reason
		}
		return a.Path < b.Path
	})
	seen := map[string]bool{}
	for _, n := range order {
		for _, soname := range n.Needed {
			if seen[soname] || len(g.providers(n, soname)) > 0 || fromDriver(soname) || g.ofOtherPython(soname) || g.ofLibc(soname) {
				continue
			}
			seen[soname] = true
			found := need{Need: Need{File: soname, Wheel: g.Wheels[n.wheel].Name, By: n.Path}, soft: len(g.byName[soname]) > 0}
			if active[n] {
				required = append(required, found)
			} else {
				optional = append(optional, found)
			}
		}
	}
	return required, optional
}

// activate marks what imports may load.
func (g *graph) activate() {
	var queue []*node
	mark := func(n *node) {
		if !n.active {
			n.active = true
			queue = append(queue, n)
		}
	}
	follow := func() {
		for ; len(queue) > 0; queue = queue[1:] {
			for _, soname := range queue[0].Needed {
				for _, p := range g.providers(queue[0], soname) {
					mark(p)
				}
			}
		}
	}
	for _, n := range g.nodes {
		if n.module || isStatedModule(g.Wheels[n.wheel].Name, n.Path) {
			mark(n)
		}
	}
	follow()
	// A wheel of which nothing is loaded yet is one whose Python code opens its libraries.
	used := make([]bool, len(g.Wheels))
	for _, n := range g.nodes {
		used[n.wheel] = used[n.wheel] || n.active
	}
	for _, n := range g.nodes {
		if !used[n.wheel] && !n.linked {
			n.opened = true
			mark(n)
		}
	}
	follow()
}

// ofOtherPython tells whether a library is the interpreter's, of another version than the target's.
func (g *graph) ofOtherPython(soname string) bool {
	return strings.HasPrefix(soname, "libpython") && !strings.HasPrefix(soname, "libpython"+g.Python+".") &&
		!strings.HasPrefix(soname, "libpython"+g.Python+"m.") && soname != "libpython3.so"
}

// checkGlibc warns of a file that wants a newer C library than the base has, which a tag should have excluded.
func (g *graph) checkGlibc(n *node) {
	if want := n.Object.Glibc(); g.Glibc != "" && elffile.NewerLibc(want, g.Glibc) {
		g.warnings = append(g.warnings, fmt.Sprintf("%s: %s needs glibc %s, and the base has %s", g.Wheels[n.wheel].Name, n.Path, want, g.Glibc))
	}
}
