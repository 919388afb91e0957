package main

import (
	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
)

func newInspect(s *session) *cobra.Command {
	return &cobra.Command{
		Use:  "inspect IMAGE",
		RunE: func(*cobra.Command, []string) error { return diag.New(diag.Usage, "soon") },
	}
}
