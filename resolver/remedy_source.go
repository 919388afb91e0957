package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/resolver/pep440"
)

// needsBuild says that only a build tells what a source distribution depends on.
type needsBuild struct {
	name    string
	version pep440.Version
	*sdistfile.DynamicError
}

func (e *needsBuild) Unwrap() error { return e.DynamicError }

// lines are what the manifest says in place of a build.
func (e *needsBuild) lines() string {
	return fmt.Sprintf("\n    [metadata.%s]\n    version = \"==%s\"\n    requires = []", e.name, e.version)
}

// howToAsk is what is to be done besides where only a build tells what a version depends on.
func (c *catalogue) howToAsk(name string, v pep440.Version) string {
	if c.sources {
		return "or have it built: `envpack lock` without --defer-builds, on a machine that can"
	}
	return fmt.Sprintf("or ask for another version, such as %s!=%s", name, v)
}

// ownWheel is what is left where nothing is to be built.
const ownWheel = "a wheel that you build yourself can be named in place of one: NAME @ ./wheels/….whl"

// recorded tells whether an answer has a source distribution of a project.
func recorded(done []*solved, name string) bool {
	return slices.ContainsFunc(done, func(s *solved) bool {
		v, there := s.versions[name]
		if !there {
			return false
		}
		c := s.provider.met[name].at(v)
		return c != nil && !strings.HasSuffix(c.file.Filename, ".whl")
	})
}

// sources are hints where a project has source distributions alone. Whether they can be recorded as they are is tried.
func (r *remedies) sources(ctx context.Context) []string {
	if r.question.options.DeferBuilds || !r.kinds(onlySdist) {
		return nil
	}
	var names []string
	for _, f := range r.facts {
		if why, _ := f.Reason.(reason); why.kind == onlySdist {
			if importNames[f.Package.name] != "" {
				return nil // it is not what is meant
			}
			names = append(names, f.Package.name)
		}
	}
	ctx, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	how, does := "`envpack lock` without --no-build", "builds %s"
	if !r.question.options.NoBuild {
		how, does = "`envpack lock --defer-builds`", "records %s as it is"
	}
	q := r.question.variant()
	q.options.NoBuild, q.options.DeferBuilds = false, true
	done, err := q.answer(ctx)
	var build *needsBuild
	switch {
	case err == nil:
		names = slices.DeleteFunc(names, func(name string) bool { return !recorded(done, name) }) // of others another version has a wheel
		return []string{fmt.Sprintf("%s resolves, and "+does, how, outcome(done, names...)), ownWheel}
	case errors.As(err, &build):
		if r.question.options.NoBuild {
			return []string{fmt.Sprintf("%s has %s %s built", how, build.name, build.version), ownWheel}
		}
		return []string{
			fmt.Sprintf("%s records %s %s as it is, once the manifest says what it depends on:%s", how, build.name, build.version, build.lines()),
			ownWheel,
		}
	case errors.As(err, new(*unsolved)):
		return []string{ownWheel}
	}
	return []string{how + " takes source distributions; whether it finds an answer could not be tried", ownWheel}
}
