package sources

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// mirror is where files are asked for whose addresses begin so.
type mirror struct {
	from string // without credentials
	to   setting
	at   string // to, without credentials; set when it is found
}

// newMirror checks what a mirror is of.
func newMirror(from string, to setting) (mirror, error) {
	u, err := parseAddress(setting{from, to.origin, to.pos})
	if err != nil {
		return mirror{}, err
	}
	if u.User != nil {
		return mirror{}, diag.New(diag.Failure, "%s: the address that is mirrored has a user", to.origin).At(to.pos).
			Hint("it is what the manifest has, which names none")
	}
	return mirror{from: from, to: to}, nil
}

// findMirrors takes the mirrors of data files, those of flags before those of envpack's own configuration.
func (f *finder) findMirrors() error {
	var list []mirror
	for _, text := range f.o.Mirrors {
		from, to, ok := cutMirror(text)
		if !ok {
			return diag.New(diag.Usage, "--file-mirror %s: two addresses are wanted", Redact(text)).
				Hint("as in --file-mirror https://models.example/=https://mirror.example/models/")
		}
		m, err := newMirror(from, setting{value: to, origin: "--file-mirror"})
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	for _, m := range append(list, f.own.mirrors...) {
		if m.to.value == "" {
			return diag.New(diag.Failure, "%s: the mirror of %s has no address", m.to.origin, m.from).At(m.to.pos)
		}
		at, err := f.address(m.to)
		if err != nil {
			return err
		}
		m.at = at
		f.out.mirrors = append(f.out.mirrors, m)
	}
	slices.SortStableFunc(f.out.mirrors, func(a, b mirror) int { return cmp.Compare(len(b.from), len(a.from)) })
	return nil
}

// cutMirror divides FROM=TO where the second address begins; an address may have the sign itself.
func cutMirror(text string) (from, to string, ok bool) {
	for _, scheme := range []string{"=https://", "=http://"} {
		if from, to, ok = strings.Cut(text, scheme); ok && from != "" {
			return from, scheme[1:] + to, true
		}
	}
	return "", "", false
}

// Mirrored is the address that a data file is asked at: where a mirror is named whose address its own begins with, the mirror's, of several
// the one with the longest; else its own. A mirror of https://models.example/a is none of https://models.example/ab.
func (s *Sources) Mirrored(address string) string {
	m, rest := s.mirrorOf(address)
	if m == nil {
		return address
	}
	return strings.TrimRight(m.at, "/") + rest
}

// DescribeMirror says, for people, at what mirror a data file is asked, and who named it; "" if at none.
func (s *Sources) DescribeMirror(address string) string {
	m, _ := s.mirrorOf(address)
	if m == nil {
		return ""
	}
	return fmt.Sprintf("files of %s from %s (%s)", m.from, m.at, m.to.origin)
}

// mirrorOf finds the mirror, and what stands behind its address: nothing, or what begins with a slash or a question mark.
func (s *Sources) mirrorOf(address string) (*mirror, string) {
	for i := range s.mirrors {
		m := &s.mirrors[i]
		rest, ok := strings.CutPrefix(address, strings.TrimRight(m.from, "/"))
		if ok && (rest == "" || rest[0] == '/' || rest[0] == '?') {
			return m, rest
		}
	}
	return nil, ""
}

// Image is where an image to stand on is asked for: where envpack's configuration names a mirror whose reference its own begins
// with, the mirror's, of several the one with the longest; else its own. It is the same image, held to the lock's digest.
func (s *Sources) Image(reference string) string {
	best := ""
	for from := range s.images {
		rest, ok := strings.CutPrefix(reference, from)
		if ok && (rest == "" || strings.ContainsRune("/:@", rune(rest[0]))) && len(from) > len(best) {
			best = from
		}
	}
	if best == "" {
		return reference
	}
	return s.images[best] + strings.TrimPrefix(reference, best)
}
