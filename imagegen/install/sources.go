package install

import (
	"fmt"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/wheelfile"
)

// Source is where an installed file comes from, for whoever holds one to its wheel.
type Source struct {
	Path string
	Mode uint32
	Size int64 // bytes; of RECORD it is not known
	// Member is the wheel's file that it is; "" for what installing writes.
	Member string
	// Written says that installing writes the content, or changes that of the member. Sum is then its SHA-256, nil of
	// RECORD alone, which depends on the other wheels.
	Written bool
	Sum     []byte
	// Stated is what the wheel's RECORD says of the member; without algorithm it says nothing.
	Stated wheelfile.Digest
}

// Sources lists the files of a wheel that was just planned, in order of paths.
func (in *Installed) Sources() []Source {
	list := make([]Source, len(in.files))
	for i := range in.files {
		f := &in.files[i]
		text, isText := f.content.(layer.Bytes)
		s := Source{Path: f.path, Mode: f.mode, Size: f.size, Member: f.member}
		switch {
		case i == in.record:
			s.Written = true
		case f.member == "" || isText && len(text) > 0:
			s.Written, s.Sum = true, f.sum
		case f.sum == nil:
			s.Stated = f.digest
		}
		list[i] = s
	}
	return list
}

// ReadMember gives a member's content piece by piece, inflated. Errors: [*wheelfile.Error].
func (in *Installed) ReadMember(member string, sink func([]byte) error) error {
	e, ok := in.wheel.Find(member)
	if !ok {
		return &wheelfile.Error{Wheel: in.Wheel, Member: member, Err: fmt.Errorf("planned as a file: %w", wheelfile.ErrNotFound)}
	}
	return in.wheel.Inflate(e, sink)
}
