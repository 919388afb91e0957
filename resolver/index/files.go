package index

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
)

// Files are the files of a project by version, the newest first; those whose names have none that can be read come
// last. A project can have tens of thousands of files, and of most versions none is looked at: so they are kept packed,
// as the store keeps them, and of a page that the store has only the list of versions is in memory.
type Files struct {
	prefix   string    // with which most addresses begin
	releases []release // without gaps
	versions int       // how many of releases have a version: all, or all but the last
	count    int
	misnamed []string
	text     []byte  // the records of the files, in the order of releases
	kept     *stored // where they are, if not in text
}

// release are the files of one version.
type release struct {
	version  pep440.Version // of several spellings of one the least; zero: the files have none
	from, to uint32         // where their records are
	sum      recordSum      // of the records; only where they are read from the store
}

// recordSum are the first bytes of a SHA-256, which tell records apart from damaged or other ones.
type recordSum [8]byte

func sumRecords(records []byte) recordSum {
	sum := sha256.Sum256(records)
	return recordSum(sum[:len(recordSum{})])
}

// FilesOf packs a list of files of a project, whose name is normalised. Of one version they stay in order.
func FilesOf(project string, list ...File) Files {
	p := packer{project: project}
	for i := range list {
		p.add(&list[i])
	}
	return p.files()
}

// Len is the number of files.
func (f Files) Len() int { return f.count }

// Versions is how many versions there are.
func (f Files) Versions() int { return f.versions }

// Version is one of them, by its place in their order, the newest being 0. Where files spell it differently, it is the
// spelling that sorts first.
func (f Files) Version(i int) pep440.Version { return f.releases[i].version }

// Misnamed are the names that end in .whl and are none of a wheel of the project.
func (f Files) Misnamed() []string { return f.misnamed }

// Of are the files of a version, by its place, in the index's order.
//
// Errors: a diag error where the store's copy cannot be read any more.
func (f Files) Of(i int) ([]File, error) {
	r := f.releases[i]
	if f.kept == nil {
		return unpack(f.prefix, string(f.text[r.from:r.to]))
	}
	if records, ok := f.kept.records(r); ok {
		return unpack(f.prefix, records)
	}
	// Another process may have renewed the page. What it has no more counts as taken back by the index.
	if now := f.kept.again(); now != nil {
		same := func(other release) bool { return other.version.Equal(r.version) }
		i := slices.IndexFunc(now.files.releases, same)
		if i < 0 {
			return nil, nil
		}
		if records, ok := now.files.kept.records(now.files.releases[i]); ok {
			return unpack(now.files.prefix, records)
		}
	}
	f.kept.tail.Remove()
	return nil, diag.New(diag.Failure, "the store has lost the page of %s, or it is damaged", f.kept.of).
		Hint("the page is read again if the same command runs again; nothing may remove files of the store while it is in use")
}

// Named are the files of that name. Errors are those of Of.
func (f Files) Named(filename string) ([]File, error) {
	text, _ := VersionText(filename)
	v, _ := pep440.Parse(text)
	i := slices.IndexFunc(f.releases, func(r release) bool { return r.version.Equal(v) })
	if i < 0 {
		return nil, nil
	}
	files, err := f.Of(i)
	return slices.DeleteFunc(files, func(f File) bool { return f.Filename != filename }), err
}

// List are all files, in the order of their versions. Errors are those of Of.
func (f Files) List() ([]File, error) {
	list := make([]File, 0, f.count)
	for i := range f.releases {
		some, err := f.Of(i)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

func unpack(prefix, records string) ([]File, error) {
	var list []File
	for d := (decoder{s: records}); d.s != ""; {
		list = append(list, d.file(prefix))
		if d.bad {
			return nil, errMemo
		}
	}
	return list, nil
}

// packer packs files as they come, so that a page's need not be there unpacked.
type packer struct {
	project  string // normalised; "": the files are of several
	prefix   string
	text     []byte
	packed   []packed
	groups   []release // in the order in which their versions came, of which only the version counts
	byText   map[string]int32
	byKey    map[string]int32
	misnamed []string
	over     error // there is more than is kept
}

// packed is a file's record, and to which of the groups it belongs.
type packed struct {
	from  uint32
	group int32
}

// usualRecord is how many bytes the record of a file has in most cases.
const usualRecord = 224

// maxRecords bounds the records of a page, in bytes: they say nothing that the page does not, in fewer bytes, unless each
// address is a short one that continues a long one.
const maxRecords = pageLimit

func (p *packer) add(f *File) {
	if len(p.text)+len(f.URL) > maxRecords {
		p.over = fmt.Errorf("the addresses of its files have more than %d bytes", maxRecords)
		return
	}
	if len(p.packed) == 0 {
		p.prefix = strings.Clone(commonPrefix(f.URL))
	}
	p.packed = append(p.packed, packed{uint32(len(p.text)), p.group(f.Filename)})
	p.text = appendFile(p.text, p.prefix, f)
	if p.project != "" && isMisnamed(f.Filename, p.project) {
		p.misnamed = append(p.misnamed, strings.Clone(f.Filename))
	}
}

// group is the place of the group of a file's version.
func (p *packer) group(filename string) int32 {
	text, _ := VersionText(filename)
	if at, seen := p.byText[text]; seen {
		return at
	}
	if p.byText == nil {
		p.byText, p.byKey = map[string]int32{}, map[string]int32{}
	}
	v, _ := pep440.Parse(text) // no installer can ask for a file with another
	at, seen := p.byKey[v.Key()]
	if !seen {
		at = int32(len(p.groups))
		p.byKey[v.Key()] = at
		p.groups = append(p.groups, release{version: v})
	} else if old := &p.groups[at].version; v.String() < old.String() { // 1.0 and 1.0.0: whatever the order of the files
		*old = v
	}
	p.byText[strings.Clone(text)] = at
	return at
}

// files are those that were added, with their records in the order of versions.
func (p *packer) files() Files {
	f := Files{prefix: p.prefix, count: len(p.packed), misnamed: p.misnamed}
	if f.count == 0 {
		return f
	}
	order := make([]int32, len(p.groups))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(p.groups[b].version.Key(), p.groups[a].version.Key()) })
	size := make([]uint32, len(p.groups))
	end := func(i int) uint32 {
		if i+1 < len(p.packed) {
			return p.packed[i+1].from
		}
		return uint32(len(p.text))
	}
	for i, one := range p.packed {
		size[one.group] += end(i) - one.from
	}
	next, at := make([]uint32, len(p.groups)), uint32(0)
	for _, g := range order {
		r := p.groups[g]
		r.from, r.to, next[g] = at, at+size[g], at
		at = r.to
		f.releases = append(f.releases, r)
		if !r.version.IsZero() {
			f.versions++
		}
	}
	text := make([]byte, len(p.text))
	for i, one := range p.packed {
		next[one.group] += uint32(copy(text[next[one.group]:], p.text[one.from:end(i)]))
	}
	f.text = text
	return f
}

// commonPrefix is of an address what others of the same page probably begin with: the host and the first folder.
func commonPrefix(url string) string {
	end := 0
	for range 4 {
		i := strings.IndexByte(url[end:], '/')
		if i < 0 {
			break
		}
		end += i + 1
	}
	return url[:end]
}
