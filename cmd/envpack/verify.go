package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/imagegen/verify"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/ui"
)

const verifyLong = `Tells whether an image is what its lock makes, byte for byte. Everything is made again from the files
that the lock names, which are held to their hashes and fetched if the store lacks them; nothing that
the store remembers of layers is believed. All else is hashed. What differs is named down to the byte.

The argument is an image as inspect takes it (oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE,
docker-daemon:NAME, or a reference in a registry), and is held to the lock in it, or to the one of --lock or --project. The
project's files are those of --project, or else the image's own, whose layer must be as envpack writes
it. Of an image that envpack did not make, the digests are checked.

Of a project's folder, which is the default, or of a lock's file, the seal is verified: the layers are
made again, and must be the sealed ones.

There must be an image for every platform that an index names and that the lock of --lock or --project is
for; --platform asks for one alone.

--deep also compares every file with the wheel's RECORD and the wheel, or with the package that it is
of. Files that are otherwise by a rule of the base's format are named with the rule.

Exit status: 0 if everything is right, 6 if something differs, 7 if something could not be checked
because it could not be had, 1 if for another reason; --offline fetches nothing.`

const verifyExample = `  envpack verify registry.example/team/digits:v1
  envpack verify --deep image.tar
  envpack verify registry.example/team/digits:v1 --project .   # what was pushed, and the project here
  envpack verify oci:image --lock envpack.lock
  envpack verify                                  # the seal of the project here, as CI should
  envpack verify --json image.tar | jq '.images[0].findings'`

type verifyOptions struct {
	lock     string
	project  string
	platform string
	deep     bool
	all      bool
}

func newVerify(s *session) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:     "verify [IMAGE|DIR|FILE]",
		Short:   "Make an image again from its lock, and compare it byte for byte",
		Long:    verifyLong,
		Example: verifyExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return diag.New(diag.Usage, "%s takes one image, project or lock, not %s", cmd.CommandPath(), plural(len(args), "argument")).
					Hint("see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			spec := "."
			if len(args) == 1 {
				spec = args[0]
			}
			return s.verify(cmd.Context(), spec, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.lock, "lock", "", "hold the image to this lock's `FILE`, and not to the one in it")
	f.StringVar(&o.project, "project", "", "hold the image to the lock and the files of the project in `DIR`")
	f.StringVar(&o.platform, "platform", "", "verify the image for this `PLATFORM` only")
	f.BoolVar(&o.deep, "deep", false, "compare every file with the wheel or the package that it is of")
	f.BoolVar(&o.all, "all", false, "cut no list short, and name every file that a rule changes")
	completeFlag(cmd, "platform", completePlatform)
	completeFlag(cmd, "lock", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"lock"}, cobra.ShellCompDirectiveFilterFileExt
	})
	completeFlag(cmd, "project", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
	cmd.ValidArgsFunction = completeImages(1)
	return cmd
}

// verified is the result of verify. The tags are the keys of --json.
type verified struct {
	Verified bool             `json:"verified"`
	Images   []*verify.Report `json:"images"`
	// Findings are of what names the images, or of images that cannot be looked at.
	Findings []verify.Finding `json:"findings,omitempty"`
	Absent   []string         `json:"absent,omitempty"` // platforms that an index names and the place does not hold
	lacking  bool             // there is no image for a platform that index or lock has
}

func (s *session) verify(ctx context.Context, spec string, o verifyOptions) (err error) {
	file, project, err := lockOf(spec, lockFlags{file: o.lock})
	if err != nil {
		return err
	}
	if file != "" {
		return s.verifySeal(ctx, spec, file, project, o)
	}
	held, err := s.heldTo(ctx, o)
	if err != nil {
		return err
	}
	src, err := s.openImage(ctx, spec, publish.OpenOptions{Platform: o.platform, Tolerant: true})
	if err != nil {
		return err
	}
	defer closeImage(src, &err)
	result := &verified{Images: []*verify.Report{}, Absent: src.Absent}
	whole := publishable{}
	troubles := src.Troubles
	for _, found := range src.Images {
		one := &verifying{session: s, spec: spec, source: src, found: found, held: held, options: o}
		one.troubles, troubles = troublesOf(found, troubles)
		report, err := one.run(ctx)
		if err != nil {
			return err
		}
		whole.add(one)
		result.Images = append(result.Images, report)
	}
	for _, t := range troubles {
		result.Findings = append(result.Findings, changed(t))
	}
	if o.platform == "" {
		result.lack(held)
		whole.compare(result, src.Indexes)
	}
	return s.conclude(result, spec, o)
}

// conclude shows the result, and gives the error that the command ends with.
func (s *session) conclude(result *verified, spec string, o verifyOptions) error {
	code := diag.OK
	findings, gaps := len(result.Findings), 0
	for _, r := range result.Images {
		r.Finish()
		findings += len(r.Findings)
		gaps += len(r.Unchecked)
	}
	switch {
	case findings > 0:
		code = diag.Mismatch
	case gaps > 0:
		code = result.gapCode()
	}
	result.Verified = code == diag.OK
	s.close()
	if s.json {
		if err := s.printJSON(result); err != nil {
			return err
		}
	} else {
		color := false
		if f, ok := s.stdout.(*os.File); ok {
			color = ui.For(f, os.Getenv).Color
		}
		t := &verifyText{diffText{all: o.all, color: color}}
		t.result(result)
		if _, err := io.WriteString(s.stdout, strings.TrimPrefix(t.String(), "\n")); err != nil {
			return err
		}
	}
	switch code {
	case diag.Mismatch:
		e := diag.New(code, "%s is not verified: %s", spec, what(findings, "is not as it should be", "are not as they should be"))
		if result.damaged() {
			_ = e.Hint("what is stored there is damaged: write, copy or push it again")
		}
		if result.lacking && len(result.Images) > 0 {
			_ = e.Hint("--platform %s verifies the image for that alone", result.Images[0].Platform)
		}
		return e
	case diag.Fetch, diag.Failure:
		e := diag.New(code, "%s is not verified: %s", spec, what(gaps, "could not be checked", "could not be checked"))
		for _, r := range result.Images {
			for _, g := range r.Unchecked {
				if g.Err != nil && len(diag.HintsOf(e)) == 0 {
					for _, h := range diag.HintsOf(g.Err) {
						_ = e.Hint("%s", h)
					}
				}
			}
		}
		return e
	}
	return nil
}

// gapCode is the exit code of checks that were left out: that of what could not be fetched, unless they all were for another
// reason, as a lock that cannot be read is. That the index has another file by now, or a path no file, is one of the first kind.
func (v *verified) gapCode() diag.Code {
	other := false
	for _, r := range v.Images {
		for _, g := range r.Unchecked {
			switch code := diag.CodeOf(g.Err); {
			case g.Err == nil: // it follows from another
			case code == diag.Fetch, code == diag.Mismatch, errors.Is(g.Err, fs.ErrNotExist):
				return diag.Fetch
			default:
				other = true
			}
		}
	}
	if other {
		return diag.Failure
	}
	return diag.Fetch
}

// damaged tells whether something is not what its digest says.
func (v *verified) damaged() bool {
	ofDigest := func(f verify.Finding) bool { return f.Check == "digests" }
	return slices.ContainsFunc(v.Findings, ofDigest) ||
		slices.ContainsFunc(v.Images, func(r *verify.Report) bool { return slices.ContainsFunc(r.Findings, ofDigest) })
}

// lack finds the platforms for which there is no image: those that an index names, and those of the lock that the images are held
// to. The lock in an image is for its own platform alone.
func (v *verified) lack(held *held) {
	find := func(format, platform string) {
		v.lacking = true
		v.Findings = append(v.Findings, verify.Finding{Check: "index", Text: fmt.Sprintf(format, platform)})
	}
	for _, platform := range v.Absent {
		find("the index names an image for %s, and it is not there", platform)
	}
	if held == nil {
		return
	}
	for _, t := range held.lock.Targets {
		there := slices.ContainsFunc(v.Images, func(r *verify.Report) bool { return r.Platform == t.Platform })
		if !there && !slices.Contains(v.Absent, t.Platform) {
			find("the lock is for %s as well, and there is no image for that", t.Platform)
		}
	}
}

// troublesOf takes those troubles that are about an image's own documents.
func troublesOf(found publish.Found, all []publish.Trouble) (own, rest []publish.Trouble) {
	manifest, err := found.Image.Digest()
	if err != nil {
		return nil, all
	}
	config, err := found.Image.ConfigName()
	if err != nil {
		return nil, all
	}
	for _, t := range all {
		if t.Digest == manifest || t.Digest == config {
			own = append(own, t)
		} else {
			rest = append(rest, t)
		}
	}
	return own, rest
}

func changed(t publish.Trouble) verify.Finding {
	return verify.Changed(strings.TrimPrefix(t.Document, "the "), t.Data, t.Was, t.Err)
}

func what(n int, one, more string) string {
	if n == 1 {
		return "1 thing " + one
	}
	return fmt.Sprintf("%d things %s", n, more)
}
