package rootfs

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
)

// Below is an image's file system that packages are put onto.
type Below struct {
	// Entries are all of it, each folder's among them. The content of a file is layer.Bytes where it is known, and else
	// a layer.Opener, which is not opened.
	Entries []layer.Entry
	Status  []byte // dpkg's database as one text, in the form of its status file
	Parted  bool   // the image keeps it in the folder status.d
	// Libraries are the lines of its linker's cache.
	Libraries []CachedLibrary
}

// CachedLibrary is a line of /etc/ld.so.cache.
type CachedLibrary struct {
	Name, Path string
	Flags      uint32
	HWCap      uint64
	HWCaps     string // the folder below glibc-hwcaps that HWCap means; "" for none
}

// Onto is what packages add to an image, and change of it.
type Onto struct {
	Entries []layer.Entry // sorted, with the folders that lead to them as the image has them
	// Unread is as that of a [Tree]. What the scripts would change of the image's own files, and a layer above
	// it cannot, stands under [OfImage].
	Unread map[string][]string
}

// OfImage is the name under which Unread has what is about the image itself.
const OfImage = "the image"

// AssembleOnto makes what packages add to an image and change of it, as dpkg would: files of packages replace files
// that are there, but for configuration files, which stay; folders and links that are there stay; diversions are
// followed. A file of another package of the image is replaced only by what says so in Replaces, and stays where that other
// package does.
//
// Errors: those of [AssembleBoth]; a package that ships something else where the image has a folder, or a file that another
// package of the image has.
func AssembleOnto(ctx context.Context, below Below, debs []Deb, o Options) (*Onto, error) {
	all, err := unpackAll(ctx, debs, o)
	if err != nil {
		return nil, err
	}
	b := newBeneath(below)
	kept, err := b.makeWay(all)
	if err != nil {
		return nil, err
	}
	t := b.t
	if err := t.ship(all); err != nil {
		return nil, err
	}
	t.linkMerged()
	result := &Onto{Unread: map[string][]string{}}
	c := &configuration{t: t, arch: o.Architecture, all: b.installed, shippers: b.shippers, diversions: b.diversions(), overrides: b.overrides()}
	for _, u := range all {
		c.all[u.Name] = u
		for _, p := range u.shipped {
			c.shippers["/"+p] = u.Name
		}
	}
	for _, u := range configureOrder(all) {
		if err := c.configure(u, result.Unread); err != nil {
			return nil, err
		}
	}
	t.alternatives(b.knownAlternatives(c.alternatives))
	if shipsCertificates(all) {
		if err := t.trust(); err != nil {
			return nil, fmt.Errorf("adding certificates to those of the image: %w", err)
		}
	}
	if err := t.linkerCacheOnto(o.Architecture, c.knowsHWCaps(), below.Libraries); err != nil {
		return nil, err
	}
	c.records()
	c.tidy()
	if err := b.database(all, kept, o.Architecture); err != nil {
		return nil, err
	}
	result.Entries, err = b.difference(result.Unread)
	return result, err
}

func shipsCertificates(all []*unpacked) bool {
	for _, u := range all {
		for _, e := range u.entries {
			if e.Kind == layer.File && strings.HasPrefix(e.Path, certificates+"/") {
				return true
			}
		}
	}
	return false
}

// beneath is a tree that begins as an image's.
type beneath struct {
	Below
	t         *tree
	was       map[string]layer.Entry  // as the image has it
	nodes     map[string]*layer.Entry // the tree's, while nobody has replaced them
	installed map[string]*unpacked
	shippers  map[string]string
}

func newBeneath(below Below) *beneath {
	b := &beneath{
		Below: below, t: newTree(), was: map[string]layer.Entry{}, nodes: map[string]*layer.Entry{},
		installed: map[string]*unpacked{}, shippers: map[string]string{},
	}
	for _, e := range below.Entries {
		b.was[e.Path] = e
		b.t.nodes[e.Path], b.t.owner[e.Path] = &e, OfImage
		b.nodes[e.Path] = &e
		b.shippers["/"+e.Path] = OfImage
	}
	bin, there := b.was["bin"]
	b.t.unmerged = there && bin.Kind == layer.Dir
	for _, s := range stanzas(below.Status) {
		u := &unpacked{Deb: Deb{Name: s.name, Version: s.fields["version"], Architecture: s.fields["architecture"]}}
		if s.installed() {
			b.installed[s.name] = u
		}
	}
	return b
}

// makeWay takes away what the packages' files replace, and out of the packages those that are not to be there. It
// gives the configuration files of the image that stay, by path, as the packages have them.
func (b *beneath) makeWay(all []*unpacked) (map[string]layer.Entry, error) {
	kept := map[string]layer.Entry{}
	diverted := b.diversions()
	judge := b.newOverwrites(all)
	for _, u := range all {
		conffiles := map[string]bool{}
		for line := range strings.Lines(string(u.members["conffiles"])) {
			conffiles[clean(strings.TrimSpace(line))] = true
		}
		var entries []layer.Entry
		for _, e := range u.entries {
			configuration := conffiles[e.Path]
			for _, d := range diverted {
				if d.from == "/"+e.Path && d.by != u.Name {
					e.Path = clean(d.to)
				}
			}
			p, err := b.t.beyondLinks(b.t.merge(e.Path, e.Kind))
			if err != nil {
				return nil, err
			}
			old, there := b.t.nodes[p]
			switch {
			case !there || e.Kind == layer.Dir || b.t.owner[p] != OfImage:
			case old.Kind == layer.Dir:
				return nil, diag.New(diag.Failure, "the package %s ships /%s, where the image has a folder", u.Name, e.Path).
					Hint("the package cannot be added to this image")
			default:
				takes, err := judge.judge(u, p)
				if err != nil {
					return nil, err
				}
				if !takes {
					continue
				}
				if old.Kind == layer.File && configuration {
					kept[p] = e
					continue
				}
				delete(b.t.nodes, p)
				delete(b.t.owner, p)
			}
			entries = append(entries, e)
		}
		u.entries = entries
	}
	return kept, nil
}

// lines reads one of dpkg's texts of the image.
func (b *beneath) lines(p string) []string {
	text, err := b.t.read(p)
	if err != nil || len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// diversions are those of the image: three lines each (dpkg-divert).
func (b *beneath) diversions() []diversion {
	var list []diversion
	for l := b.lines(admin + "/diversions"); len(l) >= 3; l = l[3:] {
		list = append(list, diversion{l[0], l[1], l[2]})
	}
	return list
}

// overrides are those of the image: owner, group, mode and path (dpkg-statoverride).
func (b *beneath) overrides() map[string]string {
	all := map[string]string{}
	for _, l := range b.lines(admin + "/statoverride") {
		if f := strings.SplitN(l, " ", 4); len(f) == 4 {
			all[f[3]] = strings.Join(f[:3], " ")
		}
	}
	return all
}

// knownAlternatives are the new ones, and the image's of the same names, whose links are made anew. Where somebody
// chose by hand, all stays as it is.
func (b *beneath) knownAlternatives(found []alternative) []alternative {
	var all []alternative
	seen := map[string]bool{}
	manual := map[string]bool{}
	for _, a := range found {
		if seen[a.name] {
			continue
		}
		seen[a.name] = true
		text, err := b.t.read(path.Join(admin, "alternatives", a.name))
		if err != nil {
			continue
		}
		known, auto := parseAlternativeRecord(a.name, string(text))
		if manual[a.name] = !auto; !auto {
			continue
		}
		for _, k := range known {
			delete(b.t.nodes, "etc/alternatives/"+k.name)
			for _, s := range k.slaves {
				delete(b.t.nodes, "etc/alternatives/"+s.name)
			}
		}
		all = append(all, known...)
	}
	for _, a := range found {
		if !manual[a.name] {
			all = append(all, a)
		}
	}
	return all
}

// parseAlternativeRecord reads what [alternativeRecord] writes; auto is false where it is in manual mode, or is none.
func parseAlternativeRecord(name, text string) (known []alternative, auto bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[0] != "auto" {
		return nil, false
	}
	link := lines[1]
	lines = lines[2:]
	var slaves []slave
	for len(lines) > 1 && lines[0] != "" {
		slaves = append(slaves, slave{lines[1], lines[0], ""})
		lines = lines[2:]
	}
	if len(lines) == 0 || lines[0] != "" {
		return nil, false
	}
	for lines = lines[1:]; len(lines) >= 2+len(slaves) && lines[0] != ""; lines = lines[2+len(slaves):] {
		a := alternative{link: link, name: name, path: lines[0], priority: signed(lines[1])}
		for i, s := range slaves {
			if s.path = lines[2+i]; s.path != "" {
				a.slaves = append(a.slaves, s)
			}
		}
		known = append(known, a)
	}
	return known, true
}

func signed(s string) int {
	var n int
	if _, err := fmt.Sscan(s, &n); err != nil {
		return 0
	}
	return n
}

// difference is what differs from the image. What a layer cannot say is told in unread and left as it is.
func (b *beneath) difference(unread map[string][]string) ([]layer.Entry, error) {
	for _, p := range slices.Sorted(maps.Keys(b.was)) {
		if _, there := b.t.nodes[p]; !there {
			unread[OfImage] = append(unread[OfImage], fmt.Sprintf("rm /%s: what is in the image stays in it", p))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(b.t.nodes)) {
		if parent := path.Dir(p); parent != "." {
			b.t.dir(parent, 0o755, 0)
		}
	}
	differs := map[string]bool{}
	for p, e := range b.t.nodes {
		same, err := b.same(p, e)
		if err != nil {
			return nil, err
		}
		if !same {
			differs[p] = true
		}
	}
	var list []layer.Entry
	for _, p := range slices.Sorted(maps.Keys(differs)) {
		if _, isUnknown := b.t.nodes[p].Content.(layer.Opener); isUnknown {
			unread[OfImage] = append(unread[OfImage], fmt.Sprintf("chmod or cp /%s: the content of the image's file is not known here", p))
			delete(differs, p)
		}
	}
	for _, p := range slices.Collect(maps.Keys(differs)) {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			differs[dir] = true
		}
	}
	for _, p := range slices.Sorted(maps.Keys(differs)) {
		e := *b.t.nodes[p]
		if s, ok := e.Content.(spooled); ok {
			e.Content = s.Opener
		}
		list = append(list, e)
	}
	return list, nil
}

// same tells whether the image has the entry as it is now.
func (b *beneath) same(p string, e *layer.Entry) (bool, error) {
	was, there := b.was[p]
	if !there || was.Kind != e.Kind || was.Mode != e.Mode || was.UID != e.UID || was.GID != e.GID || was.Link != e.Link || was.Capability != e.Capability {
		return false, nil
	}
	if e.Kind != layer.File || b.nodes[p] == e {
		return true, nil
	}
	old, known := was.Content.(layer.Bytes)
	if !known || layer.Size(old) != layer.Size(e.Content) {
		return false, nil
	}
	if e.Content == nil {
		return len(old) == 0, nil
	}
	content := e.Content
	if s, ok := content.(spooled); ok {
		content = s.Opener
	}
	now, err := contentBytes(content)
	return bytes.Equal(old, now), err
}
