package apt

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// Contents tells which packages have a shared library or a command, by the contents index of a distribution
// (Contents-ARCH). It knows what the distribution was released with: the index of the release pocket. Updates
// bring no other libraries than these, and Ubuntu's index of them is seven times as large, mostly kernels.
// Indexes of packages for all architectures are left out: a library or a compiled command is in none of them.
type Contents struct {
	libraries map[string][]Holder
	commands  map[string][]Holder
}

// Holder is a package that has a file.
type Holder struct {
	Package   string
	Component string // "main", "universe"
	Section   string // "libs"
	// Alternative tells that the file lies in a folder of its own, and that update-alternatives links it to
	// where it is looked for: of BLAS, LAPACK and older Mesa.
	Alternative bool
}

// ReadContents reads the contents index of the distribution and architecture that o names. It uses of o what
// says how archives are reached and trusted (Archives, Snapshots, AsOf, Fetcher, ExtraKeys, Now, AcceptExpired, Memo).
//
// Errors are diag errors with the codes of [Resolve]; NoAnswer where the archive has no such index.
func ReadContents(ctx context.Context, o Options) (*Contents, error) {
	c, err := readContents(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("reading which package of %s has which file: %w", o.Distro, err)
	}
	return c, nil
}

func readContents(ctx context.Context, o Options) (*Contents, error) {
	l, err := contentsLoader(o)
	if err != nil {
		return nil, err
	}
	files, err := l.contents(ctx)
	if lacking := (*noSnapshot)(nil); errors.As(err, &lacking) {
		return nil, snapshotsError([]*noSnapshot{lacking})
	}
	if err != nil {
		return nil, fmt.Errorf("archive %s, suite %s: %w", l.archive, l.suite, err)
	}
	c := &Contents{libraries: map[string][]Holder{}, commands: map[string][]Holder{}}
	for _, f := range files {
		all := c.libraries
		if f.command {
			all = c.commands
		}
		all[f.name] = append(all[f.name], f.Holder)
	}
	return c, nil
}

// contentsLoader loads what a distribution was released with.
func contentsLoader(o Options) (*loader, error) {
	d, err := findDistribution(o.Distro)
	if err != nil {
		return nil, err
	}
	pockets, err := d.choose([]string{"release"}, o.Architecture)
	if err != nil {
		return nil, err
	}
	keys, err := pockets[0].trustedKeys(o.ExtraKeys)
	if err != nil {
		return nil, err
	}
	return &loader{Options: o, pocket: pockets[0], keys: keys}, nil
}

// Library lists the packages that have a shared library of that file name where the dynamic linker looks for
// libraries of the architecture, sorted by name.
func (c *Contents) Library(soname string) []Holder { return c.libraries[soname] }

// Command lists the packages that have a program of that name in /usr/bin, /bin, /usr/sbin or /sbin.
func (c *Contents) Command(name string) []Holder { return c.commands[name] }

// Brought are the file names of the shared libraries that the packages have. packages may have names that are
// in no index.
func (c *Contents) Brought(packages []string) map[string]bool {
	has := make(map[string]bool, len(packages))
	for _, p := range packages {
		has[p] = true
	}
	brought := map[string]bool{}
	for name, holders := range c.libraries {
		for _, h := range holders {
			if has[h.Package] {
				brought[name] = true
			}
		}
	}
	return brought
}

// freeComponents are those that packages are chosen from without being asked for.
var freeComponents = map[string]int{"main": 0, "universe": 1}

// RankLibrary orders packages that have the same library, best first, and drops those that are not to be
// chosen: of other components than main and universe, for debugging, or for cross compilation. A package of
// chosen is before all; then one that needs no alternative; then one whose name follows from the library's as
// in Debian policy 8.1; then by section, a library's before others and those for development and old ones
// last; then main before universe, and by name.
func RankLibrary(soname string, holders []Holder, chosen map[string]bool) []Holder {
	return rankHolders(holders, chosen, func(pkg string) bool { return followsFrom(pkg, soname) })
}

// RankCommand is RankLibrary for packages that have the same program; the name that fits is the program's own.
func RankCommand(command string, holders []Holder, chosen map[string]bool) []Holder {
	return rankHolders(holders, chosen, func(pkg string) bool { return pkg == command })
}

func rankHolders(holders []Holder, chosen map[string]bool, fits func(pkg string) bool) []Holder {
	var kept []Holder
	for _, h := range holders {
		_, free := freeComponents[h.Component]
		if chosen[h.Package] || free && !special(h) {
			kept = append(kept, h)
		}
	}
	key := func(h Holder) [5]int {
		return [5]int{
			boolRank(chosen[h.Package]), boolRank(!h.Alternative), boolRank(fits(h.Package)), sectionRank(h.Section), freeComponents[h.Component],
		}
	}
	sort.SliceStable(kept, func(i, j int) bool {
		a, b := key(kept[i]), key(kept[j])
		for n := range a {
			if a[n] != b[n] {
				return a[n] < b[n]
			}
		}
		return kept[i].Package < kept[j].Package
	})
	return kept
}

func boolRank(good bool) int {
	if good {
		return 0
	}
	return 1
}

func sectionRank(section string) int {
	switch section {
	case "libs":
		return 0
	case "libdevel", "devel":
		return 2
	case "oldlibs":
		return 3
	}
	return 1
}

// special tells whether the package is for debugging or for building for other machines.
func special(h Holder) bool {
	if h.Section == "debug" {
		return true
	}
	for _, end := range []string{"-dbg", "-dbgsym", "-cross", "-udeb"} {
		if strings.HasSuffix(h.Package, end) {
			return true
		}
	}
	return strings.HasPrefix(h.Package, "lib32") || strings.HasPrefix(h.Package, "libx32") || strings.HasPrefix(h.Package, "lib64")
}

// followsFrom tells whether a package is called as policy 8.1 has it after a library: name, version of the
// interface, a hyphen between where the name ends in a digit; letters in lower case. Hyphens and dots count
// for nothing, as packages differ in them (libglib2.0-0 has libglib-2.0.so.0), nor do the marks of changed
// binary interfaces (v5, t64).
func followsFrom(pkg, soname string) bool {
	name, version, ok := strings.Cut(soname, ".so.")
	if !ok {
		return false
	}
	plain := func(s string) string {
		return strings.NewReplacer("-", "", ".", "", "_", "").Replace(strings.ToLower(s))
	}
	for _, mark := range []string{"t64", "v5"} {
		pkg = strings.TrimSuffix(pkg, mark)
	}
	return plain(pkg) == plain(name+version)
}

// maxContents bounds a packed contents index: Ubuntu's largest has 51 MB. It is held in memory packed.
const maxContents = 256 << 20

var errNoContents = errors.New("the release lists no contents index")

// contents reads the indexes of all components of a pocket, which have one each (Debian) or one together
// (Ubuntu).
func (l *loader) contents(ctx context.Context) ([]held, error) {
	r, err := l.release(ctx)
	if err != nil {
		return nil, err
	}
	indexes := l.contentsIndexes(r, l.Architecture)
	if len(indexes) == 0 {
		return nil, diag.Wrap(errNoContents, diag.NoAnswer, "architecture %s", l.Architecture)
	}
	var all []held
	for _, i := range indexes {
		part, err := l.contentsIndex(ctx, r, i.folder, i.name, i.file)
		if err != nil {
			return nil, fmt.Errorf("index %s%s: %w", i.folder, i.name, err)
		}
		all = append(all, part...)
	}
	sortHeld(all)
	return all, nil
}

// namedIndex is a contents index that a release lists.
type namedIndex struct {
	folder, name string
	file         indexFile
}

// contentsIndexes are those of an architecture: one a component, or one for all.
func (l *loader) contentsIndexes(r *release, architecture string) (list []namedIndex) {
	name := "Contents-" + architecture + ".gz"
	folders := []string{""}
	if _, together := r.files[name]; !together {
		folders = folders[:0]
		for _, component := range l.components {
			folders = append(folders, component+"/")
		}
	}
	for _, folder := range folders {
		if file, ok := r.files[folder+name]; ok {
			list = append(list, namedIndex{folder, name, file})
		}
	}
	return list
}

func (l *loader) contentsIndex(ctx context.Context, r *release, folder, name string, file indexFile) ([]held, error) {
	if file.size > maxContents {
		return nil, diag.New(diag.Fetch, "it has %d bytes, more than %d", file.size, maxContents)
	}
	const kind = "apt-contents"
	component := strings.TrimSuffix(folder, "/")
	key := fmt.Sprintf("%s-%s-%s-%d", file.sha256, component, l.Architecture, contentsFormat)
	if l.Memo != nil {
		if data, ok := l.Memo.Memo(kind, key); ok {
			// A damaged memo is no reason to fail: it is made anew.
			if all, err := decodeHeld(data); err == nil {
				return all, nil
			}
		}
	}
	data, err := l.getIndex(ctx, r, folder, name, file)
	if err != nil {
		return nil, err
	}
	all, err := parseContents(ctx, data, l.Architecture, component)
	if err != nil {
		return nil, err
	}
	if l.Memo != nil {
		if err := l.Memo.PutMemo(kind, key, encodeHeld(all)); err != nil {
			return nil, fmt.Errorf("keeping the index: %w", err)
		}
	}
	return all, nil
}
