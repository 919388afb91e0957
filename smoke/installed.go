package smoke

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/envpack/envpack/resolver/pep508"
)

// Site is the folder of an image that its packages are installed in, as files that lead nowhere else. path is below root. The caller
// closes what it gets.
func Site(root, at string) (site fs.FS, closed func() error, err error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, nil, err
	}
	site, err = fs.Sub(r.FS(), strings.Trim(at, "/"))
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return site, r.Close, nil
}

// sourceLine is a line of a file of the image; "" where it has none.
func (t *Trial) sourceLine(file string, line int) string {
	r, err := os.OpenRoot(t.Root)
	if err != nil {
		return ""
	}
	defer r.Close()
	f, err := r.Open(strings.Trim(path.Clean(file), "/"))
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	lines := bufio.NewScanner(io.LimitReader(f, maxMetadata))
	for n := 1; lines.Scan(); n++ {
		if n == line {
			return lines.Text()
		}
	}
	return ""
}

// Owners knows which package a file or module was installed with.
type Owners struct {
	files map[string]string // package by path in the folder of packages
}

// NewOwners reads what the installed packages say they have.
func NewOwners(site fs.FS) (*Owners, error) {
	entries, err := fs.ReadDir(site, ".")
	if err != nil {
		return nil, err
	}
	o := &Owners{files: map[string]string{}}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), ".dist-info")
		if !ok || !e.IsDir() {
			continue
		}
		record, err := readFile(site, path.Join(e.Name(), "RECORD"))
		if err != nil {
			return nil, err
		}
		files, err := filesOf(record)
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(stem, "-")
		for _, f := range files {
			o.files[f] = pep508.NormalizeName(name)
		}
	}
	return o, nil
}

// OfFile is the package that has a file of the image; "" if none has it.
func (o *Owners) OfFile(file string) string {
	_, inside, ok := strings.Cut(file, "/site-packages/")
	if !ok {
		return ""
	}
	return o.files[inside]
}

// OfModule is the package that has a module, or the longest part of it that there is, with that part.
func (o *Owners) OfModule(module string) (pkg, part string) {
	for part = module; part != ""; {
		at := strings.ReplaceAll(part, ".", "/")
		for _, f := range []string{at + ".py", at + "/__init__.py"} {
			if pkg := o.files[f]; pkg != "" {
				return pkg, part
			}
		}
		for f, pkg := range o.files { // extension modules have many names
			if strings.HasPrefix(f, at+".") && moduleOf(path.Base(f)) == path.Base(at) {
				return pkg, part
			}
		}
		i := strings.LastIndexByte(part, '.')
		if i < 0 {
			break
		}
		part = part[:i]
	}
	return "", ""
}
