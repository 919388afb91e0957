package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
)

const removeLong = `Takes requirements out of the manifest and locks. Of the manifest's text only that changes. All
requirements of a name go, whatever their markers; a comment behind one on its line goes with it.

Requirements files that the manifest names are not edited. If locking fails, manifest and lock stay
as they were. --lock FILE names the lock; it stays for the groups that it is for.`

const removeExample = `  envpack remove numpy
  envpack remove --group train tensorboard
  envpack remove --constraint urllib3
  envpack remove flask --lock serve.lock    # and lock that for its groups
  envpack remove --no-lock numpy            # the manifest alone`

func newRemove(s *session) *cobra.Command {
	var o editOptions
	cmd := &cobra.Command{
		Use:        "remove NAME...",
		Short:      "Take requirements out of the manifest, and lock",
		SuggestFor: []string{"uninstall", "rm", "delete"},
		Long:       removeLong,
		Example:    removeExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return diag.New(diag.Usage, "remove takes names of packages").Hint("as in envpack remove numpy")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.read(cmd)
			return s.remove(cmd.Context(), args, o)
		},
	}
	o.addTo(cmd)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		o.read(cmd)
		e, err := o.edit()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return beginning(e.Names(), word, args), cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

func (s *session) remove(ctx context.Context, names []string, o editOptions) error {
	e, err := o.edit()
	if err != nil {
		return err
	}
	var removed []string
	for _, name := range names {
		texts, err := e.Remove(name)
		if err != nil {
			return err
		}
		removed = append(removed, texts...)
	}
	edit := &edit{session: s, editor: e, options: o}
	edit.report = func() editResult {
		return editResult{Manifest: e.File(), Added: []string{}, Removed: removed}
	}
	return edit.run(ctx)
}
