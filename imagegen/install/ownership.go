package install

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
)

// Contest is a path that several wheels own.
type Contest struct {
	Path  string
	Names []string // of the distributions, normalised, sorted
	Same  bool     // all have the same bytes there
	Calls string   // where all have a script of an entry point, the one of them that has the module which its script imports; "": none or several
}

// ContestedError says that two wheels own one path with different bytes, and that nobody has said
// whose it is.
type ContestedError struct {
	Path   string
	Wheels [2]string // file names
	Folder bool      // what is a file in the first wheel is a folder in the second
}

// Error implements error.
func (e *ContestedError) Error() string {
	if e.Folder {
		return fmt.Sprintf("%s is a file in %s and a folder in %s", e.Path, e.Wheels[0], e.Wheels[1])
	}
	return fmt.Sprintf("%s is in %s and in %s, with different content", e.Path, e.Wheels[0], e.Wheels[1])
}

// Contested lists the paths that more than one of the wheels owns, sorted. What is a file in one and a
// folder in another is a [*ContestedError]. The files in question are read, and where RECORD has a false
// hash for one, the wheel is amended.
func Contested(wheels []*Installed) ([]Contest, error) {
	owners := ownersOf(wheels)
	if err := checkFolders(owners); err != nil {
		return nil, err
	}
	var contests []Contest
	var err error
	for path, claims := range owners {
		if len(claims) < 2 {
			continue
		}
		c := Contest{Path: path, Same: true}
		for i, claim := range claims {
			c.Names = append(c.Names, claim.in.Name)
			if i > 0 && c.Same {
				if c.Same, err = same(claims[0], claim); err != nil {
					return nil, err
				}
			}
		}
		if i := caller(claims); i >= 0 {
			c.Calls = claims[i].in.Name
		}
		contests = append(contests, c)
	}
	sort.Slice(contests, func(i, j int) bool { return contests[i].Path < contests[j].Path })
	return contests, nil
}

// claim is one wheel's file at a path.
type claim struct {
	in *Installed
	at int
}

func (c claim) file() *file { return &c.in.files[c.at] }

// ownersOf gives the wheels that own each path, by name.
func ownersOf(wheels []*Installed) map[string][]claim {
	sorted := append([]*Installed(nil), wheels...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].Name != sorted[j].Name {
			return sorted[i].Name < sorted[j].Name
		}
		return sorted[i].Wheel < sorted[j].Wheel
	})
	owners := map[string][]claim{}
	for _, in := range sorted {
		for i := range in.files {
			p := in.files[i].path
			owners[p] = append(owners[p], claim{in, i})
		}
	}
	return owners
}

// checkFolders refuses a path that is a file in one wheel and a folder in another. The error is the first by
// path.
func checkFolders(owners map[string][]claim) error {
	var first *ContestedError
	for path, claims := range owners {
		for at := strings.IndexByte(path, '/'); at >= 0; {
			if above, ok := owners[path[:at]]; ok {
				e := &ContestedError{Path: path[:at], Wheels: [2]string{above[0].in.Wheel, claims[0].in.Wheel}, Folder: true}
				if first == nil || e.Path < first.Path || e.Path == first.Path && e.Wheels[1] < first.Wheels[1] {
					first = e
				}
			}
			next := strings.IndexByte(path[at+1:], '/')
			if next < 0 {
				break
			}
			at += 1 + next
		}
	}
	if first != nil {
		return first
	}
	return nil
}

// same tells whether two claims have the same bytes. Those that may have are read: RECORD's hashes may be
// wrong, and a file that another wheel's layer holds is in no layer that would tell.
func same(a, b claim) (bool, error) {
	if a.file().size != b.file().size || a.file().crc != b.file().crc {
		return false, nil
	}
	for _, c := range []claim{a, b} {
		if err := c.in.verify(c.at); err != nil {
			return false, err
		}
	}
	return bytes.Equal(a.file().sum, b.file().sum), nil
}

// Settle gives every path that several wheels own to one of them: to the one that owner names, by its normalised
// name, of those that it is given; where it names none (""), and all have the same bytes, to the first by name; a script of entry
// points to the one that has the module which it calls. Entries of the others lack the file then, and so does RECORD of those that
// have other bytes. owner may be nil.
//
// Errors: [*ContestedError], for the first path that nobody decides; an owner that is none of the wheels.
func Settle(wheels []*Installed, owner func(path string, names []string) string) error {
	for _, in := range wheels {
		for i := range in.files {
			in.files[i].omitted, in.files[i].ceded = false, false
		}
	}
	contests, err := Contested(wheels)
	if err != nil {
		return err
	}
	owners := ownersOf(wheels)
	for _, c := range contests {
		claims := owners[c.Path]
		name := ""
		if owner != nil {
			name = owner(c.Path, c.Names)
		}
		winner := 0
		switch {
		case name != "":
			if winner = indexOf(claims, name); winner < 0 {
				return fmt.Errorf("settling who owns %s: %s: %w", c.Path, name, errNoOwner)
			}
		case !c.Same && c.Calls != "":
			winner = indexOf(claims, c.Calls)
		case !c.Same:
			return undecided(c.Path, claims)
		}
		for i, loser := range claims {
			if i == winner {
				continue
			}
			equal, err := same(claims[winner], loser)
			if err != nil {
				return err
			}
			f := loser.file()
			f.omitted, f.ceded = true, !equal
		}
	}
	return nil
}

// undecided names the first wheel and the first other whose bytes differ.
func undecided(path string, claims []claim) error {
	for _, other := range claims[1:] {
		equal, err := same(claims[0], other)
		if err != nil {
			return err
		}
		if !equal {
			return &ContestedError{Path: path, Wheels: [2]string{claims[0].in.Wheel, other.in.Wheel}}
		}
	}
	return nil
}

// Ceded are the paths that the wheel leaves to others which have other bytes there, sorted: neither its entries nor its RECORD
// have them.
func (in *Installed) Ceded() []string {
	var list []string
	for i := range in.files {
		if in.files[i].ceded {
			list = append(list, in.files[i].path)
		}
	}
	return list
}

// caller is the only one of the claims whose wheel has the module that its script imports, by its place; -1 where there is none, where
// several have it, or where one has no script of an entry point. So tensorboard's script is tensorboard's, though old wheels of tensorflow
// have one of that name, which calls it too.
func caller(claims []claim) int {
	found := -1
	for i, c := range claims {
		switch module := c.file().calls; {
		case module == "":
			return -1
		case !c.in.hasModule(module):
		case found >= 0:
			return -1
		default:
			found = i
		}
	}
	return found
}

// hasModule tells whether a wheel has a module, as a file of Python's, as a package, or as an extension module.
func (in *Installed) hasModule(module string) bool {
	at := in.layout.SitePackages() + "/" + strings.ReplaceAll(module, ".", "/")
	for i := range in.files {
		rest, ok := strings.CutPrefix(in.files[i].path, at)
		if ok && (rest == ".py" || rest == "/__init__.py" || strings.HasPrefix(rest, ".") && strings.HasSuffix(rest, ".so")) {
			return true
		}
	}
	return false
}

func indexOf(claims []claim, name string) int {
	for i, c := range claims {
		if c.in.Name == name {
			return i
		}
	}
	return -1
}
