package main

import (
	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
)

const completionExample = `  source <(envpack completion bash)
  envpack completion zsh > "${fpath[1]}/_envpack"
  envpack completion fish > ~/.config/fish/completions/envpack.fish`

func newCompletion(s *session) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:                   "completion SHELL",
		Short:                 "Print the completion script for bash, zsh, fish or powershell",
		Example:               completionExample,
		ValidArgs:             shells,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return diag.New(diag.Usage, "completion takes the shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(s.stdout, true)
			case "zsh":
				return root.GenZshCompletion(s.stdout)
			case "fish":
				return root.GenFishCompletion(s.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(s.stdout)
			}
			return diag.New(diag.Usage, "no completion for %q: there is bash, zsh, fish and powershell", args[0])
		},
	}
}
