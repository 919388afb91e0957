package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// fileURL is the address of an absolute path (RFC 8089).
func fileURL(path string) *url.URL {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive's letter comes first
	}
	return &url.URL{Scheme: "file", Path: path}
}

// LocalURL is the address of an absolute path of this machine.
func LocalURL(path string) string { return fileURL(path).String() }

// LocalPath is the path of a file of this machine that a file's address names; ok is false for other addresses.
func LocalPath(address string) (path string, ok bool) {
	if !strings.HasPrefix(address, "file:") {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return "", false
	}
	path = filepath.FromSlash(u.Path)
	if trimmed := strings.TrimPrefix(path, string(filepath.Separator)); filepath.VolumeName(trimmed) != "" {
		path = trimmed
	}
	return path, true
}

// localPage reads a flat index of this machine: a page, or a folder's own files.
func (x *Index) localPage() (*page, error) {
	info, err := os.Stat(x.o.Path)
	if err != nil {
		return nil, x.notReadable(err)
	}
	if info.IsDir() {
		return x.listed(x.o.Path, "")
	}
	return x.localFile(x.o.Path, "")
}

// pageFiles are the names that pages of projects have in local copies of an index, the best first.
var pageFiles = []string{"index.v1_json", "index.json", "index.html", "index.v1_html"}

// folder is a project's page in a local copy of a simple index, NAME/index.html: nil if there is no folder of any
// spelling of the name. A folder without a page stands for the files in it.
func (x *Index) folder(name string) (*page, error) {
	entries, err := os.ReadDir(x.o.Path)
	if err != nil {
		return nil, x.notReadable(err)
	}
	var all *page
	for _, e := range entries {
		if pep508.NormalizeName(e.Name()) != name {
			continue
		}
		dir := filepath.Join(x.o.Path, e.Name())
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		p, err := x.projectFolder(dir, name)
		if err != nil {
			return nil, err
		}
		if all != nil { // two spellings of one name, which a web server would keep apart
			if p.files, err = joined(name, all.files, p.files); err != nil {
				return nil, err
			}
		}
		all = p
	}
	return all, nil
}

// joined are the files of both.
func joined(project string, a, b Files) (Files, error) {
	list, err := a.List()
	if err != nil {
		return Files{}, err
	}
	more, err := b.List()
	return FilesOf(project, append(list, more...)...), err
}

func (x *Index) projectFolder(dir, name string) (*page, error) {
	for _, page := range pageFiles {
		if file := filepath.Join(dir, page); isFile(file) {
			return x.localFile(file, name)
		}
	}
	return x.listed(dir, name)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// listed is the page of a folder's files, of one project or of any ("").
func (x *Index) listed(dir, project string) (*page, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, x.notReadable(err)
	}
	files := packer{project: project}
	for _, e := range entries {
		if !isArchive(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return nil, x.notReadable(err)
		}
		if info.Mode().IsRegular() {
			files.add(&File{Filename: e.Name(), URL: fileURL(path).String(), Size: info.Size()})
		}
	}
	return &page{files: files.files()}, nil
}

// localFile reads a page, JSON or HTML by what it begins with.
func (x *Index) localFile(file, name string) (*page, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, x.notReadable(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, pageLimit+1))
	if err != nil {
		return nil, x.notReadable(err)
	}
	if len(raw) > pageLimit {
		return nil, x.unreadable(fmt.Errorf("larger than %d bytes", pageLimit), name, file)
	}
	parse := parseHTML
	if bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n\ufeff"), []byte("{")) {
		parse = parseJSON
	}
	p, err := parse(raw, fileURL(file), name)
	if err != nil {
		return nil, x.unreadable(err, name, file)
	}
	return p, nil
}

// notReadable is the error of a folder or page that is not there, or cannot be read.
func (x *Index) notReadable(err error) error {
	e := diag.Wrap(err, diag.Manifest, "index %s", x.o.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isThere(x.o.Path):
		return diag.New(diag.Manifest, "index %s: %s does not exist", x.o.Name, x.o.Path).
			Hint("path is relative to the project's folder")
	case !x.o.Flat && isFile(x.o.Path):
		return diag.New(diag.Manifest, "index %s: %s is a file, and a simple index is a folder with one for each package", x.o.Name, x.o.Path).
			Hint(`format = "flat" is for one page with links to all files`)
	}
	return e
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openLocal opens a file of a local index. Errors, of code Fetch: it is not there, or no regular file.
func (x *Index) openLocal(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		err = fmt.Errorf("%s is not a regular file", path)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, 0, diag.Wrap(err, diag.Fetch, "index %s", x.o.Name)
	}
	return f, info.Size(), nil
}
