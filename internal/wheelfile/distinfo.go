package wheelfile

import (
	"errors"
	"fmt"
	"strings"
)

// DistInfo is a wheel's .dist-info folder.
type DistInfo struct {
	Dir     string // "torch-2.4.0+cu121.dist-info"
	Name    string // as the folder writes it
	Version string
}

// Path is the name of a member of the folder.
func (i DistInfo) Path(name string) string { return i.Dir + "/" + name }

// The largest metadata files that are read, in bytes.
const (
	maxMetadata = 32 << 20
	maxSmall    = 1 << 20
)

// maxRecord is how large a RECORD may be, in bytes: it has a row for each member, of its name, a hash of at most 100 characters and a size.
// Some have rows for files that are not there, such as compiled ones, so it is four times that, and at least 1 MiB.
func (d *Directory) maxRecord() int64 {
	n := int64(maxSmall)
	for _, e := range d.Entries {
		n += 4 * (int64(len(e.Name)) + 128)
	}
	return n
}

// ParseName splits a wheel's file name into the name and version of its distribution, which are
// escaped (PyPA's binary distribution format, File name convention).
func ParseName(wheel string) (name, version string, err error) {
	stem, ok := strings.CutSuffix(wheel, ".whl")
	parts := strings.Split(stem, "-")
	if !ok || len(parts) < 5 || len(parts) > 6 || parts[0] == "" || parts[1] == "" {
		return "", "", fmt.Errorf("%q is not the file name of a wheel", wheel)
	}
	return parts[0], parts[1], nil
}

// Normalize is a distribution's name in its one form (PyPA's name normalization): lower case, and
// a hyphen for each run of hyphens, underscores and dots.
func Normalize(name string) string {
	var b strings.Builder
	gap := false
	for _, c := range []byte(name) {
		switch {
		case c == '-' || c == '_' || c == '.':
			gap = true
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteByte(c)
	}
	return b.String()
}

// DistInfo finds the one .dist-info folder at the top of the wheel. Its name must be that of the
// wheel's file name, once both are normalised; the version is the folder's own and not compared.
func (d *Directory) DistInfo() (DistInfo, error) {
	name, _, err := ParseName(d.Wheel)
	if err != nil {
		return DistInfo{}, d.wrap(err)
	}
	var found DistInfo
	for i := range d.Entries {
		dir, _, ok := strings.Cut(d.Entries[i].Name, "/")
		if !ok || dir == found.Dir {
			continue
		}
		stem, ok := strings.CutSuffix(dir, ".dist-info")
		if !ok {
			continue
		}
		if found.Dir != "" {
			return DistInfo{}, d.fault("", "has two .dist-info folders, %s and %s", found.Dir, dir)
		}
		at := strings.LastIndexByte(stem, '-')
		if at <= 0 || at == len(stem)-1 {
			return DistInfo{}, d.fault(dir, "is not called NAME-VERSION.dist-info")
		}
		found = DistInfo{Dir: dir, Name: stem[:at], Version: stem[at+1:]}
	}
	if found.Dir == "" {
		return DistInfo{}, d.wrap(errors.New("has no .dist-info folder"))
	}
	// An unescaped hyphen in the version moves the cut: "a-1-2" is a 1-2 or a-1 2.
	if Normalize(found.Name) != Normalize(name) {
		stem := strings.TrimSuffix(found.Dir, ".dist-info")
		for at := 1; ; at++ {
			next := strings.IndexByte(stem[at:], '-')
			if next < 0 {
				return DistInfo{}, d.fault(found.Dir, "belongs to another distribution than %s", name)
			}
			at += next
			if Normalize(stem[:at]) == Normalize(name) && at < len(stem)-1 {
				found.Name, found.Version = stem[:at], stem[at+1:]
				break
			}
		}
	}
	return found, nil
}

// Metadata reads and parses METADATA.
func (d *Directory) Metadata() (*Metadata, error) {
	return parseMember(d, "METADATA", maxMetadata, ParseMetadata)
}

// WheelInfo reads and parses WHEEL.
func (d *Directory) WheelInfo() (*WheelInfo, error) {
	return parseMember(d, "WHEEL", maxSmall, ParseWheelInfo)
}

// EntryPoints reads and parses entry_points.txt; a wheel without one has none.
func (d *Directory) EntryPoints() ([]EntryPoint, error) {
	points, err := parseMember(d, "entry_points.txt", maxSmall, ParseEntryPoints)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return points, err
}

// Record reads and parses RECORD.
func (d *Directory) Record() ([]RecordRow, error) {
	return parseMember(d, "RECORD", d.maxRecord(), ParseRecord)
}

func parseMember[T any](d *Directory, name string, limit int64, parse func([]byte) (T, error)) (T, error) {
	var none T
	info, err := d.DistInfo()
	if err != nil {
		return none, err
	}
	raw, err := d.ReadFile(info.Path(name), limit)
	if err != nil {
		return none, err
	}
	parsed, err := parse(raw)
	if err != nil {
		return none, &Error{Wheel: d.Wheel, Member: info.Path(name), Err: err}
	}
	return parsed, nil
}
