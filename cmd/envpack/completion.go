package main

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

const completionExample = `  source <(envpack completion bash)
  envpack completion zsh > "${fpath[1]}/_envpack"
  envpack completion fish > ~/.config/fish/completions/envpack.fish
  envpack completion powershell | Out-String | Invoke-Expression`

const completionLong = `Prints the script that lets a shell complete commands, flags and values.

The one for bash needs the package bash-completion, which distributions have under that name: without it
completing fails with "_get_comp_words_by_ref: command not found". The one for zsh needs compinit.`

func newCompletion(s *session) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:                   "completion SHELL",
		Short:                 "Print the completion script for bash, zsh, fish or powershell",
		Long:                  completionLong,
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
			return diag.New(diag.Usage, "no completion for %q", args[0]).Hint("there is %s", list(shells))
		},
	}
}

type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeFlag says how a flag's values are completed.
func completeFlag(cmd *cobra.Command, flag string, with completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // the command has no such flag
	}
}

// completePlatform knows the platforms that a manifest may list.
func completePlatform(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"linux/amd64", "linux/arm64"}, cobra.ShellCompDirectiveNoFileComp
}

// completeOutput completes the form of an output, then the path. Shells cannot do the second half by
// themselves, since the path is not the whole word.
func completeOutput(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	form, begun, ok := strings.Cut(word, ":")
	if !ok {
		var forms []string
		for _, f := range []publish.Form{publish.Layout, publish.LayoutArchive, publish.DockerArchive} {
			if strings.HasPrefix(string(f), word) {
				forms = append(forms, string(f)+":")
			}
		}
		return forms, directive
	}
	folder, name := path.Split(filepath.ToSlash(begun))
	entries, err := os.ReadDir(cmp.Or(filepath.FromSlash(folder), "."))
	if err != nil {
		return nil, directive
	}
	var found []string
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(name, ".")
		if !strings.HasPrefix(e.Name(), name) || hidden {
			continue
		}
		switch {
		case e.IsDir():
			found = append(found, form+":"+folder+e.Name()+"/")
		case form != string(publish.Layout):
			found = append(found, form+":"+folder+e.Name())
		}
	}
	return found, directive
}

// completePackage knows the packages of the lock, be it up to date or not.
func completePackage(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	return packagesOf(cmd, dirOf(args), word)
}

// completePackageOf is the same for commands whose arguments are packages of the project in a folder.
func completePackageOf(dir *string) completer {
	return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return packagesOf(cmd, *dir, word)
	}
}

func packagesOf(cmd *cobra.Command, dir, word string) ([]string, cobra.ShellCompDirective) {
	var f lockFlags
	f.file, _ = cmd.Flags().GetString("lock")
	file := f.path(dir)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	lock, err := lockfile.ParseLoose(file, data)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, p := range lock.Packages {
		if strings.HasPrefix(p.Name, word) {
			names = append(names, p.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
