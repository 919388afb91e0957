package smoke

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep508"
)

// Modules is which modules of an installed package are to be imported.
type Modules struct {
	Package string   // normalised
	Version string   // as the name of its folder has it
	Names   []string // sorted; none: it has none
	From    string   // what says so: "Import-Name", "top_level.txt" or "RECORD"
	Passed  []string // what it has besides, and nobody who depends on it imports: tests, and modules that are private
}

const (
	maxMetadata = 16 << 20 // bytes that are read of a file of metadata
	// mostNames bounds what is imported of one package: a distribution of plug-ins can have hundreds of modules.
	mostNames = 12
)

// Installed finds what packages, by normalised names, have to be imported: site is the folder that they are installed in. Errors:
// a package that is not there; metadata that cannot be read.
func Installed(site fs.FS, packages []string) ([]Modules, error) {
	entries, err := fs.ReadDir(site, ".")
	if err != nil {
		return nil, fmt.Errorf("looking for installed packages: %w", err)
	}
	folders := map[string]string{}
	for _, e := range entries {
		if stem, ok := strings.CutSuffix(e.Name(), ".dist-info"); ok && e.IsDir() {
			name, _, _ := strings.Cut(stem, "-")
			folders[pep508.NormalizeName(name)] = e.Name()
		}
	}
	var list []Modules
	for _, name := range packages {
		folder, ok := folders[name]
		if !ok {
			return nil, fmt.Errorf("%s is not among the installed packages", name)
		}
		m, err := modulesOf(site, folder)
		if err != nil {
			return nil, fmt.Errorf("which modules %s has: %w", name, err)
		}
		m.Package = name
		list = append(list, m)
	}
	return list, nil
}

func modulesOf(site fs.FS, folder string) (m Modules, err error) {
	stem := strings.TrimSuffix(folder, ".dist-info")
	_, m.Version, _ = strings.Cut(stem, "-")
	metadata, err := readFile(site, path.Join(folder, "METADATA"))
	if err != nil {
		return m, err
	}
	if names, stated := importNames(metadata); stated {
		m.Names, m.From = names, "Import-Name"
		return m, nil
	}
	record, err := readFile(site, path.Join(folder, "RECORD"))
	if err != nil {
		return m, err
	}
	files, err := filesOf(record)
	if err != nil {
		return m, err
	}
	all := importable("", files, 0)
	m.From = "RECORD"
	top, err := readFile(site, path.Join(folder, "top_level.txt"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if stated := strings.Fields(top); len(stated) > 0 {
		// It may name what is not there any more, and a namespace's name is that of others too.
		kept := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
			first, _, _ := strings.Cut(name, ".")
			return !slices.Contains(stated, first)
		})
		if len(kept) > 0 {
			all, m.From = kept, "top_level.txt"
		}
	}
	m.Names, m.Passed = chosen(all)
	return m, nil
}

func readFile(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMetadata+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxMetadata {
		return "", fmt.Errorf("%s has more than %d bytes", name, maxMetadata)
	}
	return string(data), nil
}

// importNames are what metadata from version 2.5 on states (PEP 794): names that are private are not for others. An empty field
// says that there is nothing to import.
func importNames(metadata string) (names []string, stated bool) {
	for line := range strings.Lines(metadata) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break // the description follows
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(key), "Import-Name") {
			continue
		}
		stated = true
		name, how, _ := strings.Cut(value, ";")
		if name = strings.TrimSpace(name); isModule(name) && strings.TrimSpace(how) != "private" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, stated
}

// filesOf are the paths of a RECORD in the folder of packages.
func filesOf(record string) ([]string, error) {
	r := csv.NewReader(strings.NewReader(record))
	r.FieldsPerRecord = -1
	var files []string
	for {
		row, err := r.Read()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("RECORD: %w", err)
		}
		if p := row[0]; fs.ValidPath(p) {
			files = append(files, p)
		}
	}
}

// importable are the modules that files make: those without a folder and packages; of a folder without __init__, a namespace
// package (PEP 420), what is in it. prefix is the namespace.
func importable(prefix string, files []string, depth int) []string {
	inside := map[string][]string{}
	found := map[string]bool{}
	packages := map[string]bool{}
	for _, f := range files {
		first, rest, below := strings.Cut(f, "/")
		switch {
		case !below:
			if name := moduleOf(first); name != "" && name != "__init__" && name != "__main__" {
				found[name] = true
			}
		case isIdentifier(first):
			inside[first] = append(inside[first], rest)
			if moduleOf(rest) == "__init__" {
				packages[first] = true
			}
		}
	}
	var names []string
	for name := range found {
		names = append(names, prefix+name)
	}
	for name, files := range inside {
		switch {
		case packages[name]:
			if !found[name] {
				names = append(names, prefix+name)
			}
		case depth < 5:
			names = append(names, importable(prefix+name+".", files, depth+1)...)
		}
	}
	slices.Sort(names)
	return names
}

// moduleOf is the name of the module that a file without a folder makes: x.py, x.so, x.abi3.so, x.cpython-311-x86_64-linux-gnu.so. "":
// it makes none, as libx.so, which is a library.
func moduleOf(file string) string {
	name, ok := strings.CutSuffix(file, ".py")
	if !ok {
		if name, ok = strings.CutSuffix(file, ".so"); !ok {
			return ""
		}
		stem, tag, tagged := strings.Cut(name, ".")
		if tagged && tag != "abi3" && !strings.HasPrefix(tag, "cpython-") || !tagged && strings.HasPrefix(name, "lib") {
			return ""
		}
		name = stem
	}
	if !isIdentifier(name) {
		return ""
	}
	return name
}

func isModule(name string) bool {
	return name != "" && !slices.ContainsFunc(strings.Split(name, "."), func(p string) bool { return !isIdentifier(p) })
}

// isIdentifier is stricter than Python, which takes letters of all scripts.
func isIdentifier(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// aside are names of what packages have beside what they are for. Many wheels have them at the top by mistake.
var aside = map[string]bool{
	"test": true, "tests": true, "testing": true, "doc": true, "docs": true, "example": true, "examples": true, "benchmark": true, "benchmarks": true,
	"sample": true, "samples": true, "script": true, "scripts": true, "tools": true, "setup": true, "conftest": true, "build": true, "dist": true,
}

// chosen are the modules that are for others. Where all seem not to be, all are.
func chosen(all []string) (names, passed []string) {
	for _, name := range all {
		first, _, _ := strings.Cut(name, ".")
		if aside[first] || strings.HasPrefix(name, "_") || strings.Contains(name, "._") {
			passed = append(passed, name)
		} else {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names, passed = passed, nil
	}
	if len(names) > mostNames {
		names, passed = names[:mostNames], append(passed, names[mostNames:]...)
	}
	return names, passed
}
