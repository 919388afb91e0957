package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
	"github.com/envpack/envpack/resolver/pep508"
)

const whyLong = `Says why the lock has a package, and why in this version and no newer one.

Of a Python package: the shortest ways from the project to it, and every newer version of its index with the
reason for which it is not taken. That a version can be taken, or cannot, is found out by resolving with it.
Of a package of the distribution: what it was chosen for, and whether the archives have a newer one.

The index and the archives are asked; with --offline, what the store has of them. Nothing is changed.`

const whyExample = `  envpack why numpy
  envpack why libgl1                      # a package of the distribution
  envpack why numpy --json`

// whyDocument is the answer as JSON.
type whyDocument struct {
	Name     string             `json:"name"`
	Packages []whyPackage       `json:"python,omitempty"` // a platform each
	Debs     []*resolver.WhyDeb `json:"system,omitempty"`
}

type whyPackage struct {
	*resolver.Why
	Origin string    `json:"origin"`
	Paths  []whyPath `json:"paths"`
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
	dir := ""
	var f lockFlags
	cmd := &cobra.Command{
		Use:               "why PACKAGE",
		Short:             "Say why the lock has a package, and why no newer version of it",
		Long:              whyLong,
		Example:           whyExample,
		ValidArgsFunction: completePackageOf(&dir),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return diag.New(diag.Usage, "why takes the name of one package").Hint("`envpack tree` shows those of the lock")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.why(cmd.Context(), dir, args[0], f)
		},
	}
	addProject(cmd, &dir)
	f.addFile(cmd)
	return cmd
}

func (s *session) why(ctx context.Context, dir, name string, f lockFlags) error {
	m, path, err := f.load(dir)
	if err != nil {
		return err
	}
	lock, err := readLock(m, path)
	if err != nil {
		return err
	}
	normal := pep508.NormalizeName(name)
	isPackage, isDeb := hasPackage(lock, normal), hasDeb(lock, name)
	if !isPackage && !isDeb {
		return noPackage(lock, name, nil)
	}
	st, err := s.openStore()
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
	doc := whyDocument{Name: name}
	if isPackage {
		all, err := resolver.ExplainVersion(ctx, m, lock, normal, resolver.Sources{Packages: sup.Packages(), References: sup})
		if err != nil {
			return err
		}
		doc.Name = normal
		for _, w := range all {
			doc.Packages = append(doc.Packages, whyPackage{Why: w, Origin: originOn(lock, normal, w.Platform), Paths: pathsTo(m, lock, normal, w.Platform)})
		}
	}
	if isDeb {
		doc.Debs, err = resolver.ExplainDeb(ctx, m, lock, name, sup, resolver.Options{Now: time.Now()})
		if err != nil {
			return err
		}
	}
	phase.Done()
	s.close()
	if s.json {
		enc := json.NewEncoder(s.stdout)
		enc.SetEscapeHTML(false) // specifiers are to be read
		return enc.Encode(doc)
	}
	_, err = s.stdout.Write([]byte(s.keepLock(whyText(doc, lock, m))))
	return err
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
