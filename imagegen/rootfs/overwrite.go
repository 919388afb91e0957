package rootfs

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/debversion"
	"github.com/envpack/envpack/internal/diag"
)

// overwrites judges what packages would replace of the image's files, as dpkg does when it unpacks them (policy 7.6;
// dpkg, src/main/archives.c).
type overwrites struct {
	b         *beneath
	fresh     map[string]bool     // names of the packages that come
	installed map[string]stanza   // of the image, by name
	owners    map[string][]string // by path in the tree: names of the image's packages; nil until it is needed
}

func (b *beneath) newOverwrites(all []*unpacked) *overwrites {
	o := &overwrites{b: b, fresh: map[string]bool{}, installed: map[string]stanza{}}
	for _, u := range all {
		o.fresh[u.Name] = true
	}
	for _, s := range stanzas(b.Status) {
		if s.installed() {
			o.installed[s.name] = s
		}
	}
	return o
}

// judge tells whether a package's file is to take the place p of one of the image. It does not where the image's package
// replaces those of the other. That neither does is an error, unless no package has the file, or the package that comes
// moves it away.
func (o *overwrites) judge(u *unpacked, p string) (takes bool, err error) {
	if o.owners == nil {
		if o.owners, err = o.list(); err != nil {
			return false, err
		}
	}
	fields := map[string]string{}
	for _, f := range controlFields(u.control) {
		key, value, _ := strings.Cut(f, ":")
		fields[strings.ToLower(key)] = value
	}
	for _, name := range o.owners[p] {
		owner, there := o.installed[name]
		switch {
		case o.fresh[name] || !there: // of a version that goes, or of what was removed
		case replaces(fields["replaces"], name, owner.fields["version"]):
		case replaces(owner.fields["replaces"], u.Name, u.Version):
			return false, nil
		case divertsItself(u, p):
		default:
			return false, diag.New(diag.Failure, "the package %s ships /%s, which the image has of its package %s %s", u.Name, p, name, owner.fields["version"]).
				Hint("dpkg refuses that too, since neither package says that it replaces the other").
				Hint("take %s, or what depends on it, out of system.packages, or choose an image without %s", u.Name, name)
		}
	}
	return true, nil
}

// replaces tells whether a field Replaces names a package of that version.
func replaces(field, name, version string) bool {
	for _, one := range strings.Split(field, ",") {
		head, bound, bounded := strings.Cut(strings.TrimSpace(one), "(")
		head, _, _ = strings.Cut(strings.TrimSpace(head), ":")
		if head != name {
			continue
		}
		bound, _, _ = strings.Cut(strings.TrimSpace(bound), ")")
		than := strings.TrimLeft(bound, "<>=")
		if !bounded || debversion.Holds(version, bound[:len(bound)-len(than)], strings.TrimSpace(than)) {
			return true
		}
	}
	return false
}

// divertsItself tells whether the package's preinst, which runs before its files are there, moves the path away. What it
// says is not carried out, so that its being named beside dpkg-divert is all that is looked for.
func divertsItself(u *unpacked, p string) bool {
	script := string(u.members["preinst"])
	return strings.Contains(script, "dpkg-divert") && strings.Contains(script, path.Base(p))
}

// list reads which package has which file: dpkg's lists or, in an image that keeps a file for each package, their sums.
func (o *overwrites) list() (map[string][]string, error) {
	t := o.b.t
	owners := map[string][]string{}
	diverted := map[string]diversion{}
	for _, d := range o.b.diversions() {
		diverted[d.from] = d
	}
	add := func(name, p string) error {
		if d, ok := diverted["/"+p]; ok && d.by != name {
			p = clean(d.to)
		}
		p, err := t.beyondLinks(t.merge(p, layer.File))
		if err != nil {
			return err
		}
		if !slices.Contains(owners[p], name) {
			owners[p] = append(owners[p], name)
		}
		return nil
	}
	for _, file := range t.paths(admin) {
		folder, base := path.Split(file)
		name, isList := strings.CutSuffix(base, ".list")
		sums, isSums := strings.CutSuffix(base, ".md5sums")
		switch {
		case isList && folder == info+"/":
			name, _, _ = strings.Cut(name, ":")
			for _, line := range o.b.lines(file) {
				p := clean(line)
				if e, there := t.nodes[p]; p == "" || there && e.Kind == layer.Dir {
					continue
				}
				if err := add(name, p); err != nil {
					return nil, err
				}
			}
		case isSums && folder == admin+"/status.d/":
			for _, line := range o.b.lines(file) {
				if _, p, ok := strings.Cut(line, "  "); ok {
					if err := add(sums, clean(p)); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return owners, nil
}
