package compare

import (
	"archive/tar"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// named is an entry with the layer that has it, and how often that layer has its path.
type named struct {
	*entry
	layer, times int
	linked       bool // a hard link in place of which is what it leads to
}

// effective are a layer's entries by path: of several with one path the last, as unpacking leaves it.
func (x *index) effective() map[string]named {
	if x.byPath == nil {
		x.byPath = make(map[string]named, len(x.entries))
		for i := range x.entries {
			e := &x.entries[i]
			x.byPath[e.path] = named{entry: e, layer: x.layer, times: x.byPath[e.path].times + 1}
		}
	}
	return x.byPath
}

// permissions are the bits of a mode that unpacking sets. Some tools write the type of the file beside them.
const permissions = 0o7777

// compareFiles lists what is not the same. Of whole images it does not count how a layer writes an entry.
func compareFiles(old, now map[string]named, whole bool, o Options) *Files {
	f := &Files{List: []FileChange{}}
	paths := make([]string, 0, len(now))
	for p := range now {
		paths = append(paths, p)
	}
	for p := range old {
		if _, ok := now[p]; !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		a, was := old[p]
		b, is := now[p]
		c := FileChange{Path: p}
		switch {
		case !was:
			f.Added++
			c.Kind = lockfile.Added
		case !is:
			f.Removed++
			c.Kind = lockfile.Removed
		default:
			c.What = differences(a, b, whole, o)
			if len(c.What) == 0 {
				f.Same++
				continue
			}
			f.Changed++
			c.Kind = lockfile.Changed
		}
		if len(f.List) >= o.maxFiles() {
			continue
		}
		if was {
			c.Old = a.file(whole)
		}
		if is {
			c.New = b.file(whole)
		}
		f.List = append(f.List, c)
	}
	return f
}

// differences says in what two entries of one path are not the same.
func differences(a, b named, whole bool, o Options) []string {
	var what []string
	add := func(name string, differ bool) {
		if differ {
			what = append(what, name)
		}
	}
	x, y := a.about, b.about
	add("type", kindOf(x.kind) != kindOf(y.kind))
	add("content", a.sum != b.sum && a.isFile() && b.isFile())
	add("size", a.size != b.size && a.isFile() && b.isFile())
	add("mode", (x.mode^y.mode)&permissions != 0 || !whole && x.mode != y.mode)
	add("owner", x.uid != y.uid || x.gid != y.gid || x.user != y.user || x.group != y.group)
	if !o.IgnoreTimes {
		add("time", x.modified != y.modified || x.accessed != y.accessed || x.changed != y.changed)
	}
	add("target", a.link != b.link && !a.linked && !b.linked)
	add("attributes", x.attributes != y.attributes)
	add("device", x.major != y.major || x.minor != y.minor)
	if !whole {
		add("name", a.name != b.name)
		add("format", x.format != y.format && !o.IgnoreTimes) // dates beyond whole seconds choose it
		add("times", a.times != b.times)
	}
	return what
}

func (n named) file(whole bool) *File {
	a := n.about
	mode := a.mode
	if whole {
		mode &= permissions
	}
	f := &File{
		Type: kindOf(a.kind), Mode: fmt.Sprintf("%04o", mode), UID: a.uid, GID: a.gid, User: a.user, Group: a.group,
		Size: n.size, Time: a.modified, Accessed: a.accessed, Changed: a.changed, Target: n.link, Name: n.name,
		Format: formatOf(a.format), Layer: n.layer, Linked: n.linked,
	}
	if n.isFile() {
		f.SHA256 = fmt.Sprintf("%x", n.sum)
	}
	if a.major != 0 || a.minor != 0 || a.kind == tar.TypeChar || a.kind == tar.TypeBlock {
		f.Device = fmt.Sprintf("%d:%d", a.major, a.minor)
	}
	if n.times > 1 && !n.linked {
		f.Times = n.times
	}
	for record := range strings.SplitSeq(a.attributes, "\x00") {
		if k, v, ok := strings.Cut(record, "="); ok {
			if f.Attributes == nil {
				f.Attributes = map[string]string{}
			}
			f.Attributes[k] = v
		}
	}
	return f
}

func formatOf(f tar.Format) string {
	if f == tar.FormatUnknown {
		return "V7"
	}
	return strings.Trim(f.String(), "()")
}

// orderNote says where the order of entries that both layers have begins to differ; "": nowhere.
func orderNote(old, now *index) string {
	has := make(map[string]bool, len(now.entries))
	for _, e := range now.entries {
		has[e.path] = true
	}
	var common []string
	seen := map[string]bool{}
	for _, e := range old.entries {
		if has[e.path] && !seen[e.path] {
			seen[e.path] = true
			common = append(common, e.path)
		}
	}
	i := 0
	for _, e := range now.entries {
		if !seen[e.path] {
			continue
		}
		delete(seen, e.path)
		if common[i] != e.path {
			return fmt.Sprintf("the order of the entries differs: where the old layer has %s, the new one has %s", common[i], e.path)
		}
		i++
	}
	return ""
}

// repeatNote names the first path that a layer has more than once.
func repeatNote(which string, x *index, e map[string]named) string {
	n, first := 0, ""
	for i := range x.entries {
		if p := x.entries[i].path; e[p].times > 1 {
			n++
			if first == "" {
				first = p
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("the %s layer has paths more than once, the first of them %s; the last entry of each is what counts", which, first)
}
