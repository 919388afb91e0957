// Package debfile reads Debian binary packages, deb(5) format 2: the control members and the files.
//
// It trusts nothing in the file: member order, sizes, names and kinds are checked, and what cannot be
// carried into an image unchanged (devices, extended attributes, names that leave the tree) is an error,
// never dropped. It does not interpret the control text, run scripts, or move anything for a merged
// /usr. A [File] is safe for use by several goroutines when its ReaderAt is.
package debfile

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of what is read. The largest packages known (CUDA libraries) unpack to a few GiB.
const (
	maxControl = 64 << 20 // bytes of the unpacked control member
	maxData    = 64 << 30 // bytes of the unpacked data member
	maxEntries = 4 << 20  // files of the data member
)

// Entry is a file of the package.
type Entry struct {
	Path string // slash-separated, clean, relative, UTF-8; "." is the root
	Kind byte   // as tar's type flag: '0' file, '1' hard link, '2' symbolic link, '5' folder
	Mode uint32 // permission bits with setuid 04000, setgid 02000 and sticky 01000
	UID  int
	GID  int
	Link string // target: of a symbolic link as it stands, of a hard link as the Path of an earlier file
	Size int64  // bytes of a file's content; else 0
}

// File is an opened package.
type File struct {
	control, data member
}

// Open reads the outer archive's headers. It fails where the file is no .deb of format 2, where a member
// is missing, doubled or out of order, or where anything follows the last member.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f, err := open(r, size)
	if err != nil {
		return nil, fmt.Errorf("reading a .deb: %w", err)
	}
	return f, nil
}

func open(r io.ReaderAt, size int64) (*File, error) {
	members, err := readAr(r, size)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 || members[0].name != "debian-binary" {
		return nil, errors.New("the first member is not debian-binary")
	}
	if err := checkVersion(members[0]); err != nil {
		return nil, err
	}
	var f File
	for _, m := range members[1:] {
		switch {
		case strings.HasPrefix(m.name, "_"):
			// deb(5): members that start with an underscore are for others (signatures, say).
		case isTar(m.name, "control.tar") && f.control.name == "" && f.data.name == "":
			f.control = m
		case isTar(m.name, "data.tar") && f.control.name != "" && f.data.name == "":
			f.data = m
		default:
			return nil, fmt.Errorf("member %q is unknown, doubled or out of order", m.name)
		}
	}
	if f.control.name == "" {
		return nil, errors.New("there is no control.tar member")
	}
	if f.data.name == "" {
		return nil, errors.New("there is no data.tar member")
	}
	return &f, nil
}

// checkVersion wants format 2 of any minor version: deb(5) promises that those are compatible.
func checkVersion(m member) error {
	if m.size > 64 {
		return fmt.Errorf("debian-binary has %d bytes", m.size)
	}
	text := make([]byte, m.size)
	if _, err := io.ReadFull(m.open(), text); err != nil {
		return fmt.Errorf("debian-binary: %w", err)
	}
	line, _, ended := strings.Cut(string(text), "\n")
	major, minor, dotted := strings.Cut(line, ".")
	if !ended || !dotted || major != "2" || minor == "" || strings.Trim(minor, "0123456789") != "" {
		return fmt.Errorf("format version %q is not 2.0", line)
	}
	return nil
}

func isTar(name, stem string) bool {
	rest, ok := strings.CutPrefix(name, stem)
	return ok && (rest == "" || rest[0] == '.')
}

// Control reads the control member: the text of its file "control", and the other files by name
// (md5sums, conffiles, scripts, triggers, …).
func (f *File) Control() (control string, members map[string][]byte, err error) {
	members = map[string][]byte{}
	err = f.control.walk(maxControl, func(h *tar.Header, r io.Reader) error {
		name, err := cleanName(h.Name)
		if err != nil {
			return err
		}
		switch {
		case h.Typeflag == tar.TypeDir && name == ".":
			return nil
		case h.Typeflag != tar.TypeReg || strings.Contains(name, "/"):
			return errors.New("is not a plain file at the top")
		}
		if _, twice := members[name]; twice {
			return errors.New("is there twice")
		}
		members[name], err = io.ReadAll(r)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	text, ok := members["control"]
	if !ok {
		return "", nil, fmt.Errorf("%s has no file control", f.control.name)
	}
	delete(members, "control")
	return string(text), members, nil
}

// Data calls visit for each entry, in the archive's order. The reader gives a file's content and is
// valid during the call only; what visit leaves unread is skipped. An error of visit ends the walk and
// is returned wrapped. Content was checked against the compression's own checksum only when Data returns nil.
func (f *File) Data(visit func(Entry, io.Reader) error) error {
	seen := newPaths()
	return f.data.walk(maxData, func(h *tar.Header, r io.Reader) error {
		e, err := entryOf(h)
		if err != nil {
			return err
		}
		if err := seen.add(e); err != nil {
			return err
		}
		return visit(e, r)
	})
}
