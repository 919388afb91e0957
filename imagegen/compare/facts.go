package compare

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// facts are what is installed, where no two locks tell it.
type facts struct {
	base     string            // "debian:12"
	python   string            // versions, "3.11"
	packages map[string]string // Python packages: version, by normalised name
	debs     map[string]string // packages of the distribution: version, by name and architecture
}

// lockFacts are those of a lock of one platform.
func lockFacts(l *lockfile.Lock) facts {
	f := facts{base: l.Base.Distro, packages: map[string]string{}, debs: map[string]string{}}
	for _, t := range l.Targets {
		f.python = lockfile.MinorOf(t.Python)
	}
	for _, p := range l.Packages {
		f.packages[p.Name] = p.Version
	}
	for _, d := range l.Base.Debs {
		f.debs[d.Name+":"+d.Architecture] = d.Version
	}
	return f
}

// fileFacts are what files show: all of an image, or those of some of its layers.
func fileFacts(files map[string]named, texts map[string][]byte) (facts, error) {
	f := facts{packages: map[string]string{}, debs: map[string]string{}}
	if b := inspect.BaseOf(texts); b != nil {
		f.base = b.Distro
	}
	pythons, versions := map[string]bool{}, map[string][]string{}
	for p := range files {
		name, version, python, ok := inspect.Installed(p)
		if !ok {
			continue
		}
		versions[name] = append(versions[name], version)
		if python != "" {
			pythons[python] = true
		}
	}
	for name, list := range versions {
		slices.Sort(list)
		f.packages[name] = strings.Join(slices.Compact(list), ", ")
	}
	f.python = strings.Join(slices.Sorted(maps.Keys(pythons)), ", ")
	if status, ok := texts[dpkgStatus]; ok {
		list, err := parent.Installed(status)
		if err != nil {
			return f, diag.Wrap(err, diag.Failure, "reading /%s", dpkgStatus)
		}
		for _, d := range list {
			f.debs[d.Name+":"+d.Architecture] = d.Version
		}
	}
	return f, nil
}

// changes gives the differences, in the order of a lock's: base, debs, Python, packages.
func (f facts) changes(now facts) []lockfile.Change {
	var list []lockfile.Change
	list = append(list, change("base", "", f.base, now.base)...)
	list = append(list, tableChanges("deb", f.debs, now.debs)...)
	list = append(list, change("target", "Python", f.python, now.python)...)
	return append(list, tableChanges("package", f.packages, now.packages)...)
}

func change(subject, name, old, now string) []lockfile.Change {
	c := lockfile.Change{Kind: lockfile.Changed, Subject: subject, Name: name, Old: old, New: now}
	switch {
	case old == now:
		return nil
	case old == "":
		c.Kind = lockfile.Added
	case now == "":
		c.Kind = lockfile.Removed
	}
	return []lockfile.Change{c}
}

func tableChanges(subject string, old, now map[string]string) []lockfile.Change {
	names := maps.Clone(old)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, now)
	var list []lockfile.Change
	for _, n := range slices.Sorted(maps.Keys(names)) {
		list = append(list, change(subject, n, old[n], now[n])...)
	}
	return list
}

// settingChanges compares how two images run.
func settingChanges(old, now *inspect.Report, o Options) []lockfile.Change {
	a, b := old.Config, now.Config
	var list []lockfile.Change
	set := func(name, x, y string) { list = append(list, change("setting", name, x, y)...) }
	set("entrypoint", lockfile.Words(a.Entrypoint), lockfile.Words(b.Entrypoint))
	set("command", lockfile.Words(a.Command), lockfile.Words(b.Command))
	set("user", a.User, b.User)
	set("workdir", a.Workdir, b.Workdir)
	list = append(list, tableChanges("setting", environment(a.Env), environment(b.Env))...)
	if order := slices.Equal(slices.Sorted(slices.Values(a.Env)), slices.Sorted(slices.Values(b.Env))); order && !slices.Equal(a.Env, b.Env) {
		set("order of env", strings.Join(a.Env, " "), strings.Join(b.Env, " "))
	}
	set("ports", strings.Join(a.Ports, ", "), strings.Join(b.Ports, ", "))
	set("volumes", strings.Join(a.Volumes, ", "), strings.Join(b.Volumes, ", "))
	list = append(list, tableChanges("setting", prefixed("label ", a.Labels), prefixed("label ", b.Labels))...)
	list = append(list, tableChanges("setting", prefixed("annotation ", dated(old.Annotations, o)), prefixed("annotation ", dated(now.Annotations, o)))...)
	set("platform", old.Platform, now.Platform)
	if !o.IgnoreTimes {
		set("created", old.Created, now.Created)
	}
	return list
}

// createdAnnotation is the date of an image in its manifest (OCI image specification, annotations.md).
const createdAnnotation = "org.opencontainers.image.created"

func dated(annotations map[string]string, o Options) map[string]string {
	if o.IgnoreTimes {
		annotations = maps.Clone(annotations)
		delete(annotations, createdAnnotation)
	}
	return annotations
}

// environment are variables by name; of a name that is there twice the last counts.
func environment(list []string) map[string]string {
	m := map[string]string{}
	for _, e := range list {
		name, value, _ := strings.Cut(e, "=")
		m["env "+name] = cmp.Or(value, `""`)
	}
	return m
}

func prefixed(prefix string, values map[string]string) map[string]string {
	m := map[string]string{}
	for k, v := range values {
		m[prefix+k] = cmp.Or(v, `""`)
	}
	return m
}
