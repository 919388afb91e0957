package debfile

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	// maxMembers is far above the three that deb(5) defines and the signatures that may follow.
	maxMembers = 16
)

// member is a file in the outer ar archive.
type member struct {
	name string
	r    io.ReaderAt
	at   int64
	size int64
}

func (m member) open() *io.SectionReader { return io.NewSectionReader(m.r, m.at, m.size) }

// readAr lists the members of an ar archive as deb(5) restricts it: short names, decimal sizes, each
// member at an even place.
func readAr(r io.ReaderAt, size int64) ([]member, error) {
	magic := make([]byte, len(arMagic))
	if n, err := r.ReadAt(magic, 0); n < len(magic) {
		return nil, fmt.Errorf("the archive's first bytes: %w", short(err))
	}
	if string(magic) != arMagic {
		return nil, errors.New("it is no ar archive")
	}
	var members []member
	for at := int64(len(arMagic)); at < size; {
		if len(members) == maxMembers {
			return nil, fmt.Errorf("more than %d members", maxMembers)
		}
		m, err := readHeader(r, at)
		if err != nil {
			return nil, fmt.Errorf("at byte %d: %w", at, err)
		}
		if m.size > size-m.at {
			return nil, fmt.Errorf("member %q is cut off", m.name)
		}
		members = append(members, m)
		at = m.at + m.size
		if at%2 == 1 {
			// The newline that pads an odd member may lack at the very end (dpkg accepts that).
			pad := make([]byte, 1)
			if n, _ := r.ReadAt(pad, at); at < size && (n != 1 || pad[0] != '\n') {
				return nil, fmt.Errorf("member %q is not padded with a newline", m.name)
			}
			at++
		}
	}
	return members, nil
}

func readHeader(r io.ReaderAt, at int64) (member, error) {
	header := make([]byte, arHeader)
	if n, err := r.ReadAt(header, at); n < len(header) {
		return member{}, fmt.Errorf("trailing bytes or a cut member header: %w", short(err))
	}
	if string(header[58:]) != "`\n" {
		return member{}, errors.New("not a member header")
	}
	name := strings.TrimSuffix(strings.TrimRight(string(header[:16]), " "), "/")
	if name == "" || strings.ContainsAny(name, "/\x00 ") {
		return member{}, fmt.Errorf("member name %q", name)
	}
	digits := strings.TrimRight(string(header[48:58]), " ")
	size, err := strconv.ParseUint(digits, 10, 62)
	if err != nil {
		return member{}, fmt.Errorf("member %q has size %q", name, digits)
	}
	return member{name: name, r: r, at: at + arHeader, size: int64(size)}, nil
}

func short(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
