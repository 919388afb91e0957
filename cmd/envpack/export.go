package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
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
  envpack export pylock -o pylock.toml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return diag.New(diag.Usage, "export takes the format: pylock")
			}
			return diag.New(diag.Usage, "no export to %q", args[0]).
				Hint("there is pylock, the standard format that uv and pip read: envpack export pylock -o pylock.toml")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newExportPylock(s))
	return cmd
}

func newExportPylock(s *session) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "pylock [DIR]",
		Short: "Write the Python packages of the lock as pylock.toml (PEP 751)",
		Example: `  envpack export pylock -o pylock.toml
  uv pip sync pylock.toml`,
		Args: atMostOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.exportPylock(cmd.Context(), dirOf(args), output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "the file to write (default: standard output)")
	return cmd
}

func (s *session) exportPylock(ctx context.Context, dir, output string) error {
	m, err := manifest.Load(dir)
	if err != nil {
		return err
	}
	lock, err := readLock(m, filepath.Join(m.Dir, lockfile.Name))
	if err != nil {
		return err
	}
	st, err := s.openStore()
	if err != nil {
		return err
	}
	b := &building{session: s, m: m, lock: lock}
	sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes, Codename: lock.Base.Codename}, b.supplyOptions(), fetching)
	if err != nil {
		return err
	}
	text, err := pylock.Export(lock, func(p lockfile.Package, f lockfile.File) (string, error) {
		address, err := sup.WheelURL(ctx, p, f)
		if path, ok := index.LocalPath(address); ok && err == nil {
			return beside(path, output)
		}
		return address, err
	})
	if err != nil {
		return diag.Wrap(err, 0, "exporting the lock")
	}
	s.close()
	if output == "" {
		_, err = s.stdout.Write(text)
		return err
	}
	return writeWhole(output, text, "lock-version = ")
}

// beside is a file of this machine as seen from the folder of what is written, or from where the command runs.
func beside(path, output string) (string, error) {
	from, err := filepath.Abs(filepath.Dir(output))
	if err != nil {
		return "", err
	}
	if near, err := filepath.Rel(from, path); err == nil {
		path = near
	}
	return filepath.ToSlash(path), nil
}
