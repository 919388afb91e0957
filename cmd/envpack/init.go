package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/templates"
)

const initLong = `Writes envpack.toml, a commented manifest to start from. A requirements.txt that is there is read
by it. Where a pyproject.toml names the project, the lines to add there are printed instead.`

const initExample = `  envpack init                      # in the project's folder
  envpack init --template torch     # PyTorch on NVIDIA GPUs
  envpack init --python 3.11 demo`

type initOptions struct {
	template string
	python   string
	force    bool
}

func newInit(s *session) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:     "init [DIR]",
		Short:   "Write a commented starter manifest",
		Long:    initLong,
		Example: initExample,
		Args:    atMostOneDir,
		RunE:    func(cmd *cobra.Command, args []string) error { return s.init(dirOf(cmd, args), o) },
	}
	names := templates.Names()
	cmd.Flags().StringVar(&o.template, "template", names[0], "the `NAME` of what to start from: "+list(names))
	completeFlag(cmd, "template", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&o.python, "python", "", "the Python `VERSION`")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace a manifest that is there")
	return cmd
}

var pythonForm = pattern.New(`^3\.[0-9]{1,2}(\.[0-9]{1,2})?$`)

var notInName = pattern.New(`[^A-Za-z0-9._-]+`)

func (s *session) init(dir string, o initOptions) error {
	if o.python != "" && !pythonForm().MatchString(o.python) {
		return diag.New(diag.Usage, "--python %q is no version of Python 3", o.python).
			Hint("as in 3.11 or 3.11.2; a range such as \">=3.10\" can be written into the manifest afterwards")
	}
	if !slices.Contains(templates.Names(), o.template) {
		return diag.New(diag.Usage, "no template %q", o.template).Hint("there is %s", list(templates.Names()))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "finding the project's folder")
	}
	data := templates.Data{Name: strings.Trim(notInName().ReplaceAllString(filepath.Base(abs), "-"), ".-_"), Python: o.python}
	if data.Name == "" {
		data.Name = "project"
	}
	own, py := filepath.Join(dir, manifest.FileName), filepath.Join(dir, manifest.PyProject)
	if exists(own) && !o.force {
		return diag.New(diag.Usage, "%s is there already", own).Hint("--force replaces it")
	}
	p, err := readProject(py)
	if err != nil {
		return err
	}
	if p.own {
		return diag.New(diag.Usage, "%s has [tool.envpack] already", py).Hint("edit it there; `envpack lock` tells whether it is right")
	}
	s.warnPython(o.python)
	s.warnForeign(dir, p)
	s.tellLocks(dir)
	if p.name != "" {
		return s.initPyProject(py, data, p, o)
	}
	if exists(filepath.Join(dir, "requirements.txt")) {
		data.Requirements = []string{"requirements.txt"}
	}
	text, err := templates.Render(o.template, data)
	if err != nil {
		return diag.Wrap(err, diag.Usage, "")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return diag.Wrap(err, diag.Failure, "making the project's folder")
	}
	if err := writeWhole(own, text, ""); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(initResult{Manifest: own, Name: data.Name, Template: o.template, Requirements: data.Requirements})
	}
	s.ui().Printf("wrote %s; `envpack build %s -o oci-archive:%s.tar` makes the image", own, shellWord(dir), data.Name)
	return nil
}

// initResult is what init prints with --json.
type initResult struct {
	Manifest     string   `json:"manifest,omitempty"` // that was written
	AddTo        string   `json:"add_to,omitempty"`   // the file to which lines are to be added
	Lines        string   `json:"lines,omitempty"`
	Name         string   `json:"name"`
	Template     string   `json:"template"`
	Requirements []string `json:"requirements,omitempty"`
}

// initPyProject prints what to add to a pyproject.toml that names the project.
func (s *session) initPyProject(py string, data templates.Data, p described, o initOptions) error {
	data.Name = p.name
	if data.Python == "" && !p.python {
		data.Python = templates.DefaultPython // nothing else would say it
	}
	text, err := templates.Render(templates.PyProject, data)
	if err != nil {
		return diag.Wrap(err, diag.Usage, "")
	}
	if o.template != templates.Default {
		s.ui().Warn("--template %s is not used: what it is about stands in [project] of %s", o.template, py)
	}
	if s.json {
		return s.printJSON(initResult{AddTo: py, Lines: string(text), Name: p.name, Template: templates.PyProject})
	}
	s.ui().Printf("%s describes the project; add these lines to it:", py)
	s.close()
	_, err = s.stdout.Write(text)
	return err
}

// warnPython warns of a Python that no lock can have, unless the manifest names where it is.
func (s *session) warnPython(version string) {
	if version == "" {
		return
	}
	minor := strings.Join(strings.SplitN(version, ".", 3)[:2], ".")
	known := resolver.Pythons("linux/amd64")
	if !slices.Contains(known, minor) {
		s.ui().Warn("no distribution or archive that envpack knows has Python %s; there is %s", version, list(known))
	}
}

// warnForeign warns of files that describe a project's packages in a form that is not read.
func (s *session) warnForeign(dir string, p described) {
	names := []string{"environment.yml", "environment.yaml", "conda.yml", "conda.yaml", "Pipfile", "pixi.toml"}
	if p.name == "" { // else these only build what [project] describes
		names = append(names, "setup.py", "setup.cfg")
	}
	var found []string
	for _, name := range names {
		if exists(filepath.Join(dir, name)) {
			found = append(found, name)
		}
	}
	if p.poetry && p.name == "" {
		found = append(found, manifest.PyProject)
	}
	if len(found) == 0 {
		return
	}
	is := "is"
	if len(found) > 1 {
		is = "are"
	}
	first := filepath.Join(dir, found[0])
	output := filepath.Join(dir, manifest.FileName)
	s.ui().Warn("%s %s not read by this manifest; `envpack import --force -o %s %s` writes one from there", list(found), is, shellWord(output), shellWord(first))
}

// tellLocks tells how the first lock can go on with the versions of another tool's.
func (s *session) tellLocks(dir string) {
	for _, name := range []string{"pylock.toml", "uv.lock", "poetry.lock", "pdm.lock"} {
		file := filepath.Join(dir, name)
		if !exists(file) {
			continue
		}
		switch name {
		case "pylock.toml":
			s.ui().Printf("%s is there: `envpack lock --prefer pylock.toml` takes its versions over", file)
		case "uv.lock":
			s.ui().Printf("%s is there: `uv export --format pylock.toml -o pylock.toml` and then `envpack lock --prefer pylock.toml` take its versions over, and `envpack import` demands them", file)
		default:
			s.ui().Printf("%s is there: `envpack import` demands its versions", file)
		}
		return
	}
}

// plainWord needs no quotes in any shell.
var plainWord = pattern.New(`^[A-Za-z0-9_+=:,./\\-]+$`)

// shellWord is a path as a word of a command line.
func shellWord(path string) string {
	switch {
	case plainWord().MatchString(path) && (runtime.GOOS == "windows" || !strings.Contains(path, `\`)):
		return path
	case runtime.GOOS == "windows":
		return `"` + path + `"` // no name has one in it
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// described is what a pyproject.toml says of a project; zero if there is none.
type described struct {
	name   string // "" without [project]
	python bool   // it says which Pythons would do
	own    bool   // it has envpack's table
	poetry bool   // it has Poetry's
}

func readProject(path string) (described, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return described{}, nil
	}
	root, err := manifest.ReadTOML(path)
	if err != nil {
		return described{}, err
	}
	standard, _ := root["project"].(map[string]any)
	tool, _ := root["tool"].(map[string]any)
	var p described
	p.name, _ = standard["name"].(string)
	requires, _ := standard["requires-python"].(string)
	p.python = requires != ""
	_, p.own = tool["envpack"]
	_, p.poetry = tool["poetry"]
	return p, nil
}
