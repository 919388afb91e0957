package main

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/lockfile/pylock"
	"github.com/envpack/envpack/resolver/index"
)

func newExport(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FORMAT",
		Short: "Write the lock in another tool's format",
		Example: `  envpack export pylock                    # print it
  envpack export pylock -o pylock.toml
  envpack export requirements -o locked.txt # for pip install -r`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return diag.New(diag.Usage, "export takes the format: pylock or requirements")
			}
			return diag.New(diag.Usage, "no export to %q", args[0]).
				Hint("there is pylock, the standard format that uv and pip read: envpack export pylock -o pylock.toml").
				Hint("there is requirements, for pip install -r: envpack export requirements -o locked.txt")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newExportPylock(s), newExportRequirements(s))
	return cmd
}

func newExportPylock(s *session) *cobra.Command {
	var output string
	var f lockFlags
	cmd := &cobra.Command{
		Use:   "pylock [DIR]",
		Short: "Write the Python packages of the lock as pylock.toml (PEP 751)",
		Long: `Writes every Python package of the lock as PEP 751 has it, with addresses, sizes and hashes of its
files, and with markers where platforms differ. Indexes may be asked for the addresses. The lock must be up
to date.`,
		Example: `  envpack export pylock -o pylock.toml
  uv pip sync pylock.toml`,
		Args: atMostOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.exportPylock(cmd.Context(), dirOf(cmd, args), output, f)
		},
	}
	f.addTo(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the `FILE` to write (default: standard output)")
	return cmd
}

func newExportRequirements(s *session) *cobra.Command {
	var output string
	var f lockFlags
	var o pylock.RequirementsOptions
	cmd := &cobra.Command{
		Use:   "requirements [DIR]",
		Short: "Write the Python packages of the lock as a requirements file for pip",
		Long: `Writes every Python package of the lock by exact version and hash, with markers where platforms
differ. Indexes of the manifest become options of the file; the default one is the installing machine's. The lock
must be up to date.`,
		Example: `  envpack export requirements -o locked.txt
  pip install --require-hashes --no-deps -r locked.txt`,
		Args: atMostOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.exportRequirements(dirOf(cmd, args), output, o, f)
		},
	}
	f.addTo(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the `FILE` to write (default: standard output)")
	cmd.Flags().BoolVar(&o.NoHashes, "no-hashes", false, "leave the hashes out, as for packages of a repository")
	return cmd
}

func (s *session) exportRequirements(dir, output string, o pylock.RequirementsOptions, f lockFlags) error {
	p, err := f.openCurrent(dir)
	if err != nil {
		return err
	}
	for _, i := range p.m.Indexes {
		if i.Default {
			o.DefaultIndex = i.Name
		}
	}
	o.Folder = func(path string) (string, error) {
		if filepath.IsAbs(path) {
			return path, nil
		}
		return beside(filepath.Join(p.m.Dir, path), output)
	}
	found, err := s.sources(sources.Options{Indexes: p.m.Indexes})
	if err != nil {
		return err
	}
	text, err := pylock.Requirements(addressed(p.lock, found), o)
	if err != nil {
		return diag.Wrap(err, 0, "exporting the lock")
	}
	if o.NoHashes && len(p.lock.Indexes) > 0 {
		s.ui().Warn("without hashes pip takes a package from whichever of the indexes has it, and anybody may have put it there")
	}
	return s.export(output, text, "# Made by `envpack export requirements`")
}

// export writes what was exported to the file, or to standard output. mark is in every such file.
func (s *session) export(output string, text []byte, mark string) error {
	s.close()
	if output != "" {
		if err := writeWhole(output, text, mark); err != nil || !s.json {
			return err
		}
		return s.printJSON(exported{Output: output})
	}
	if s.json {
		return s.printJSON(exported{Text: string(text)})
	}
	_, err := s.stdout.Write(text)
	return err
}

// exported is the result of an export for --json.
type exported struct {
	Output string `json:"output,omitempty"` // the file that was written
	Text   string `json:"text,omitempty"`   // what was exported, if to no file
}

func (s *session) exportPylock(ctx context.Context, dir, output string, f lockFlags) error {
	p, err := f.openCurrent(dir)
	if err != nil {
		return err
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	b := &building{session: s, m: p.m, lock: p.lock}
	sup, err := s.openSupply(st, sources.Options{Indexes: p.m.Indexes, Codename: p.lock.Base.Codename}, b.supplyOptions(), fetching)
	if err != nil {
		return err
	}
	text, err := pylock.Export(addressed(p.lock, sup.Sources), func(p lockfile.Package, f lockfile.File) (string, error) {
		address, err := sup.WheelURL(ctx, p, f)
		if path, ok := index.LocalPath(address); ok && err == nil {
			return beside(path, output)
		}
		if bare := diag.Strip(address); bare != address && err == nil {
			s.warnOnce("the index gives addresses of files that hold credentials, which are left out: whoever installs from the export needs credentials of their own")
			return bare, nil
		}
		return address, err
	})
	if err != nil {
		return diag.Wrap(err, 0, "exporting the lock")
	}
	if base := filepath.Base(output); output != "" && !pylockName().MatchString(base) {
		s.ui().Warn("%s is no name of such a file (PEP 751), and tools may not take it: they are called pylock.toml, or pylock.NAME.toml", base)
	}
	return s.export(output, text, "lock-version = ")
}

// addressed is the lock with the addresses of indexes that are known by name, which other tools do not know.
func addressed(l *lockfile.Lock, found *sources.Sources) *lockfile.Lock {
	out := *l
	out.Indexes = slices.Clone(l.Indexes)
	for i := range out.Indexes {
		if x := &out.Indexes[i]; x.Variant != "" {
			x.URL, x.Variant = found.Variant(x.Name, x.Variant), ""
		}
	}
	return &out
}

// pylockName is what files of the format are called (PEP 751, File Name).
var pylockName = pattern.New(`^pylock(\.[^.]+)?\.toml$`)

// beside is a file of this machine as seen from the folder of what is written, or from where the command runs.
func beside(path, output string) (string, error) {
	from, err := filepath.Abs(filepath.Dir(output))
	if err != nil {
		return "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	if near, err := filepath.Rel(from, path); err == nil {
		path = near
	}
	return filepath.ToSlash(path), nil
}
