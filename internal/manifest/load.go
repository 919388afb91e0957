package manifest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/internal/tomltext"
)

// Load reads the manifest of a project, with a selection of dependency groups. path is the project's folder, which must have
// envpack.toml or a pyproject.toml with [tool.envpack], or one of these files by any name.
func Load(path string, s Selection) (*Manifest, error) {
	file, err := find(path)
	if err != nil {
		return nil, err
	}
	data, err := readText(file)
	if err != nil {
		return nil, err
	}
	return parseBeside(file, data, nil, s)
}

// Parse reads the text of a manifest that is to be written to a file; what it names is looked for from that file's folder.
func Parse(file, text string) (*Manifest, error) { return parseBeside(file, text, nil, Selection{}) }

// find chooses the file to read.
func find(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", missing(path, err)
	}
	if !info.IsDir() {
		return path, nil
	}
	own, py := filepath.Join(path, FileName), filepath.Join(path, PyProject)
	hasOwn, hasPy := exists(own), false
	if exists(py) {
		data, err := readText(py)
		if err != nil {
			return "", err
		}
		var head struct {
			Tool map[string]toml.Primitive `toml:"tool"`
		}
		if _, err := toml.Decode(data, &head); err == nil {
			_, hasPy = head.Tool["envpack"]
		} else if !hasOwn {
			return py, nil // parsing it again tells what is wrong and where
		}
	}
	switch {
	case hasOwn && hasPy:
		return "", diag.New(diag.Manifest, "%s has both %s and [tool.envpack] in %s", path, FileName, PyProject).
			Hint("keep one of them")
	case hasOwn:
		return own, nil
	case hasPy:
		return py, nil
	}
	e := diag.Wrap(noManifest{path}, diag.Manifest, "")
	if root, err := ReadTOML(py); err == nil && isNamed(root) {
		return "", e.Hint(initPrints, py)
	}
	return "", e.Hint("`envpack init` writes a manifest to start from")
}

// initPrints is what init does where a pyproject.toml names the project.
const initPrints = "`envpack init` prints the lines to add to %s"

// isNamed tells whether a pyproject.toml names the project.
func isNamed(root map[string]any) bool {
	project, _ := root["project"].(map[string]any)
	name, _ := project["name"].(string)
	return name != ""
}

func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return diag.Wrap(notThere{path}, diag.Manifest, "")
	}
	return diag.Wrap(err, diag.Manifest, "reading %s", path)
}

// notThere is the error of a file or folder that does not exist. It is an fs.ErrNotExist.
type notThere struct{ path string }

func (e notThere) Error() string { return e.path + " does not exist" }

func (notThere) Is(target error) bool { return target == fs.ErrNotExist }

// noManifest is the error of a folder without a manifest. It is an fs.ErrNotExist.
type noManifest struct{ path string }

func (e noManifest) Error() string {
	return e.path + " has neither " + FileName + " nor [tool.envpack] in " + PyProject
}

func (noManifest) Is(target error) bool { return target == fs.ErrNotExist }

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// maxText bounds manifests and requirements files.
const maxText = 8 << 20

func readText(file string) (string, error) {
	data, err := readBytes(file)
	if err != nil {
		return "", err
	}
	return reqfile.DecodeText(file, data)
}

func readBytes(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, missing(file, err)
	}
	if !info.Mode().IsRegular() {
		return nil, diag.New(diag.Manifest, "%s is not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, missing(file, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return nil, missing(file, err)
	}
	if len(data) > maxText {
		return nil, diag.New(diag.Manifest, "%s has more bytes than a text of this kind can have", file)
	}
	return data, nil
}

// parseBeside reads the text of a manifest. sibling is that of the file beside it that has the dependency groups, if it is another one
// than on the disk; it may be nil.
func parseBeside(file, text string, sibling *string, selected Selection) (*Manifest, error) {
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		return nil, syntax(file, text, err)
	}
	d := &document{positions: findPositions(file, text), root: root, sibling: sibling}
	m := &Manifest{File: file, Dir: filepath.Dir(file), Selection: selected}
	var err error
	if filepath.Base(file) == PyProject {
		err = d.pyproject(m, root)
	} else if err = d.check(); err == nil {
		err = d.read(m)
	}
	if err != nil {
		return nil, err
	}
	m.Selection = d.settle(selected)
	if d.others != nil {
		if err := d.others.heed(m, d); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// ReadTOML reads a TOML file. Errors, of code Manifest: there is none, it is no UTF-8, or no TOML, with the place.
func ReadTOML(file string) (map[string]any, error) {
	text, err := readText(file)
	if err != nil {
		return nil, err
	}
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		return nil, syntax(file, text, err)
	}
	return root, nil
}

// conflict is the error of a line that a merge left; nil if the line is none.
func conflict(line string, at diag.Position) *diag.Error {
	for _, sign := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
		if rest, ok := strings.CutPrefix(line, sign); ok && (rest == "" || rest[0] == ' ') {
			return diag.New(diag.Manifest, "conflict markers that a merge left").At(at).
				Hint("settle them in an editor; conflicts of the lock are `envpack lock`'s to settle, after that")
		}
	}
	return nil
}

// syntax gives the decoder's error a place and a caret.
func syntax(file, text string, err error) error {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if e := conflict(line, diag.Position{File: file, Line: i + 1, Col: 1, Width: utf8.RuneCountInString(line), Source: line}); e != nil {
			return e
		}
	}
	var p toml.ParseError
	if !errors.As(err, &p) {
		return diag.Wrap(err, diag.Manifest, "").At(diag.Position{File: file})
	}
	// The decoder's line and column disagree at the ends of lines; its offset is right.
	lines := tomltext.Lines(file, text)
	from := min(max(p.Position.Start, 0), len(text))
	pos := lines.At(from, from+max(p.Position.Len, 1))
	what := p.Message
	if what == "" {
		what = p.Error()
	}
	what = strings.Replace(strings.TrimSuffix(what, "."), "Key '", "key '", 1)
	return diag.New(diag.Manifest, "not TOML: %s", what).At(pos)
}
