// Package templates holds the manifests that `envpack init` starts a project with.
//
// Each loads as it is rendered; a test holds that. It writes no files and looks at no project.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
)

//go:embed *.toml.tmpl
var files embed.FS

// The templates.
const (
	Default   = "default"   // envpack.toml of any project
	Torch     = "torch"     // envpack.toml with PyTorch on NVIDIA GPUs
	PyProject = "pyproject" // the tables to add to a pyproject.toml
)

// Data is what a template is filled with.
type Data struct {
	Name         string   // of the project; letters, digits, and . _ - between them
	Python       string   // "3.11"; "" is that, and in a pyproject.toml what requires-python says
	Requirements []string // requirements files that exist, relative to the project
	Include      []string // the project's files that belong into the image; none: all that git tracks
	Command      []string // what the image runs; none: the line stays a comment
}

// DefaultPython is the version that a project starts with: the one of the default distribution.
const DefaultPython = "3.11"

// Names lists the templates of whole manifests, the default first.
func Names() []string { return []string{Default, Torch} }

// nameForm is a valid name of a project (PEP 508, Names).
var nameForm = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// Render fills the template of that name. Errors: there is no such template (the message names those
// that there are), or the project's name is none.
func Render(name string, data Data) ([]byte, error) {
	text, err := files.ReadFile(name + ".toml.tmpl")
	if err != nil {
		return nil, fmt.Errorf("no template %q: there is %s", name, strings.Join(append(Names(), PyProject), ", "))
	}
	if data.Python == "" && name != PyProject {
		data.Python = DefaultPython
	}
	if !nameForm().MatchString(data.Name) {
		return nil, fmt.Errorf("project name %q: letters, digits, and . _ - between them are wanted", data.Name)
	}
	t, err := template.New(name).Funcs(template.FuncMap{"string": lockfile.Quote, "list": list, "lower": strings.ToLower}).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return out.Bytes(), nil
}

func list(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = lockfile.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
