package imagegen

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// owner is a choice of the lock: whose files are installed at a path and below it.
type owner struct {
	key  string // as in the lock
	path string // relative to the root
	name string // of the package
	idle bool
}

// owners are the choices about contested paths, the most specific first.
func (p *Plan) owners() []*owner {
	var list []*owner
	for _, c := range p.Lock.Choices {
		if c.Kind == lockfile.OwnerChoice && (c.Target == "" || c.Target == p.Target.Platform) {
			list = append(list, &owner{key: c.Name, path: p.paths().ownedPath(c.Name), name: c.Value, idle: true})
		}
	}
	slices.SortStableFunc(list, func(a, b *owner) int { return cmp.Compare(len(b.path), len(a.path)) })
	return list
}

// paths is where the plan's wheels are installed.
func (p *Plan) paths() paths {
	return paths{install.Layout{Python: p.Target.Minor(), Prefix: Prefix}}
}

type paths struct{ install.Layout }

// ownedPath is the path that the name of a choice means, relative to the root.
func (l paths) ownedPath(key string) string {
	if abs, ok := strings.CutPrefix(key, "/"); ok {
		return abs
	}
	return l.SitePackages() + "/" + key
}

// ownerKey is how a choice names a path.
func (l paths) ownerKey(p string) string {
	if rel, ok := strings.CutPrefix(p, l.SitePackages()+"/"); ok {
		return rel
	}
	return "/" + p
}

// ownerOf gives the package that the most specific of the choices names for the path, of those that have it.
func ownerOf(list []*owner) func(p string, names []string) string {
	return func(p string, names []string) string {
		for _, o := range list {
			if (p == o.path || strings.HasPrefix(p, o.path+"/")) && slices.Contains(names, o.name) {
				o.idle = false
				return o.name
			}
		}
		return ""
	}
}

// settle decides which wheel has a path that several have, and notes what follows for the layers.
func (w *work) settle(set *wheelSet, list []*install.Installed) error {
	before := make([][]string, len(list))
	for i, in := range list {
		before[i] = pathsOf(in.Entries())
	}
	owners := w.plan.owners()
	if err := install.Settle(list, ownerOf(owners)); err != nil {
		return w.plan.contested(err, list)
	}
	set.settlement, set.installed = settlement{Omit: omissions{}, Shares: shares(set.all, before)}, map[string]*install.Installed{}
	for i, in := range list {
		sum := set.all[i].File.SHA256
		set.installed[sum] = in
		if in.Newer != "" {
			if set.Newer == nil {
				set.Newer = map[string]string{}
			}
			set.Newer[in.Wheel] = in.Newer
		}
		gone, ceded := difference(before[i], pathsOf(in.Entries())), in.Ceded()
		gone = slices.DeleteFunc(gone, func(p string) bool { return slices.Contains(ceded, p) })
		if len(gone) > 0 {
			set.Omit[sum] = gone
		}
		if len(ceded) > 0 {
			if set.Cede == nil {
				set.Cede = omissions{}
			}
			set.Cede[sum] = ceded
		}
	}
	for _, o := range owners {
		if o.idle {
			set.Idle = append(set.Idle, o.key)
		}
	}
	slices.Sort(set.Idle)
	return nil
}

// shares are the wheels with which each has a path in common, by SHA-256; paths are those of each.
func shares(wheels []Wheel, paths [][]string) map[string][]string {
	having := map[string][]int{}
	for i, list := range paths {
		for _, p := range list {
			having[p] = append(having[p], i)
		}
	}
	all := map[string][]string{}
	for _, list := range having {
		for _, i := range list {
			for _, j := range list {
				if i != j {
					sum := wheels[i].File.SHA256
					all[sum] = append(all[sum], wheels[j].File.SHA256)
				}
			}
		}
	}
	for sum, list := range all {
		slices.Sort(list)
		all[sum] = slices.Compact(list)
	}
	return all
}

// contested says what to do about two wheels with one path.
func (p *Plan) contested(err error, list []*install.Installed) error {
	var c *install.ContestedError
	if !errors.As(err, &c) {
		return err
	}
	e := diag.Wrap(err, diag.Failure, "the wheels cannot be installed together").
		Hint("take out one of the two, or what requires it; often they are two builds of one thing, such as opencv-python and opencv-python-headless")
	if lines := p.proposeOwners(list); len(lines) > 0 {
		_ = e.Hint("or say in the manifest whose files are installed:\n    [ownership]\n    %s", strings.Join(lines, "\n    "))
	}
	return e
}

// maxProposed is how many lines are proposed for the manifest. Where more are needed, the wheels are hardly meant to lie together.
const maxProposed = 8

// proposeOwners are lines for the manifest that decide all contested paths; that they do is tried. There are none where no such lines
// help, as between a file and a folder.
func (p *Plan) proposeOwners(list []*install.Installed) []string {
	contests, err := install.Contested(list)
	if err != nil {
		return nil
	}
	owners, l := p.owners(), p.paths()
	given := ownerOf(owners)
	var found []*proposal
	for _, c := range contests {
		if c.Same || c.Calls != "" || given(c.Path, c.Names) != "" {
			continue
		}
		key := l.ownerKey(c.Path)
		i := slices.IndexFunc(found, func(o *proposal) bool { return slices.Equal(o.names, c.Names) && o.shared(key) != "" })
		if i < 0 {
			found = append(found, &proposal{path: key, names: c.Names})
			continue
		}
		found[i].path = found[i].shared(key)
	}
	if len(found) == 0 || len(found) > maxProposed {
		return nil
	}
	var lines []string
	for _, o := range found {
		owners = append(owners, &owner{path: l.ownedPath(o.path), name: o.names[0]})
		others := make([]string, len(o.names)-1)
		for i, name := range o.names[1:] {
			others[i] = lockfile.Quote(name)
		}
		lines = append(lines, fmt.Sprintf("%s = %s  # or %s", lockfile.Quote(o.path), lockfile.Quote(o.names[0]), strings.Join(others, ", ")))
	}
	slices.SortStableFunc(owners, func(a, b *owner) int { return cmp.Compare(len(b.path), len(a.path)) })
	if install.Settle(list, ownerOf(owners)) != nil {
		return nil
	}
	return lines
}

// proposal is a path that all of the packages have files at or below.
type proposal struct {
	path  string
	names []string
}

// shared is the folder that has the proposal's paths and another; "" if that would be a folder of the environment itself.
func (o *proposal) shared(other string) string {
	dir := o.path
	for dir != other && !strings.HasPrefix(other, dir+"/") {
		if dir = path.Dir(dir); dir == "." || strings.HasPrefix(dir, "/") && strings.Count(dir, "/") < 4 {
			return ""
		}
	}
	return dir
}
