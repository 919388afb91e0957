package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/ui"
)

const diffLong = `Shows how two images differ, or two locks, or a project and an image: first in meaning (packages,
base, the project's files, how the image runs), then in layers, then in files, and last the first
bytes that differ, with their place in the tar. The images may be any, not only envpack's.

A and B are each an image as inspect takes it (oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE,
docker-daemon:NAME, or a reference in a registry), a lock's file, or a project's folder. Of a project
the image is that of its lock and its files; it is built as far as the store does not have it, and
nothing is written.
Two locks, or a lock and a project, are compared by what the locks say.

Layers with the same digest are not read. All others are, and are held to their digests; --shallow
reads none. Lists are cut after ten lines; --all has everything, and --json as well.

Exit status: 0 if nothing differs, 1 if something does, and 2 or more if that could not be found
out (2 also for what has status 1 elsewhere; the others are as below).`

const diffExample = `  envpack diff image.tar registry.example/team/digits:v1
  envpack diff . registry.example/team/digits:v1     # the project as it is now, and what was pushed
  envpack diff old.lock envpack.lock
  envpack diff --lock serve.lock . oci:serve         # another lock of the project
  envpack diff --ignore-times a.tar docker-archive:b.tar
  envpack diff --json oci:a oci:b | jq '.images[0].meaning'`

type diffOptions struct {
	lockFlags
	platform    string
	all         bool
	shallow     bool
	ignoreTimes bool
}

func newDiff(s *session) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:     "diff A B",
		Short:   "Show how two images, locks or projects differ, from packages down to bytes",
		Long:    diffLong,
		Example: diffExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return diag.New(diag.Usage, "%s takes two things to compare, not %s", cmd.CommandPath(), plural(len(args), "argument")).
					Hint("as in `%s old.tar new.tar`; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return asTrouble(cmd.Context(), s.diff(cmd.Context(), args[0], args[1], o))
		},
	}
	f := cmd.Flags()
	o.addFile(cmd)
	f.StringVar(&o.platform, "platform", "", "compare the images for this `PLATFORM` only")
	f.BoolVar(&o.all, "all", false, "cut no list short, and look into every changed file")
	f.BoolVar(&o.shallow, "shallow", false, "read no layer: compare locks, settings and digests")
	f.BoolVar(&o.ignoreTimes, "ignore-times", false, "dates of files and images are no differences")
	completeFlag(cmd, "platform", completePlatform)
	cmd.ValidArgsFunction = completeImages(2)
	return cmd
}

// errDiffer is what the command diff ends with when it has shown a difference.
var errDiffer = errors.New("they differ")

// asTrouble keeps the status 1 for differences.
func asTrouble(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, errDiffer) || ctx.Err() != nil || diag.CodeOf(err) != diag.Failure {
		return err
	}
	return diag.Wrap(err, diag.Usage, "")
}

// comparisons is the result of diff. The tags are the keys of --json.
type comparisons struct {
	Same    bool              `json:"same"`
	Images  []*compare.Report `json:"images"`            // one for each platform that both have
	OnlyOld []string          `json:"onlyOld,omitempty"` // platforms
	OnlyNew []string          `json:"onlyNew,omitempty"`
}

// What is looked at and shown without --all.
const (
	shownLines    = 10
	lookedInto    = 20     // changed files of a layer
	lookedIntoAll = 10_000 // with --all
)

func (s *session) diff(ctx context.Context, a, b string, o diffOptions) (err error) {
	old, err := s.openOperand(ctx, a, o)
	if err != nil {
		return err
	}
	defer old.close(&err)
	now, err := s.openOperand(ctx, b, o)
	if err != nil {
		return err
	}
	defer now.close(&err)
	options := compare.Options{Shallow: o.shallow, IgnoreTimes: o.ignoreTimes, Contents: lookedInto, Task: s.task}
	if o.all {
		options.Contents = lookedIntoAll
	}
	result, err := s.compareOperands(ctx, old, now, options)
	if err != nil {
		return err
	}
	s.close()
	if err := s.showComparisons(result, o.all); err != nil {
		return err
	}
	if !result.Same {
		return errDiffer
	}
	return nil
}

// compareOperands compares platform by platform.
func (s *session) compareOperands(ctx context.Context, old, now *operand, o compare.Options) (*comparisons, error) {
	result := &comparisons{Same: true, Images: []*compare.Report{}}
	pairs, onlyOld, onlyNew := pairPlatforms(old.platforms, now.platforms)
	result.OnlyOld, result.OnlyNew = onlyOld, onlyNew
	if len(pairs) == 0 {
		return nil, diag.New(diag.Usage, "%s is for %s, and %s for %s: they have no platform in common", old.name, list(old.platforms), now.name, list(now.platforms))
	}
	for _, p := range pairs {
		report, err := s.compareOn(ctx, old, now, p, o)
		if err != nil {
			return nil, err
		}
		result.Same = result.Same && report.Same
		result.Images = append(result.Images, report)
	}
	result.Same = result.Same && len(onlyOld)+len(onlyNew) == 0
	return result, nil
}

func (s *session) compareOn(ctx context.Context, old, now *operand, p [2]string, o compare.Options) (*compare.Report, error) {
	images := old.source != nil || now.source != nil || old.project != "" && now.project != ""
	x, err := old.side(ctx, p[0], images, now, o)
	if err != nil {
		return nil, err
	}
	y, err := now.side(ctx, p[1], images, old, o)
	if err != nil {
		return nil, err
	}
	report, err := compare.Images(ctx, x, y, o)
	if err != nil {
		return nil, explain(ctx, err, old, now)
	}
	return report, nil
}

// explain says of which side an error of comparing is, and what it means.
func explain(ctx context.Context, err error, old, now *operand) error {
	var side *compare.SideError
	if !errors.As(err, &side) {
		return err
	}
	o := old
	if side.New {
		o = now
	}
	if o.source == nil {
		return fmt.Errorf("reading %s: %w", o.name, err)
	}
	return o.source.Explain(ctx, err)
}

// usual is a platform without the variant that all of its processors are of.
func usual(platform string) string {
	if strings.HasSuffix(platform, "/arm64/v8") {
		return strings.TrimSuffix(platform, "/v8")
	}
	return platform
}

// pairPlatforms pairs equal platforms; two single ones are compared whatever they are.
func pairPlatforms(old, now []string) (pairs [][2]string, onlyOld, onlyNew []string) {
	if len(old) == 1 && len(now) == 1 {
		return [][2]string{{old[0], now[0]}}, nil, nil
	}
	left := slices.Clone(now)
	for _, p := range old {
		i := slices.IndexFunc(left, func(q string) bool { return usual(p) == usual(q) })
		if i < 0 {
			onlyOld = append(onlyOld, p)
			continue
		}
		pairs = append(pairs, [2]string{p, left[i]})
		left = slices.Delete(left, i, i+1)
	}
	return pairs, onlyOld, left
}

func (s *session) showComparisons(c *comparisons, all bool) error {
	if s.json {
		return s.printJSON(c)
	}
	color := false
	if f, ok := s.stdout.(*os.File); ok {
		color = ui.For(f, os.Getenv).Color
	}
	t := &diffText{all: all, color: color}
	t.comparisons(c)
	_, err := io.WriteString(s.stdout, t.String())
	return err
}
