package main

import (
	"bytes"
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
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
				return diag.New(diag.Usage, "completion takes the shell: bash, zsh, fish or powershell").Hint("as in `source <(envpack completion bash)`")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			var script bytes.Buffer
			var err error
			switch args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&script, true)
			case "zsh":
				err = root.GenZshCompletion(&script)
			case "fish":
				err = root.GenFishCompletion(&script, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&script)
			default:
				err = diag.New(diag.Usage, "no completion for %q", args[0]).Hint("there is %s", list(shells))
			}
			switch {
			case err != nil:
				return err
			case s.json:
				return s.printJSON(map[string]string{"shell": args[0], "script": script.String()})
			}
			_, err = s.stdout.Write(script.Bytes())
			return err
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
		for _, f := range []publish.Form{publish.Layout, publish.LayoutArchive, publish.DockerArchive, publish.DockerDaemon} {
			if strings.HasPrefix(string(f), word) {
				forms = append(forms, string(f)+":")
			}
		}
		return forms, directive
	}
	if form == string(publish.DockerDaemon) {
		return nil, directive
	}
	return pathsFrom(form+":", begun, form != string(publish.Layout)), directive
}

// pathsFrom are the folders, and the files if they are wanted, whose paths begin so, each behind a prefix.
func pathsFrom(prefix, begun string, files bool) []string {
	folder, name := path.Split(filepath.ToSlash(begun))
	entries, err := os.ReadDir(cmp.Or(filepath.FromSlash(folder), "."))
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(name, ".")
		if !strings.HasPrefix(e.Name(), name) || hidden {
			continue
		}
		switch {
		case e.IsDir():
			found = append(found, prefix+folder+e.Name()+"/")
		case files:
			found = append(found, prefix+folder+e.Name())
		}
	}
	return found
}

// completeImages completes so many images, locks or projects: the form of an image, or a path.
func completeImages(most int) completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, directive := completeOutput(cmd, args, word)
		if !strings.Contains(word, ":") {
			found = append(found, pathsFrom("", word, true)...)
		}
		return found, directive
	}
}

// completePackage knows the packages of the lock, be it up to date or not.
func completePackage(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	return beginning(packagesOf(lockMeant(cmd, args)), word, nil), cobra.ShellCompDirectiveNoFileComp
}

// completePackages is the same for commands whose arguments are packages.
func completePackages(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	return beginning(packagesOf(lockMeant(cmd, nil)), word, args), cobra.ShellCompDirectiveNoFileComp
}

// completeAnyPackage knows those of the distribution as well, for one argument.
func completeAnyPackage(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	lock := lockMeant(cmd, nil)
	names := packagesOf(lock)
	for _, d := range lock.Base.Debs {
		names = append(names, d.Name)
	}
	return beginning(names, word, nil), cobra.ShellCompDirectiveNoFileComp
}

// completeLocked knows the platforms of the lock, or those that there are.
func completeLocked(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if cmd.ValidArgsFunction != nil {
		args = nil // they are packages
	}
	var names []string
	for _, t := range lockMeant(cmd, args).Targets {
		names = append(names, t.Platform)
	}
	if len(names) == 0 {
		return completePlatform(cmd, args, word)
	}
	return beginning(names, word, nil), cobra.ShellCompDirectiveNoFileComp
}

// completeGroup knows the dependency groups of the project.
func completeGroup(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if cmd.ValidArgsFunction != nil {
		args = nil
	}
	return beginning(manifest.GroupNames(folderOf(dirOf(cmd, args))), word, nil), cobra.ShellCompDirectiveNoFileComp
}

// beginning are the names that begin as what is typed, each once, without those that are given already.
func beginning(names []string, word string, given []string) []string {
	var out []string
	for _, name := range names {
		if strings.HasPrefix(name, word) && !slices.Contains(given, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// lockMeant is the lock that a command is about, as far as it can be read.
func lockMeant(cmd *cobra.Command, args []string) *lockfile.Lock {
	var f lockFlags
	f.file, _ = cmd.Flags().GetString("lock")
	file := f.path(dirOf(cmd, args))
	data, err := os.ReadFile(file)
	if err != nil {
		return &lockfile.Lock{}
	}
	lock, err := lockfile.ParseLoose(file, data)
	if err != nil {
		return &lockfile.Lock{}
	}
	return lock
}

func packagesOf(l *lockfile.Lock) []string {
	var names []string
	for _, p := range l.Packages {
		names = append(names, p.Name)
	}
	return names
}
