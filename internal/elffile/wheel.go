package elffile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/wheelfile"
)

// WheelFormat numbers the form and meaning of [Encode]'s result; it belongs into the key of what is remembered.
const WheelFormat = 6

// Object is an ELF file of a wheel.
type Object struct {
	Path    string `json:"path"` // as in the archive
	Machine uint16 `json:"machine,omitempty"`
	Class   uint8  `json:"class,omitempty"` // 1 is 32-bit, 2 is 64-bit
	Type    uint16 `json:"type,omitempty"`  // 2 is a program, 3 a library or a program that can stand anywhere

	Interpreter string     `json:"interpreter,omitempty"`
	Soname      string     `json:"soname,omitempty"`
	Needed      []string   `json:"needed,omitempty"`
	Rpath       string     `json:"rpath,omitempty"`
	Runpath     string     `json:"runpath,omitempty"`
	Versions    []Versions `json:"versions,omitempty"`

	CUDA      *fatbin.Summary `json:"cuda,omitempty"`
	CUDAFault string          `json:"cudaFault,omitempty"` // why CUDA is not known although there is some

	// Fault says why nothing but the path is known: the file begins as ELF and is malformed. Wheels of tools
	// that handle ELF files have such ones for their tests.
	Fault string `json:"fault,omitempty"`
}

// ReadWheel reads all ELF files of a wheel, in the order of its directory, as many at a time as there are
// processors. A member counts by its content, not by its name; those whose name has the ending of a text that
// Python, compilers or people read are not looked at. CRCs are not checked, since the rest of a member is mostly not
// needed: the wheel's hash is what is trusted.
//
// Errors: [*wheelfile.Error] where a member cannot be inflated, ctx's.
func ReadWheel(ctx context.Context, d *wheelfile.Directory) ([]Object, error) {
	found := make([]*Object, len(d.Entries))
	group, reading := errgroup.WithContext(ctx)
	d = d.Within(reading)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, e := range d.Entries {
		if reading.Err() != nil {
			break
		}
		if e.IsDir || e.Size < 52 || texts[path.Ext(e.Name)] {
			continue
		}
		group.Go(func() (err error) {
			found[i], err = readObject(reading, d, e)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []Object
	for _, o := range found {
		if o != nil {
			all = append(all, *o)
		}
	}
	return all, nil
}

// readObject reads a member; nil: it is no ELF file.
func readObject(ctx context.Context, d *wheelfile.Directory, e wheelfile.Entry) (*Object, error) {
	content, err := d.Content(e)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	f, err := ReadCUDA(content, e.Size)
	switch broken := (*wheelfile.Error)(nil); {
	case errors.Is(err, ErrNotELF):
		return nil, nil
	case errors.As(err, &broken) || ctx.Err() != nil:
		return nil, err
	case err != nil:
		return &Object{Path: e.Name, Fault: err.Error()}, nil
	}
	return f.Object(e.Name), nil
}

// Object is what is known of the file, at a path.
func (f *File) Object(path string) *Object {
	return &Object{
		Path: path, Machine: uint16(f.Machine), Class: uint8(f.Class), Type: uint16(f.Type),
		Interpreter: f.Interpreter, Soname: f.Soname, Needed: f.Needed, Rpath: f.Rpath, Runpath: f.Runpath,
		Versions: f.Versions, CUDA: f.CUDA, CUDAFault: f.CUDAFault,
	}
}

// texts are endings of files that no linker is ever given.
var texts = map[string]bool{
	".py": true, ".pyi": true, ".pyc": true, ".pyx": true, ".pxd": true, ".pxi": true, ".txt": true, ".md": true, ".rst": true,
	".h": true, ".hh": true, ".hpp": true, ".hxx": true, ".cuh": true, ".inc": true, ".c": true, ".cc": true, ".cpp": true, ".cu": true,
	".json": true, ".toml": true, ".yaml": true, ".yml": true, ".xml": true, ".cfg": true, ".ini": true, ".cmake": true, ".pc": true,
	".html": true, ".js": true, ".mjs": true, ".css": true, ".map": true, ".svg": true, ".png": true, ".jpg": true, ".gif": true,
	".ttf": true, ".woff": true, ".woff2": true, ".qml": true, ".qmltypes": true, ".csv": true, ".jinja": true, ".typed": true,
	".dll": true, ".pyd": true, ".exe": true, ".lib": true,
}

// Encode is a compact form of a wheel's objects, the same for the same ones, to be remembered.
func Encode(all []Object) ([]byte, error) {
	if all == nil {
		all = []Object{}
	}
	return json.Marshal(all)
}

// Decode is Encode's inverse.
func Decode(data []byte) ([]Object, error) {
	var all []Object
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("reading remembered ELF facts: %w", err)
	}
	return all, nil
}
