package interpreter

import (
	"archive/tar"
	"debug/elf"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/elffile"
)

// machines are the architectures that are known, and their dynamic linkers of glibc (its ABI lists, shlib-versions) and of
// musl (ldso/dynlink.c, and arch/*/reloc.h for the name of the machine).
var machines = map[string]struct {
	machine     elf.Machine
	loader      string
	muslsLoader string
}{
	"amd64": {elf.EM_X86_64, "ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1"},
	"arm64": {elf.EM_AARCH64, "ld-linux-aarch64.so.1", "ld-musl-aarch64.so.1"},
}

// binaries holds the ELF files to the architecture, and finds what they need.
func (t *tree) binaries(i *Interpreter, architecture string) error {
	known, ok := machines[architecture]
	if !ok {
		return diag.New(diag.Failure, "interpreter archives for the architecture %q are not known", architecture)
	}
	program := "bin/python" + i.Name()
	_, n, _ := t.resolve(program)
	if n == nil || n.elf == nil {
		return diag.New(diag.Failure, "%s of the interpreter archive is no ELF program", program)
	}
	files := t.sorted()
	for _, p := range files {
		if m := t.nodes[p].elf.Machine; m != known.machine {
			return diag.New(diag.Mismatch, "%s of the interpreter archive is for %s, and %s is wanted",
				p, machineName(m), architecture)
		}
	}
	switch path.Base(n.elf.Interpreter) {
	case known.loader:
	case known.muslsLoader:
		i.Musl = true
	default:
		return diag.New(diag.Mismatch, "%s of the interpreter archive is linked to neither glibc's %s nor musl's %s but to %q",
			program, known.loader, known.muslsLoader, n.elf.Interpreter).
			Hint("take an archive whose name has linux-gnu, or linux-musl and no static")
	}
	brought := t.brought()
	for _, p := range files {
		for _, name := range t.nodes[p].elf.Needed {
			if strings.Contains(name, "/") {
				if err := t.neededPath(p, name); err != nil {
					return err
				}
				continue
			}
			if !brought[name] && i.Users[name] == "" {
				i.Users[name] = path.Join("/", Prefix, p)
				i.Needed = append(i.Needed, name)
			}
		}
		if dir := t.nodes[p].ssl; dir != "" && i.CertFile == "" {
			i.CertFile = path.Join(dir, "cert.pem")
		}
		i.Glibc = later(i.Glibc, glibcOf(t.nodes[p].elf))
	}
	sort.Strings(i.Needed)
	return nil
}

func machineName(m elf.Machine) string {
	for name, known := range machines {
		if known.machine == m {
			return name
		}
	}
	return m.String()
}

// brought are the names under which libraries of the archive are found or, once loaded, known.
func (t *tree) brought() map[string]bool {
	names := map[string]bool{}
	for p, n := range t.nodes {
		switch n.kind {
		case tar.TypeReg:
			if n.elf != nil && n.elf.Type == elf.ET_DYN {
				names[path.Base(p)] = true
				names[n.elf.Soname] = true
			}
		case tar.TypeSymlink, tar.TypeLink:
			if _, to, _ := t.resolve(p); to != nil && to.elf != nil && to.elf.Type == elf.ET_DYN {
				names[path.Base(p)] = true
			}
		}
	}
	return names
}

// neededPath checks a library that is named by its path, which python-build-standalone does for libpython
// ("$ORIGIN/../lib/…").
func (t *tree) neededPath(p, name string) error {
	for _, origin := range []string{"$ORIGIN", "${ORIGIN}"} {
		if rest, ok := strings.CutPrefix(name, origin+"/"); ok {
			if _, n, err := t.resolve(path.Dir(p) + "/" + rest); err == nil && n != nil && n.elf != nil {
				return nil
			}
		}
	}
	return diag.New(diag.Failure, "%s of the interpreter archive needs %s, which the archive does not bring", p, name)
}

// glibcOf is the version of glibc that has the interfaces a file wants. GLIBC_ABI_DT_RELR says that the linker must
// know packed relocations, which it does since 2.36.
func glibcOf(f *elffile.File) string {
	highest := ""
	for _, v := range f.Versions {
		for _, name := range v.Names {
			number, ok := strings.CutPrefix(name, "GLIBC_")
			switch {
			case !ok:
			case number == "ABI_DT_RELR":
				highest = later(highest, "2.36")
			case number != "" && number[0] >= '0' && number[0] <= '9':
				highest = later(highest, number)
			}
		}
	}
	return highest
}

// later is the later of two versions of dotted numbers; "" is before all.
func later(a, b string) string {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for k := 0; k < max(len(x), len(y)); k++ {
		if m, n := part(x, k), part(y, k); m != n {
			if m > n {
				return a
			}
			return b
		}
	}
	return a
}

func part(list []string, k int) int {
	if k >= len(list) {
		return -1
	}
	n, err := strconv.Atoi(list[k])
	if err != nil {
		return -1
	}
	return n
}
