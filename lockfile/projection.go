package lockfile

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// Projection is the lock of one platform as it stands in the image, at /opt/env/envpack.lock: the
// canonical encoding without what says nothing of the image (the hash of the manifest, the as-of dates, whether wheels
// were read and what for GPUs was found, the signed indexes, what is asked of GPUs, reasons), what building finds (seals, and what is wrong with RECORD files), and other targets with all that only they
// use. [Parse] reads it. It fails only for a platform that the lock does not have.
func (l *Lock) Projection(platform string) ([]byte, error) {
	p, err := l.project(platform)
	if err != nil {
		return nil, err
	}
	return Encode(p), nil
}

func (l *Lock) project(platform string) (*Lock, error) {
	p := l.clone()
	p.Targets = slices.DeleteFunc(p.Targets, func(t Target) bool { return t.Platform != platform })
	if len(p.Targets) == 0 {
		return nil, fmt.Errorf("the lock has no target %s", platform)
	}
	only := []string{platform}
	p.Project.Manifest, p.Project.AsOf, p.Project.Unscanned = "", time.Time{}, false
	p.Project.Groups, p.Project.WithoutGroups = nil, nil
	p.Project.Requires = edgesOn(platform, p.Project.Requires)
	p.Base.AsOf, p.Base.Releases, p.Seals = time.Time{}, nil, nil
	p.GPU = nil // what counts of it is in the image's environment

	p.Base.Debs = slices.DeleteFunc(p.Base.Debs, func(d Deb) bool { return !slices.Contains(d.Targets, platform) })
	for i := range p.Base.Debs {
		p.Base.Debs[i].Targets = only
	}
	archives := map[string]bool{}
	for _, d := range p.Base.Debs {
		archives[d.Archive] = true
	}
	p.Base.Archives = slices.DeleteFunc(p.Base.Archives, func(a Archive) bool { return !archives[a.Name] })
	p.Base.Images = slices.DeleteFunc(p.Base.Images, func(i BaseImage) bool { return i.Target != platform })
	p.Base.Interpreters = slices.DeleteFunc(p.Base.Interpreters, func(i Interpreter) bool { return i.Target != platform })
	used := map[string]bool{}
	var packages []Package
	for _, q := range p.Packages {
		q, ok := q.on(platform)
		if !ok {
			continue
		}
		for i := range q.Files {
			q.Files[i].Targets = only
			q.Files[i].Hashed = false // says how the hash was learnt, and nothing of the image
			q.Files[i].Kernels = nil  // as the hash has it
			if b := l.BuildOf(q.Files[i].Build); b != nil && b.Target != platform {
				q.Files[i].Build = "" // it cannot be built again for this platform
			}
		}
		if !q.built() {
			q.Sources = nil
		}
		for i := range q.Sources {
			q.Sources[i].Hashed = false
		}
		q.Revision = "" // the commit says what is meant
		q.Requires = edgesOn(platform, q.Requires)
		used[q.Index] = true
		packages = append(packages, q)
	}
	p.Packages = packages
	p.Builds = l.buildsOf(packages, platform)
	for i := range p.Builds {
		b := &p.Builds[i]
		for j := range b.Added {
			b.Added[j].Reason = ""
		}
		for j := range b.Packages {
			q := &b.Packages[j]
			used[q.Index] = true
			q.Revision = ""
			for k := range q.Files {
				q.Files[k].Hashed = false
			}
			for k := range q.Sources {
				q.Sources[k].Hashed = false
			}
		}
	}
	p.Indexes = slices.DeleteFunc(p.Indexes, func(x Index) bool { return !used[x.Name] })
	p.Data = l.DataOn(platform)
	for i := range p.Data {
		p.Data[i].Targets, p.Data[i].Hashed = only, false
	}
	p.Choices = choicesOn(platform, p.Choices)
	return p, nil
}

func edgesOn(platform string, edges []Dependency) []Dependency {
	var kept []Dependency
	for _, d := range edges {
		if len(d.Targets) == 0 || slices.Contains(d.Targets, platform) {
			d.Targets, d.Specifiers = nil, ""
			kept = append(kept, d)
		}
	}
	return kept
}

// choicesOn are the choices that count on the platform, as choices for every target: what was
// chosen for the platform alone goes before what was chosen for all.
func choicesOn(platform string, choices []Choice) []Choice {
	own := map[[2]string]bool{}
	for _, c := range choices {
		if c.Target == platform {
			own[[2]string{c.Kind, c.Name}] = true
		}
	}
	var kept []Choice
	for _, c := range choices {
		if c.Kind == RecordChoice || c.Kind == AsOfChoice || c.Kind == CUDAChoice {
			continue // a finding of the build, which cannot be an input of it; a date, which says how and not what was chosen
		}
		if c.Target != platform && (c.Target != "" || own[[2]string{c.Kind, c.Name}]) {
			continue
		}
		c.Target, c.Reason = "", ""
		kept = append(kept, c)
	}
	return kept
}

// Epoch is the date of an image that no input gives a date, and the oldest that a zip can hold.
var Epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Created is the date of the platform's image: the newest of the upload times of its wheels and of what some were built from, and the date of the
// image that it stands on, else [Epoch].
func (l *Lock) Created(platform string) time.Time {
	created := Epoch
	for _, i := range l.Base.Images {
		if i.Target == platform && i.Created.After(created) {
			created = i.Created
		}
	}
	for _, p := range l.Packages {
		for _, f := range p.Files {
			if !slices.Contains(f.Targets, platform) {
				continue
			}
			if f.Uploaded.After(created) {
				created = f.Uploaded
			}
			if b := l.BuildOf(f.Build); b == nil || b.Target != platform {
				continue
			}
			for _, s := range p.Sources {
				if s.Uploaded.After(created) {
					created = s.Uploaded
				}
			}
		}
	}
	return wholeUTC(created)
}

// KeepSeals gives l the old lock's seals of those platforms whose image is made of the same: whose
// [Lock.Projection] did not change; and what the build found about their RECORD files. Seals that l has stay. The old lock may be nil. It leaves l in
// canonical order.
func KeepSeals(old, l *Lock) {
	defer l.Normalize()
	if old == nil {
		return
	}
	for _, s := range old.Seals {
		if slices.ContainsFunc(l.Seals, func(have Seal) bool { return have.Platform == s.Platform }) {
			continue
		}
		was, err := old.Projection(s.Platform)
		if err != nil {
			continue // a seal of a target that the old lock does not have is none
		}
		is, err := l.Projection(s.Platform)
		if err != nil || !bytes.Equal(was, is) {
			continue
		}
		l.Seals = append(l.Seals, s)
		for _, c := range old.Choices {
			if c.Kind == RecordChoice && c.Target == s.Platform && !slices.Contains(l.Choices, c) {
				l.Choices = append(l.Choices, c)
			}
		}
	}
}

// On is the lock of one platform alone, with what counts for its image: what [Lock.Projection] encodes. Errors: a
// platform that the lock does not have.
func (l *Lock) On(platform string) (*Lock, error) {
	p, err := l.project(platform)
	if err == nil {
		p.Normalize()
	}
	return p, err
}
