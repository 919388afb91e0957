package main

import (
	"cmp"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// unbuilt names the packages of a lock that no wheel is there of, and where each comes from.
func unbuilt(l *lockfile.Lock) []string {
	var list []string
	for _, p := range l.Packages {
		if p.Built() {
			continue
		}
		from := cmp.Or(p.Path, p.URL)
		switch {
		case p.Git != "":
			from = p.Origin()
		case from == "":
			from = p.Files[0].Name
		}
		list = append(list, p.Name+" "+p.Version+" ("+from+")")
	}
	return list
}

// refuseUnbuilt is the error of a build that needs packages which are not built.
func refuseUnbuilt(l *lockfile.Lock, path string) error {
	list := unbuilt(l)
	if len(list) == 0 {
		return nil
	}
	return diag.New(diag.Failure, "no image can be made of a lock with %s not built:\n    %s",
		plural(len(list), "package")+" that "+isAre(len(list)), strings.Join(list, "\n    ")).At(diag.Position{File: path}).
		Hint("building source distributions is not supported yet; `envpack lock` without --no-build looks for versions that have wheels").
		Hint("a wheel that you build yourself can be served from an index of your own ([[index]])")
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
