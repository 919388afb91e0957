package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

const addLong = `Adds requirements to the manifest and locks. Of the manifest's text only that changes: comments,
order, quotes and line breaks stay. A list that is sorted stays sorted.

A requirement without bounds gets the locked version as its lower bound. One that is there already,
with the same marker, is changed: its extras are joined, and its bounds replaced if new ones are given.
If locking fails, manifest and lock stay as they were. --lock FILE names the lock; it stays for the
groups that it is for. One that is not there yet is made for the group that --group names.`

const addExample = `  envpack add numpy                         # writes "numpy>=…", what was locked
  envpack add "scikit-learn>=1.5" "tomli; python_version < '3.11'"
  envpack add --group train tensorboard     # into [dependency-groups] of pyproject.toml
  envpack add --constraint "urllib3<2"      # a bound on what others need
  envpack add --group serve flask --lock serve.lock   # and lock that for its groups
  envpack add --no-lock numpy               # the manifest alone`

// editOptions are those of add and remove.
type editOptions struct {
	dir        string
	group      string
	constraint bool
	noLock     bool
	noScan     bool
	building   buildPolicy
	lock       lockFlags

	recorded manifest.Selection // the groups that the lock is for
}

func (o *editOptions) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.group, "group", "", "the dependency `GROUP` of pyproject.toml that is meant, instead of the dependencies")
	completeFlag(cmd, "group", completeGroup)
	o.lock.addTo(cmd)
	f.BoolVar(&o.constraint, "constraint", false, "[constraints] is meant: bounds on packages that others need")
	f.BoolVar(&o.noLock, "no-lock", false, "edit the manifest, and do not lock")
	o.building.addTo(cmd)
	f.BoolVar(&o.noScan, "no-scan", false, "do not read the wheels for the libraries that they need")
}

// read takes over what the flags say.
func (o *editOptions) read(cmd *cobra.Command) {
	o.dir = dirOf(cmd, nil)
}

// edit opens the list that the flags mean.
func (o *editOptions) edit() (*manifest.Editor, error) {
	if o.constraint && o.group != "" {
		return nil, diag.New(diag.Usage, "--constraint and --group are different lists: give one of them")
	}
	if o.noLock && o.lock.file != "" {
		return nil, diag.New(diag.Usage, "--no-lock leaves every lock alone, and --lock names one: give one of them")
	}
	if err := o.building.check(); err != nil {
		return nil, err
	}
	path := o.lock.path(o.dir)
	if !o.noLock {
		var there bool
		var err error
		if o.recorded, there, err = selectionOf(path, o.lock.file != ""); err != nil {
			return nil, err
		}
		if !there && o.lock.file != "" && o.group != "" { // a second lock is for the group that is edited
			o.recorded.Groups = []string{pep508.NormalizeName(o.group)}
		}
	}
	e, err := manifest.Edit(o.dir, manifest.List{Group: o.group, Constraints: o.constraint}, o.recorded)
	if err != nil {
		return nil, recordedHint(err, path, o.recorded)
	}
	return e, nil
}

func newAdd(s *session) *cobra.Command {
	var o editOptions
	cmd := &cobra.Command{
		Use:        "add REQUIREMENT...",
		Short:      "Add requirements to the manifest, and lock",
		SuggestFor: []string{"install"},
		Long:       addLong,
		Example:    addExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return diag.New(diag.Usage, "add takes requirements").Hint(`as in envpack add "numpy>=1.26"`)
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.read(cmd)
			return s.add(cmd.Context(), args, o)
		},
	}
	o.addTo(cmd)
	return cmd
}

func (s *session) add(ctx context.Context, requirements []string, o editOptions) error {
	e, err := o.edit()
	if err != nil {
		return err
	}
	if e.NewGroup() {
		s.ui().Printf("the group %s is new in %s", o.group, e.File())
	}
	var added []manifest.Added
	for _, text := range requirements {
		a, err := e.Add(text)
		if err != nil {
			return err
		}
		added = append(added, a)
		for _, d := range e.Elsewhere(a.Name) {
			if base := filepath.Base(d.Pos.File); base != manifest.FileName && base != manifest.PyProject {
				s.ui().Printf("%s: %s stands there too, and both hold; that file is not edited", d.Pos, a.Name)
			}
		}
	}
	edit := &edit{session: s, editor: e, options: o}
	edit.bound = func(l *lockfile.Lock) error {
		for i, a := range added {
			if a.Was != "" || a.URL != "" || a.Specifiers.String() != "" {
				continue
			}
			if version, ok := lowest(l, a.Name); ok {
				if added[i], err = e.Bound(a, version); err != nil {
					return err
				}
			}
		}
		return nil
	}
	edit.report = func() editResult {
		r := editResult{Manifest: e.File(), Added: []string{}, Removed: []string{}}
		for _, a := range added {
			if a.Text != a.Was {
				r.Added = append(r.Added, a.Text)
				if a.Was != "" {
					r.Removed = append(r.Removed, a.Was)
				}
			}
		}
		return r
	}
	return edit.run(ctx)
}

// lowest is the lowest version of a project that a platform of the lock has, without local label: no bound has one
// (PEP 440, Inclusive ordered comparison).
func lowest(l *lockfile.Lock, name string) (pep440.Version, bool) {
	var least pep440.Version
	found := false
	for _, p := range l.Packages {
		public, _, _ := strings.Cut(p.Version, "+")
		v, err := pep440.Parse(public)
		if p.Name == name && err == nil && !p.Direct() && (!found || v.Compare(least) < 0) {
			least, found = v, true
		}
	}
	return least, found
}
