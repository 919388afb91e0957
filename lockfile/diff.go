package lockfile

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ChangeKind says what happened to a thing.
type ChangeKind string

// The kinds of change; the values are the signs that begin a change's line.
const (
	Added   ChangeKind = "+"
	Removed ChangeKind = "-"
	Changed ChangeKind = "~"
)

// Change is one difference between two locks, as people want to read it.
type Change struct {
	Kind    ChangeKind `json:"kind"`
	Subject string     `json:"subject"` // "project", "image", "gpu", "target", "index", "base", "archive", "interpreter", "package", "build", "data" or "choice"
	Name    string     `json:"name"`    // "numpy"; "" if the subject says it all
	Old     string     `json:"old"`     // "" for what was added
	New     string     `json:"new"`     // "" for what was removed
}

// choiceTexts say for people what was chosen, before the name of what it is about.
var choiceTexts = map[string]string{
	AsOfChoice: "as-of of", AssumedChoice: "assumed dependencies of", CUDAChoice: "held by CUDA:", ExcludeChoice: "left out:",
	LibraryChoice: "provider of", MetadataChoice: "replaced metadata of", OverrideChoice: "override of", OwnerChoice: "owner of",
	PythonChoice: "base of the", RecordChoice: "rewritten RECORD of",
}

// String is one line: "+ numpy 2.1.0", "- six 1.17.0", "~ scipy 1.13.0 → 1.14.0", "+ left out: six". The subject stands before the
// name of all but packages and choices.
func (c Change) String() string {
	what := strings.TrimSpace(c.Subject + " " + c.Name)
	switch c.Subject {
	case "package":
		what = c.Name
	case "choice":
		kind, name, _ := strings.Cut(c.Name, " ")
		what = cmp.Or(choiceTexts[kind], kind) + " " + name
		if kind == ExcludeChoice { // it has no value
			return string(c.Kind) + " " + what
		}
		what += ":"
	case "build":
		what += " in"
	}
	switch {
	case c.Old != "" && c.New != "":
		what += " " + c.Old + " → " + c.New
	case c.Old+c.New != "":
		what += " " + c.Old + c.New
	}
	return string(c.Kind) + " " + what
}

// Diff is what changed from old to l, in the order: project, image, GPU, targets, indexes, base, archives, interpreters, packages,
// builds, data files, choices. The packages of the base are summed up in one line. The hash of the manifest, the signed
// indexes, kernels, reasons and seals are not looked at, so locks that differ may have no changes to show.
// The old lock may be nil: then all is added.
func Diff(old, l *Lock) []Change { return diff(old, l, &differ{}) }

// DiffAll is [Diff] with each package of the base and each setting of the image by itself: with the subject "deb", and
// "setting" with names as "command" and "env PATH".
func DiffAll(old, l *Lock) []Change { return diff(old, l, &differ{each: true}) }

func diff(old, l *Lock, d *differ) []Change {
	if old == nil {
		old = &Lock{}
	}
	d.value("project", "groups", strings.Join(old.Project.Groups, ", "), strings.Join(l.Project.Groups, ", "))
	d.value("project", "without groups", strings.Join(old.Project.WithoutGroups, ", "), strings.Join(l.Project.WithoutGroups, ", "))
	d.value("project", "as-of", instant(old.Project.AsOf), instant(l.Project.AsOf))
	d.image(old.Image, l.Image)
	d.gpus(old.GPU, l.GPU)
	d.maps("target", targetsOf(old), targetsOf(l))
	d.maps("index", indexesOf(old), indexesOf(l))
	d.value("base", "", old.Base.Distro, l.Base.Distro)
	d.value("base", "format", old.Base.Format, l.Base.Format)
	d.value("base", "as-of", instant(old.Base.AsOf), instant(l.Base.AsOf))
	d.value("base", "image", old.Base.Reference, l.Base.Reference)
	d.maps("image", imagesOf(old), imagesOf(l))
	d.maps("archive", archivesOf(old), archivesOf(l))
	d.maps("interpreter", interpretersOf(old), interpretersOf(l))
	d.debs(old.Base.Debs, l.Base.Debs)
	d.packages(old, l)
	d.maps("build", buildsOf(old), buildsOf(l))
	d.maps("data", dataOf(old), dataOf(l))
	d.maps("choice", choicesOf(old), choicesOf(l))
	return d.changes
}

type differ struct {
	each    bool // nothing is summed up
	changes []Change
}

func (d *differ) value(subject, name, old, now string) {
	switch {
	case old == now:
	case old == "":
		d.changes = append(d.changes, Change{Added, subject, name, "", now})
	case now == "":
		d.changes = append(d.changes, Change{Removed, subject, name, old, ""})
	default:
		d.changes = append(d.changes, Change{Changed, subject, name, old, now})
	}
}

func (d *differ) maps(subject string, old, now map[string]string) {
	names := maps.Clone(now)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, old)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d.value(subject, name, old[name], now[name])
	}
}

// image names the settings that changed; their values may be long. A first lock's are not news.
func (d *differ) image(old, now Image) {
	if d.each {
		d.settings(old, now)
		return
	}
	if reflect.DeepEqual(old, Image{}) {
		return
	}
	var names []string
	a, b := reflect.ValueOf(old), reflect.ValueOf(now)
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		empty := (x.Kind() == reflect.Slice || x.Kind() == reflect.Map) && x.Len() == 0 && y.Len() == 0
		if !empty && !reflect.DeepEqual(x.Interface(), y.Interface()) {
			names = append(names, strings.ToLower(a.Type().Field(i).Name))
		}
	}
	if len(names) > 0 {
		d.changes = append(d.changes, Change{Kind: Changed, Subject: "image", Name: strings.Join(names, ", ")})
	}
}

// debs sums up: "~ base packages 2 added, 1 removed, 5 changed" and, where it is one, says which.
func (d *differ) debs(old, now []Deb) {
	a, b := debsOf(old), debsOf(now)
	var added, removed, changed int
	var one Change
	note := func(c Change) {
		one = c
		if d.each {
			c.Subject = "deb"
			d.changes = append(d.changes, c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		switch was, ok := a[name]; {
		case !ok:
			added++
			note(Change{Added, "base", name, "", b[name].Version})
		case was.Version != b[name].Version:
			changed++
			note(Change{Changed, "base", name, was.Version, b[name].Version})
		case was.SHA256 != b[name].SHA256:
			changed++
			note(Change{Changed, "base", name, was.Version, "other contents"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, ok := b[name]; !ok {
			removed++
			note(Change{Removed, "base", name, a[name].Version, ""})
		}
	}
	if d.each {
		return
	}
	switch added + removed + changed {
	case 0:
		return
	case 1:
		d.changes = append(d.changes, one)
		return
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{added, "added"}, {removed, "removed"}, {changed, "changed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	kind := Changed
	switch added + removed + changed {
	case added:
		kind = Added
	case removed:
		kind = Removed
	}
	d.changes = append(d.changes, Change{Kind: kind, Subject: "base", Name: "packages", New: strings.Join(parts, ", ")})
}

// packages compares by name. A name with several versions shows them with their targets. Where the
// version is the same, the difference is in the index or in the files.
func (d *differ) packages(old, now *Lock) {
	a, b := byName(old.Packages), byName(now.Packages)
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := a[name], b[name]
		v, w := versions(was), versions(is)
		if v != w {
			d.value("package", name, v, w)
			continue
		}
		if x, y := origins(was), origins(is); x != y {
			d.value("package", name, v+" from "+x, w+" from "+y)
			continue
		}
		if otherFiles(was, is) {
			d.changes = append(d.changes, Change{Changed, "package", name, v, "other files of this version"})
		}
	}
}

func byName(list []Package) map[string][]Package {
	m := map[string][]Package{}
	for _, p := range list {
		m[p.Name] = append(m[p.Name], p)
	}
	for _, each := range m {
		slices.SortFunc(each, func(a, b Package) int {
			return cmp.Or(strings.Compare(a.Version, b.Version), strings.Compare(a.Index, b.Index), strings.Compare(a.Origin(), b.Origin()))
		})
	}
	return m
}

func versions(list []Package) string {
	if len(list) == 1 {
		return list[0].Version
	}
	var parts []string
	for _, p := range list {
		parts = append(parts, p.Version+" ("+strings.Join(sortedSet(p.platforms()), ", ")+")")
	}
	return strings.Join(parts, ", ")
}

func origins(list []Package) string {
	var names []string
	for _, p := range list {
		names = append(names, p.Origin())
	}
	return strings.Join(sortedSet(names), ", ")
}

// otherFiles tells whether a platform that both have installs another file now.
func otherFiles(was, is []Package) bool {
	had := map[string]string{}
	for _, p := range was {
		for _, t := range p.Targets {
			had[t] = p.Tree
		}
		for _, f := range p.Files {
			for _, t := range f.Targets {
				had[t] = f.SHA256
			}
		}
	}
	for _, p := range is {
		for _, t := range p.Targets {
			if sum, ok := had[t]; ok && sum != p.Tree {
				return true
			}
		}
		for _, f := range p.Files {
			for _, t := range f.Targets {
				if sum, ok := had[t]; ok && sum != f.SHA256 {
					return true
				}
			}
		}
	}
	return false
}

func targetsOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, t := range l.Targets {
		text := "Python " + t.Version()
		if t.Glibc != "" {
			text += ", glibc " + t.Glibc
		}
		if t.Musl != "" {
			text += ", musl " + t.Musl
		}
		m[t.Platform] = text
	}
	return m
}

func indexesOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, x := range l.Indexes {
		m[x.Name] = x.URL + x.Path
		if x.Format != "" {
			m[x.Name] += " (" + x.Format + ")"
		}
	}
	return m
}

func imagesOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, i := range l.Base.Images {
		m[i.Target] = i.Digest
	}
	return m
}

func archivesOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, a := range l.Base.Archives {
		m[a.Name] = a.URL
	}
	return m
}

func interpretersOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, i := range l.Base.Interpreters {
		m[i.Target] = i.Version + " from " + i.Path
	}
	return m
}

// dataOf tells by their places what data files are; where platforms have different ones, by platform too.
func dataOf(l *Lock) map[string]string {
	m, several := map[string]string{}, map[string]int{}
	for _, f := range l.Data {
		several[f.To]++
	}
	for _, f := range l.Data {
		name, what := f.To, "sha256:"+f.SHA256+" from "+f.Source()
		if f.Executable {
			what += ", executable"
		}
		if on := strings.Join(f.Targets, ", "); several[f.To] > 1 {
			name += " (" + on + ")"
		} else if len(f.Targets) < len(l.Targets) {
			what += ", on " + on + " only"
		}
		m[name] = what
	}
	return m
}

func choicesOf(l *Lock) map[string]string {
	m := map[string]string{}
	for _, c := range l.Choices {
		name := c.Kind + " " + c.Name
		if c.Target != "" {
			name += " (" + c.Target + ")"
		}
		m[name] = cmp.Or(c.Value, "yes")
	}
	return m
}

func debsOf(list []Deb) map[string]Deb {
	m := map[string]Deb{}
	for _, d := range list {
		// The architecture stands behind the name where one name has several, as on several platforms.
		m[d.Name+":"+d.Architecture] = d
	}
	return m
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
