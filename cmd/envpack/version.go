package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/lockfile"
)

func newVersion(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the formats that this envpack writes",
		Example: `  envpack version
  envpack version --json | jq -r .version`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return s.version() },
	}
}

func (s *session) version() error {
	v := struct {
		Version string   `json:"version"`
		Go      string   `json:"go"`
		Lock    int      `json:"lock_format"`
		Layers  []string `json:"layer_formats"`
	}{buildVersion(), runtime.Version(), lockfile.Format, imagegen.Formats()}
	if s.json {
		return s.printJSON(v)
	}
	_, err := fmt.Fprintf(s.stdout, "envpack %s (%s)\nlock format %d\nlayer formats %s\n", v.Version, v.Go, v.Lock, list(v.Layers))
	return err
}

// buildVersion is the module's version as the Go toolchain recorded it.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
