package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
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
		RunE:    func(_ *cobra.Command, args []string) error { return s.init(dirOf(args), o) },
	}
	names := templates.Names()
	cmd.Flags().StringVar(&o.template, "template", names[0], "what to start from: "+list(names))
	completeFlag(cmd, "template", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&o.python, "python", "", "the Python version")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace a manifest that is there")
	return cmd
}

var pythonForm = regexp.MustCompile(`^3\.[0-9]{1,2}(\.[0-9]{1,2})?$`)

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func (s *session) init(dir string, o initOptions) error {
	if o.python != "" && !pythonForm.MatchString(o.python) {
		return diag.New(diag.Usage, "--python %q: a version is wanted, as in 3.11", o.python)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return diag.Wrap(err, diag.Failure, "finding the project's folder")
	}
	data := templates.Data{Name: strings.Trim(notInName.ReplaceAllString(filepath.Base(abs), "-"), ".-_"), Python: o.python}
	if data.Name == "" {
		data.Name = "project"
	}
	own, py := filepath.Join(dir, manifest.FileName), filepath.Join(dir, manifest.PyProject)
	if exists(own) && !o.force {
		return diag.New(diag.Usage, "%s is there already", own).Hint("--force replaces it")
	}
	named, pinned, has, err := readProject(py)
	if err != nil {
		return err
	}
	if has {
		return diag.New(diag.Usage, "%s has [tool.envpack] already", py)
	}
	if named != "" {
		data.Name = named
		if data.Python == "" && !pinned {
			data.Python = templates.DefaultPython // nothing else would say it
		}
		text, err := templates.Render(templates.PyProject, data)
		if err != nil {
			return diag.Wrap(err, diag.Usage, "")
		}
		s.ui().Printf("%s describes the project; add these lines to it:", py)
		s.close()
		_, err = s.stdout.Write(text)
		return err
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
	if err := writeWhole(own, text); err != nil {
		return err
	}
	s.ui().Printf("wrote %s; `envpack build %s -o oci-archive:%s.tar` makes the image", own, dir, data.Name)
	return nil
}

// readProject is what a pyproject.toml calls the project, "" without one, whether requires-python
// says which Pythons would do, and whether it has envpack's table.
func readProject(path string) (name string, pinned, has bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, false, nil
	}
	if err != nil {
		return "", false, false, diag.Wrap(err, diag.Failure, "reading %s", path)
	}
	var head struct {
		Project struct {
			Name           string `toml:"name"`
			RequiresPython string `toml:"requires-python"`
		} `toml:"project"`
		Tool map[string]toml.Primitive `toml:"tool"`
	}
	if _, err := toml.Decode(string(text), &head); err != nil {
		return "", false, false, diag.Wrap(err, diag.Manifest, "%s", path)
	}
	_, has = head.Tool["envpack"]
	return head.Project.Name, head.Project.RequiresPython != "", has, nil
}
