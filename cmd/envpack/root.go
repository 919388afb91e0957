package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/envpack/envpack/internal/diag"
)

const rootLong = `envpack turns an ML project into an OCI image that anyone can rebuild, bit for bit.

It reads envpack.toml (or [tool.envpack] in pyproject.toml), pins Python and every package in
envpack.lock, and assembles the image from the lock, layer by layer, without a daemon, without
root, and without running anything.

Data goes to standard output, progress and messages to standard error. There is colour on terminals only;
NO_COLOR takes it away, CLICOLOR_FORCE has it everywhere.`

const rootExample = `  envpack init                                   # write a starter manifest
  envpack lock                                   # pin everything in envpack.lock
  envpack build -o oci-archive:image.tar         # assemble the image; prints its digest
  envpack push --tag registry.example/team/digits # send what the registry lacks`

const exitStatus = `
Exit status:
  0  fine                                 4  no set of packages satisfies the manifest
  1  any other failure                    5  the lock does not belong to the manifest
  2  wrong flags or arguments             6  a digest or hash is not what it should be
  3  the manifest is wrong                7  something could not be fetched
  8  what --smoke imports cannot be imported
  130  interrupted
With --json, results go to standard output, and errors, warnings and notices to standard error, one
JSON object on a line each: {"error": …, "code": …}, {"warning": …}, {"notice": …}.
`

// run is the whole command: it returns the exit code. Interruption cancels what is under way, which
// cleans up after itself; a second interruption ends the process at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop()
	}()
	s := &session{stdin: stdin, stdout: stdout, stderr: stderr}
	cmd := newRoot(s)
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	s.close()
	s.json = s.json || asksJSON(args) // a mistake before it ends the reading of flags
	if err == nil {
		return int(diag.OK)
	}
	if errors.Is(err, errDiffer) || errors.Is(err, errUnfit) { // which was shown
		return 1
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = diag.New(diag.Interrupted, "interrupted").
			Hint("nothing is half-written; what was downloaded stays in the store, and the same command goes on from there")
	}
	diag.MapHints(err, s.keepLock)
	if s.json {
		_ = diag.RenderJSON(stderr, err)
	} else {
		_ = diag.Render(stderr, err)
	}
	return int(diag.CodeOf(err))
}

// asksJSON tells whether --json is among the arguments, read or not.
func asksJSON(args []string) bool {
	for _, a := range args {
		switch a {
		case "--":
			return false
		case "--json", "--json=true":
			return true
		}
	}
	return false
}

func newRoot(s *session) *cobra.Command {
	var version bool
	cmd := &cobra.Command{
		Use:           "envpack",
		Short:         "Package ML environments as images that anyone can rebuild, bit for bit",
		Long:          rootLong,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noUnknownCommand,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if f := cmd.Flags().Lookup("lock"); f != nil {
				s.lockFile = f.Value.String()
				if cmd.ValidArgsFunction != nil {
					args = nil // they are packages
				}
				if dir := dirOf(cmd, args); filepath.Clean(dir) != "." {
					s.project = dir
				}
			}
			return noneEmpty(cmd, "index-url", "cache-dir", "apt-mirror", "lock", "project")
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return s.version()
			}
			return cmd.Help()
		},
	}
	cmd.Flags().BoolVar(&version, "version", false, "print the version, as the command version does")
	cmd.SetHelpTemplate(cmd.HelpTemplate() + exitStatus)
	cmd.SetFlagErrorFunc(usageError)
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SuggestionsMinimumDistance = 2
	s.addFlags(cmd.PersistentFlags())
	for _, add := range []func(*session) *cobra.Command{
		newInit, newImport, newAdd, newRemove, newLock, newTree, newWhy, newOutdated, newBuild, newPush, newInspect, newDiff, newVerify, newCheck, newSlimReport, newExport, newCache, newCompletion, newVersion,
	} {
		cmd.AddCommand(add(s))
	}
	addPlanned(cmd)
	mendHelp(cmd)
	return cmd
}

// noneEmpty refuses flags that are given without value, as by a variable that nobody set: what they are there
// to replace would be used in silence.
func noneEmpty(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && (f.Value.String() == "" || f.Value.String() == "[]") {
			return diag.New(diag.Usage, "--%s is empty", name).Hint("is the variable set that it was to be taken from?")
		}
	}
	return nil
}

func usageError(cmd *cobra.Command, err error) error {
	var e *diag.Error
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		e = diag.Wrap(err, diag.Usage, "")
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if h := flagAdvice[unknown.GetSpecifiedName()]; h != "" {
			_ = e.Hint("%s", h)
		} else if near := diag.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			_ = e.Hint("did you mean --%s?", near)
		}
	case errors.As(err, &unknown) && flagAdvice[unknown.GetSpecifiedName()] != "":
		e = diag.Wrap(err, diag.Usage, "").Hint("%s", flagAdvice[unknown.GetSpecifiedName()])
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "int": // the reason is in the words of Go's strconv
		e = diag.New(diag.Usage, "--%s takes a whole number, not %q", invalid.GetFlag().Name, invalid.GetValue())
	default:
		e = diag.Wrap(err, diag.Usage, "")
	}
	return e.Hint("see `%s --help`", cmd.CommandPath())
}

func noUnknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := diag.New(diag.Usage, "unknown command %q", args[0])
	if h := commandAdvice[args[0]]; h != "" {
		return e.Hint("%s", h).Hint("`envpack --help` lists the commands")
	}
	for _, near := range cmd.SuggestionsFor(args[0]) {
		_ = e.Hint("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return e.Hint("`envpack --help` lists the commands")
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return diag.New(diag.Usage, "%s takes no arguments", cmd.CommandPath()).Hint("see `%s --help`", cmd.CommandPath())
	}
	return nil
}

// atMostOneDir takes the project's folder; none is the working directory.
func atMostOneDir(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return diag.New(diag.Usage, "%s takes at most one folder, not %d arguments", cmd.CommandPath(), len(args)).Hint("see `%s --help`", cmd.CommandPath())
	}
	if len(args) == 1 && cmd.Flags().Changed("project") {
		return diag.New(diag.Usage, "%s and --project %s both name the project: give one of them", args[0], cmd.Flags().Lookup("project").Value)
	}
	if len(args) == 1 {
		if info, err := os.Stat(args[0]); err == nil && info.Mode().IsRegular() && filepath.Ext(args[0]) != ".toml" {
			e := diag.New(diag.Usage, "%s is a file; %s takes the project's folder", args[0], cmd.CommandPath())
			if base := filepath.Base(args[0]); strings.HasPrefix(base, "requirements") {
				_ = e.Hint("the manifest names files of requirements, as requirements = [%q] below [project]", base)
			}
			return e
		}
	}
	return nil
}
