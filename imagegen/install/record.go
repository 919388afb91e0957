package install

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/wheelfile"
)

// DeviationKind is in what a RECORD is not right.
type DeviationKind string

// The kinds of deviation.
const (
	Unlisted  DeviationKind = "unlisted" // a member that RECORD does not list
	Absent    DeviationKind = "absent"   // a row without a member
	Repeated  DeviationKind = "repeated" // a second row for one path; the first counts
	Unhashed  DeviationKind = "unhashed" // a row without a hash
	BadHash   DeviationKind = "bad-hash" // a hash that is weaker than sha256, or is none
	WrongSize DeviationKind = "size"     // another size than the member's
	WrongHash DeviationKind = "hash"     // another hash than the member's
)

// Deviation is one thing in which a wheel's RECORD does not say what the wheel holds. The wheel's own
// hash is what is trusted; the RECORD that is installed is right.
type Deviation struct {
	Kind   DeviationKind
	Path   string // as in the wheel
	Stated string // what RECORD has; may be empty
	Actual string // what is so, where the two are alike
}

// String says it in one line.
func (d Deviation) String() string {
	if d.Stated == "" && d.Actual == "" {
		return fmt.Sprintf("%s: %s", d.Path, d.Kind)
	}
	return fmt.Sprintf("%s: %s: RECORD says %q, the file %q", d.Path, d.Kind, d.Stated, d.Actual)
}

// checkRecord compares RECORD with the wheel's members and returns the hashes that it states, by member.
// RECORD itself, and the signatures of it that older wheels have, need not be listed (PyPA's binary
// distribution format, Signed wheel files).
func (p *planner) checkRecord() (map[string]wheelfile.Digest, error) {
	rows, err := p.wheel.Record()
	if err != nil {
		return nil, err
	}
	digests := make(map[string]wheelfile.Digest, len(rows))
	listed := make(map[string]bool, len(rows))
	note := func(kind DeviationKind, path, stated, actual string) {
		p.in.Deviations = append(p.in.Deviations, Deviation{Kind: kind, Path: path, Stated: stated, Actual: actual})
	}
	for _, row := range rows {
		if listed[row.Path] {
			note(Repeated, row.Path, "", "")
			continue
		}
		listed[row.Path] = true
		e, ok := p.wheel.Find(row.Path)
		if !ok || e.IsDir {
			if !ok {
				note(Absent, row.Path, "", "")
			}
			continue
		}
		if p.recordItself(row.Path) {
			continue
		}
		if row.Size >= 0 && row.Size != e.Size {
			note(WrongSize, row.Path, strconv.FormatInt(row.Size, 10), strconv.FormatInt(e.Size, 10))
		}
		if row.Hash == "" {
			note(Unhashed, row.Path, "", "")
			continue
		}
		digest, err := wheelfile.ParseDigest(row.Hash)
		if err != nil {
			note(BadHash, row.Path, row.Hash, "")
			continue
		}
		digests[row.Path] = digest
	}
	for i := range p.wheel.Entries {
		e := &p.wheel.Entries[i]
		if !e.IsDir && !listed[e.Name] && !p.recordItself(e.Name) {
			note(Unlisted, e.Name, "", "")
		}
	}
	p.in.sortDeviations()
	return digests, nil
}

func (p *planner) recordItself(member string) bool {
	name, ok := cutDir(member, p.info.Dir)
	return ok && (name == "RECORD" || name == "RECORD.jws" || name == "RECORD.p7s")
}

func cutDir(member, dir string) (string, bool) {
	rest, ok := strings.CutPrefix(member, dir)
	if !ok {
		return "", false
	}
	return strings.CutPrefix(rest, "/")
}

func (in *Installed) sortDeviations() {
	sort.SliceStable(in.Deviations, func(i, j int) bool { return in.Deviations[i].Path < in.Deviations[j].Path })
}

// Amend takes what writing the layer found, and puts the true hashes in RECORD and the false ones in
// Deviations. It tells whether anything of it was this wheel's: the layer must then be written again, with new
// Entries.
func (in *Installed) Amend(found []layer.Deviation) bool {
	amended := false
	for _, d := range found {
		i, ok := in.find(d.Path)
		if !ok || in.files[i].omitted || in.files[i].sum != nil {
			continue
		}
		in.amend(i, d.Actual)
		amended = true
	}
	return amended
}

// amend replaces the stated hash of a file.
func (in *Installed) amend(at int, actual wheelfile.Digest) {
	f := &in.files[at]
	in.Deviations = append(in.Deviations, Deviation{
		Kind: WrongHash, Path: f.member, Stated: f.digest.String(), Actual: actual.String(),
	})
	f.digest = actual
	in.sortDeviations()
}

// verify reads a file of which only a stated hash is known, and amends that if it is wrong.
func (in *Installed) verify(at int) error {
	f := &in.files[at]
	if f.sum != nil || f.member == "" {
		return nil
	}
	e, ok := in.wheel.Find(f.member)
	if !ok {
		return &wheelfile.Error{Wheel: in.Wheel, Member: f.member, Err: wheelfile.ErrNotFound}
	}
	actual, err := hashOf(in.wheel, &e)
	if err != nil {
		return err
	}
	f.sum = actual.Sum
	if f.digest.Algorithm != actual.Algorithm {
		f.digest = actual // the stated one is left unproven, and need not be
	} else if !bytes.Equal(f.digest.Sum, actual.Sum) {
		in.amend(at, actual)
	}
	return nil
}

func (in *Installed) find(path string) (int, bool) {
	return slices.BinarySearchFunc(in.files, path, func(f file, p string) int { return strings.Compare(f.path, p) })
}

// recordText is the RECORD of the installed files, sorted bytewise, in Python's CSV dialect with LF. Files
// that another wheel puts there, with the same content, are listed too, as pip does.
func (in *Installed) recordText() string {
	site := in.layout.SitePackages()
	rows := make([]string, 0, len(in.files))
	for i := range in.files {
		f := &in.files[i]
		if f.ceded {
			continue
		}
		row := csvField(relative(site, f.path)) + ","
		if i == in.record {
			row += ","
		} else {
			row += f.digest.String() + "," + strconv.FormatInt(f.size, 10)
		}
		rows = append(rows, row)
	}
	sort.Strings(rows)
	return strings.Join(rows, "\n") + "\n"
}

// csvField quotes as csv.QUOTE_MINIMAL does.
func csvField(s string) string {
	if strings.ContainsAny(s, ",\"\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// relative is the path of a file from a folder; both are clean and relative to the same.
func relative(from, to string) string {
	for {
		head, rest, ok := strings.Cut(from, "/")
		after, same := strings.CutPrefix(to, head+"/")
		if !same {
			return strings.Repeat("../", strings.Count(from, "/")+1) + to
		}
		to = after
		if !ok {
			return to
		}
		from = rest
	}
}

var errNoOwner = errors.New("owner is none of the wheels")
