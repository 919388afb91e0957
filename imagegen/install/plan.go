package install

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"sort"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/wheelfile"
)

// Installed is a wheel as it will lie in the environment.
type Installed struct {
	Wheel   string // file name
	Name    string // normalised
	Version string // as METADATA has it
	Folder  string // the version in the name of .dist-info, as written
	// Newer is the wheel's Wheel-Version if that is a later minor version than is known here, of which the
	// specification asks to warn; else "".
	Newer string
	// Deviations is where the wheel's RECORD is not what the wheel holds, in order of paths. Its
	// hashes are compared only when the layer is written: see [Installed.Amend].
	Deviations []Deviation

	wheel  *wheelfile.File
	layout Layout
	info   string // path of the .dist-info folder
	files  []file // in order of paths
	record int    // index of RECORD in files
}

// file is one file of an installed wheel.
type file struct {
	path    string
	member  string // in the wheel; "" for one that was generated
	mode    uint32
	content layer.Content
	size    int64
	crc     uint32
	digest  wheelfile.Digest // for RECORD; if sum is nil, as the wheel's own states it
	sum     []byte           // SHA-256 of the content, where it is known
	omitted bool             // another wheel puts the same file there
	ceded   bool             // another wheel puts another file there, and RECORD does not list it
	calls   string           // of an entry point's script, the module that it imports
}

// Installer is the content of INSTALLER.
const Installer = "envpack\n"

// notCopied is the files of .dist-info that an installer writes, or that it leaves out.
var notCopied = map[string]bool{"RECORD": true, "INSTALLER": true, "REQUESTED": true, "direct_url.json": true}

// Plan lays out the wheel. blob is the wheel's file as the store knows it, which contents refer to. Members
// that RECORD does not hash, and scripts, are read; nothing else is.
//
// Errors: [*wheelfile.Error] for a wheel that is not to be installed.
func Plan(wheel *wheelfile.File, blob layer.Blob, layout Layout) (*Installed, error) {
	if err := layout.check(); err != nil {
		return nil, err
	}
	info, err := wheel.DistInfo()
	if err != nil {
		return nil, err
	}
	about, err := wheel.WheelInfo()
	if err != nil {
		return nil, err
	}
	metadata, err := wheel.Metadata()
	if err != nil {
		return nil, err
	}
	points, err := wheel.EntryPoints()
	if err != nil {
		return nil, err
	}
	in := &Installed{
		Wheel: wheel.Wheel, Name: wheelfile.Normalize(info.Name), Version: metadata.Version, Folder: info.Version,
		wheel: wheel, layout: layout, info: layout.SitePackages() + "/" + info.Dir,
	}
	if about.Newer() {
		in.Newer = fmt.Sprintf("%d.%d", about.Major, about.Minor)
	}
	p := &planner{in: in, wheel: wheel, blob: blob, info: info, byPath: map[string]string{}}
	wrappers, err := p.wrappers(points)
	if err != nil {
		return nil, err
	}
	if err := p.members(points); err != nil {
		return nil, err
	}
	for _, f := range wrappers {
		if err := p.add(f, entryPoints); err != nil {
			return nil, err
		}
	}
	if err := p.add(generated(in.info+"/INSTALLER", Installer, 0o644), "INSTALLER"); err != nil {
		return nil, err
	}
	if err := p.add(file{path: in.info + "/RECORD", mode: 0o644}, "RECORD"); err != nil {
		return nil, err
	}
	in.sort()
	return in, nil
}

const entryPoints = "entry_points.txt"

// planner collects the files of a wheel.
type planner struct {
	in     *Installed
	wheel  *wheelfile.File
	blob   layer.Blob
	info   wheelfile.DistInfo
	byPath map[string]string // path -> where it comes from
}

func (p *planner) fault(member, format string, args ...any) error {
	return &wheelfile.Error{Wheel: p.wheel.Wheel, Member: member, Err: fmt.Errorf(format, args...)}
}

func (p *planner) add(f file, origin string) error {
	if other, ok := p.byPath[f.path]; ok {
		return p.fault(origin, "%w", wheelfile.AsUnsafe(fmt.Errorf("would be installed as %s, as %s would", f.path, other)))
	}
	p.byPath[f.path] = origin
	p.in.files = append(p.in.files, f)
	return nil
}

// members adds the files that the wheel holds.
func (p *planner) members(points []wheelfile.EntryPoint) error {
	rows, err := p.checkRecord()
	if err != nil {
		return err
	}
	dist := headersName(p.wheel.Wheel)
	isWrapper := wrapperNames(points)
	for i := range p.wheel.Entries {
		e := &p.wheel.Entries[i]
		if e.IsDir {
			continue
		}
		if name, ok := cutDir(e.Name, p.info.Dir); ok && notCopied[name] {
			continue
		}
		to, scheme, err := p.in.layout.place(e.Name, dist)
		if err != nil {
			return p.fault(e.Name, "%w", err)
		}
		if scheme == scripts && isWrapper(to) {
			continue
		}
		f, err := p.file(e, to, scheme, rows)
		if err != nil {
			return err
		}
		if err := p.add(f, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// file makes the installed form of a member.
func (p *planner) file(e *wheelfile.Entry, to, scheme string, rows map[string]wheelfile.Digest) (file, error) {
	f := file{path: to, member: e.Name, mode: 0o644, size: e.Size, crc: e.CRC32}
	if e.Executable || scheme == scripts {
		f.mode = 0o755
	}
	if scheme == scripts {
		text, err := p.script(e)
		if err != nil {
			return f, err
		}
		if text != nil {
			g := generated(to, string(text), f.mode)
			g.member = e.Name
			return g, nil
		}
	}
	switch {
	case e.Size == 0 && e.Method == wheelfile.Stored:
		f.content = layer.Bytes(nil)
	case e.Method == wheelfile.Stored:
		f.content = layer.Stored{Blob: p.blob, Offset: e.DataOffset, Length: e.Size, CRC32: e.CRC32}
	default:
		f.content = layer.Deflated{Blob: p.blob, Offset: e.DataOffset, Compressed: e.CompressedSize, Length: e.Size, CRC32: e.CRC32}
	}
	digest, ok := rows[e.Name]
	if !ok {
		var err error
		if digest, err = hashOf(p.wheel, e); err != nil {
			return f, err
		}
		f.sum = digest.Sum
	}
	f.digest = digest
	return f, nil
}

// hashOf reads a member.
func hashOf(wheel *wheelfile.File, e *wheelfile.Entry) (wheelfile.Digest, error) {
	h := sha256.New()
	err := wheel.Inflate(*e, func(b []byte) error {
		h.Write(b)
		return nil
	})
	return wheelfile.Digest{Algorithm: wheelfile.SHA256, Sum: h.Sum(nil)}, err
}

func generated(path, text string, mode uint32) file {
	sum := sha256.Sum256([]byte(text))
	return file{
		path: path, mode: mode, content: layer.Bytes(text), size: int64(len(text)), crc: crc32.ChecksumIEEE([]byte(text)),
		digest: wheelfile.Digest{Algorithm: wheelfile.SHA256, Sum: sum[:]}, sum: sum[:],
	}
}

func (in *Installed) sort() {
	sort.Slice(in.files, func(i, j int) bool { return in.files[i].path < in.files[j].path })
	for i := range in.files {
		if in.files[i].path == in.info+"/RECORD" {
			in.record = i
		}
	}
}

// Entries is the wheel's part of a layer: its files, in order of their paths, without folders.
func (in *Installed) Entries() []layer.Entry {
	entries := make([]layer.Entry, 0, len(in.files))
	for i := range in.files {
		f := &in.files[i]
		if f.omitted {
			continue
		}
		e := layer.Entry{Path: f.path, Kind: layer.File, Mode: f.mode, Content: f.content}
		if i == in.record {
			e.Content = layer.Bytes(in.recordText())
		} else if f.sum == nil {
			e.Stated = &wheelfile.Digest{Algorithm: f.digest.Algorithm, Sum: f.digest.Sum}
		}
		entries = append(entries, e)
	}
	return entries
}

// Size is the number of bytes that the wheel has when installed, without RECORD.
func (in *Installed) Size() int64 {
	var n int64
	for i := range in.files {
		n += in.files[i].size
	}
	return n
}
