package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
)

const pushLong = `Assembles the image that envpack.lock describes and pushes it. Layers that the registry has are
not sent, nor made if the store knows them or the lock's seal names them. Prints the digest as the
last line.

--cache-repo names a repository that sealed layers are taken from as well, mounted or copied, and that
the image's layers are left in.

A sealed digest is believed as the rest of the lock is. Where somebody else may change the lock, as in
a pull request, --rebuild makes every layer and holds it to the seal, as ` + "`envpack verify`" + ` does.

Credentials are those of Docker and Podman: ` + "`docker login REGISTRY`" + ` or a credential helper.`

const pushExample = `  envpack push                                     # to the manifest's tag
  envpack push --tag registry.example/team/digits:v1
  envpack push --rebuild                           # in CI, of a lock that others may have changed
  envpack push examples/digits --tag 127.0.0.1:5000/digits`

func newPush(s *session) *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{
		Use:     "push [DIR]",
		Short:   "Push the image to a registry, without what it already has",
		Long:    pushLong,
		Example: pushExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !exists(args[0]) && strings.ContainsAny(args[0], "/:") {
				return diag.New(diag.Usage, "push takes the project's folder, and %s is none", args[0]).
					Hint("a name to push to is given with --tag: envpack push --tag %s", args[0])
			}
			return atMostOneDir(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.push = true
			return s.pushLocked(cmd.Context(), dirOf(cmd, args), o)
		},
	}
	o.addFlags(cmd, "push")
	return cmd
}

// pushLocked pushes what the lock says. It never locks: what is pushed must be what was built.
func (s *session) pushLocked(ctx context.Context, dir string, o buildOptions) error {
	o.locked = true
	m, _, err := o.load(dir)
	if err != nil {
		return err
	}
	if _, err := reference(o.tag, m, true); err != nil {
		return diag.Wrap(err, 0, "")
	}
	return s.build(ctx, dir, o)
}
