package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

const whyLong = `Says why the lock has a package, and why in this version and no newer one.

Of a Python package: the shortest ways from the project to it, and every newer version of its index with the
reason for which it is not taken. That a version can be taken, or cannot, is found out by resolving with it.
Of a package of the distribution: what it was chosen for, and whether the archives have a newer one.

Overrides, replaced metadata and other policies of the manifest are told with their places. A command is
offered only where the package gets another version by it.

The index and the archives are asked; with --offline, what the store has of them. Nothing is changed. Of a
lock that is out of date only what it says itself is told, with a warning.`

const whyExample = `  envpack why numpy
  envpack why libgl1                      # a package of the distribution
  envpack why numpy --json`

// whyDocument is the answer as JSON.
type whyDocument struct {
	Name     string             `json:"name"`
	Stale    bool               `json:"stale,omitempty"`  // the lock is out of date, and newer versions were not looked for
	Packages []whyPackage       `json:"python,omitempty"` // a platform each
	Debs     []*resolver.WhyDeb `json:"system,omitempty"`
}

type whyPackage struct {
	*resolver.Why
	Origin  string      `json:"origin"`
	Paths   []whyPath   `json:"paths"`
	Choices []whyChoice `json:"choices,omitempty"`
}

// whyChoice is a choice of the lock that is about a package.
type whyChoice struct {
	Kind   string `json:"kind"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
	Where  string `json:"where,omitempty"` // file:line:column of the manifest that asks for it
}

// whyPath is a way from the project to a package.
type whyPath struct {
	Names []string `json:"names"`
	// Requirements are the manifest's that it begins with.
	Requirements []whyRequirement `json:"requirements"`
}

type whyRequirement struct {
	Where string `json:"where"` // file:line:column
	Text  string `json:"text"`
}

func newWhy(s *session) *cobra.Command {
	var f lockFlags
	cmd := &cobra.Command{
		Use:               "why PACKAGE",
		Short:             "Say why the lock has a package, and why no newer version of it",
		Long:              whyLong,
		Example:           whyExample,
		ValidArgsFunction: completeAnyPackage,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return diag.New(diag.Usage, "why takes the name of one package").Hint("`envpack tree` shows those of the lock")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.why(cmd.Context(), dirOf(cmd, nil), args[0], f)
		},
	}
	f.addTo(cmd)
	return cmd
}

func (s *session) why(ctx context.Context, dir, name string, f lockFlags) error {
	p, err := f.open(dir)
	if err != nil {
		return err
	}
	m, lock := p.m, p.lock
	normal := pep508.NormalizeName(name)
	isPackage, isDeb := hasPackage(lock, normal), hasDeb(lock, name)
	if !isPackage && !isDeb {
		s.warnStale(p.stale)
		return noPackage(lock, name, nil)
	}
	doc := whyDocument{Name: name}
	if isPackage {
		doc.Name = normal
	}
	if p.stale != nil {
		s.warnStale(p.stale)
		doc.ofLock(m, lock, isPackage, isDeb)
	} else if err := s.findReasons(ctx, m, lock, &doc, isPackage, isDeb); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(doc)
	}
	s.close()
	_, err = s.stdout.Write([]byte(s.keepLock(whyText(doc, lock, m))))
	return err
}

// findReasons asks the index and the archives.
func (s *session) findReasons(ctx context.Context, m *manifest.Manifest, lock *lockfile.Lock, doc *whyDocument, isPackage, isDeb bool) error {
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	sup, err := s.supplyFor(st, m, upgrading)
	if err != nil {
		return err
	}
	defer sup.Close()
	if s.offline {
		s.ui().Printf("offline: only versions are looked at that the store knows of")
	}
	phase := s.ui().Phase("looking for reasons")
	defer phase.Drop()
	if isPackage {
		all, err := resolver.ExplainVersion(ctx, m, lock, doc.Name, resolver.Sources{Packages: sup.Packages(), References: sup})
		if err != nil {
			return err
		}
		doc.add(m, lock, all)
	}
	if isDeb {
		if doc.Debs, err = resolver.ExplainDeb(ctx, m, lock, doc.Name, sup, resolver.Options{Now: time.Now()}); err != nil {
			return err
		}
	}
	phase.Done()
	return nil
}

// ofLock is what a lock says that is out of date: what would come of it now is for `lock` to find.
func (d *whyDocument) ofLock(m *manifest.Manifest, lock *lockfile.Lock, isPackage, isDeb bool) {
	d.Stale = true
	if isPackage {
		d.add(m, lock, resolver.LockedWhy(lock, d.Name))
	}
	if isDeb {
		d.Debs = resolver.LockedDeb(m, lock, d.Name)
	}
}

func (d *whyDocument) add(m *manifest.Manifest, lock *lockfile.Lock, all []*resolver.Why) {
	for _, w := range all {
		d.Packages = append(d.Packages, whyPackage{
			Why: w, Origin: originOn(lock, d.Name, w.Platform), Paths: pathsTo(m, lock, d.Name, w.Platform), Choices: choicesOf(m, lock, d.Name, w.Platform),
		})
	}
}

func originOn(l *lockfile.Lock, name, platform string) string {
	for _, p := range l.Packages {
		if p.Name == name && slices.Contains(p.Platforms(), platform) {
			return p.Origin()
		}
	}
	return ""
}

// pathsTo are the shortest ways on a platform, with the manifest's requirements that they begin with.
func pathsTo(m *manifest.Manifest, l *lockfile.Lock, name, platform string) []whyPath {
	g := l.Graph(platform)
	paths := []whyPath{}
	for _, node := range g.Find(name) {
		for _, p := range g.Paths(node) {
			path := whyPath{Names: []string{l.Project.Name}, Requirements: []whyRequirement{}}
			for _, e := range p.Edges {
				path.Names = append(path.Names, g.Nodes[e.To].Name)
			}
			for _, r := range m.Requirements {
				if r.Name == path.Names[1] {
					path.Requirements = append(path.Requirements, whyRequirement{Where: r.Pos.String(), Text: r.Requirement.String()})
				}
			}
			paths = append(paths, path)
		}
	}
	return paths
}

// choicesOf are the lock's choices about a package, with the places of the manifest that ask for them.
func choicesOf(m *manifest.Manifest, l *lockfile.Lock, name, platform string) []whyChoice {
	var list []whyChoice
	for _, c := range l.Choices {
		if c.Name != name || c.Target != "" && c.Target != platform {
			continue
		}
		var at diag.Position
		switch c.Kind {
		case lockfile.OverrideChoice:
			for _, o := range m.Overrides {
				if o.Name == name {
					at = o.Pos
				}
			}
		case lockfile.MetadataChoice:
			for _, p := range l.Packages {
				if v, err := pep440.Parse(p.Version); err == nil && p.Name == name && slices.Contains(p.Platforms(), platform) {
					if r := m.Policies.Of(name, v); r != nil {
						at = r.Pos
					}
				}
			}
		case lockfile.AsOfChoice:
			at = m.AsOfPlace(name)
		case lockfile.AssumedChoice:
		default:
			continue // its name is a file's, or that of something else
		}
		choice := whyChoice{Kind: c.Kind, Value: c.Value, Reason: c.Reason}
		if !at.IsZero() {
			choice.Where = at.String()
		}
		list = append(list, choice)
	}
	return list
}
