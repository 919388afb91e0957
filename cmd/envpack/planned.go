package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
)

// planned are commands that are to come, and what does a part of their work until then, "" if nothing does.
var planned = map[string]string{
	"doctor": "",
	"run":    "`podman run` and `docker run` run the image",
	"vendor": "`envpack cache export` writes what a lock needs into a file, and `envpack cache import` takes it into the store of another machine",
}

// commandAdvice are commands of other tools, and what does their work here.
var commandAdvice = map[string]string{
	"update":  updates,
	"upgrade": updates,
	"sync":    "there is no environment to bring up to date: `envpack lock` makes the lock, and `envpack build` the image",
	"freeze":  "`envpack export requirements` writes what is locked for pip",
	"list":    "`envpack tree --depth 0` lists what the project needs, and `envpack export requirements` all that is locked",
}

const updates = "`envpack lock --upgrade` takes newer versions, `envpack lock -P NAME` that of one package, and `envpack lock --upgrade-base` the distribution's"

// flagAdvice are flags of other tools' commands, long and short, and what does their work here.
var flagAdvice = map[string]string{
	"extra":       ownExtras,
	"all-extras":  ownExtras,
	"optional":    "extras of the project are edited by hand, in [project.optional-dependencies] of pyproject.toml; `envpack add --group NAME` adds to a dependency group",
	"dev":         "what is for development alone belongs to a dependency group: --group dev",
	"D":           "what is for development alone belongs to a dependency group: --group dev",
	"requirement": readFile,
	"r":           readFile,
	"c":           "bounds stand below [constraints], or in a requirements file that the manifest names, as -c FILE",
}

const (
	ownExtras = "which of the project's own extras are in the image says the manifest: extras = [\"…\"] below [project], or [tool.envpack.project] in pyproject.toml"
	readFile  = "the manifest names files of requirements, as requirements = [\"requirements.txt\"] below [project], or [tool.envpack.project] in pyproject.toml"
)

// addPlanned adds the commands that are to come, which no help lists.
func addPlanned(root *cobra.Command) {
	for _, name := range slices.Sorted(maps.Keys(planned)) {
		root.AddCommand(&cobra.Command{
			Use:                name,
			Short:              "Not supported yet",
			Hidden:             true,
			DisableFlagParsing: true, // whatever they are
			RunE:               func(*cobra.Command, []string) error { return notSupported(name) },
		})
	}
}

func notSupported(name string) error {
	e := diag.New(diag.Usage, "the command %s is not supported yet", name)
	if h := planned[name]; h != "" {
		_ = e.Hint("%s", h)
	}
	return e.Hint("`envpack --help` lists the commands that there are")
}

// mendHelp makes the command help fail for what there is no help for.
func mendHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Example = "  envpack help build"
		c.Run = nil
		c.RunE = func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil {
				return diag.Wrap(err, diag.Usage, "")
			}
			if _, later := planned[about.Name()]; later && about.Parent() == root {
				return notSupported(about.Name())
			}
			if len(rest) > 0 && about.HasSubCommands() {
				return noUnknownCommand(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		}
	}
}
