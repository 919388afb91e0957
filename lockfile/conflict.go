package lockfile

import (
	"fmt"
	"strings"
)

// Side is what a lock with conflict markers is when every conflict is settled in favour of one side of the merge.
type Side struct {
	Label string // what git calls the side: "HEAD", a branch; "" where the markers do not say
	Lock  *Lock
	// Whole tells whether the side is a lock in itself. If not, Lock has what could be read of it.
	Whole bool
}

// Sides takes a lock apart that a merge left with conflict markers: ours is the side of the branch that was merged
// into. Either is a reader's as [ParseLoose]'s is: for preferences, and not to be built from. ok is false if the text
// has no conflict markers, and both sides are then empty.
func Sides(name string, data []byte) (ours, theirs Side, ok bool) {
	s := splitConflicts(string(unixLines(data)))
	if s.first == 0 {
		return Side{}, Side{}, false
	}
	return sideOf(name, s.ours, s.labels[0]), sideOf(name, s.theirs, s.labels[1]), true
}

// sideOf reads a side, or what can be read of it.
func sideOf(name string, lines []string, label string) Side {
	text := strings.Join(lines, "\n")
	if l, err := ParseLoose(name, []byte(text)); err == nil {
		return Side{Label: label, Lock: l, Whole: true}
	}
	return Side{Label: label, Lock: salvage(name, lines)}
}

// salvage reads table by table what is TOML in itself. A table of the second level goes with the first-level table
// before it, as a package's files do with the package.
func salvage(name string, lines []string) *Lock {
	l := &Lock{}
	var block []string
	flush := func() {
		text := fmt.Sprintf("%sformat = %d\n\n%s\n", header, Format, strings.Join(block, "\n"))
		block = nil
		part, _, err := decode(name, []byte(text), false)
		if err != nil {
			return
		}
		l.Targets = append(l.Targets, part.Targets...)
		l.Packages = append(l.Packages, part.Packages...)
		l.Builds = append(l.Builds, part.Builds...)
		l.Choices = append(l.Choices, part.Choices...)
		l.Base.Releases = append(l.Base.Releases, part.Base.Releases...)
		l.Base.Debs = append(l.Base.Debs, part.Base.Debs...)
		l.Base.Archives = append(l.Base.Archives, part.Base.Archives...)
		l.Base.Images = append(l.Base.Images, part.Base.Images...)
		l.Base.Interpreters = append(l.Base.Interpreters, part.Base.Interpreters...)
		if part.Project.Name != "" {
			l.Project = part.Project
		}
		if part.Base.Distro != "" {
			l.Base.Distro, l.Base.Codename, l.Base.Format, l.Base.Reference = part.Base.Distro, part.Base.Codename, part.Base.Format, part.Base.Reference
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "[") && !continues(line) {
			flush()
		}
		block = append(block, line)
	}
	flush()
	l.Normalize()
	return l
}

// continues tells whether a heading belongs to the table before it.
func continues(heading string) bool {
	for _, h := range []string{"[[package.file", "[[package.source", "[[base.image.layer", "[build.", "[[build.", "[[seal.layer"} {
		if strings.HasPrefix(heading, h) {
			return true
		}
	}
	return false
}

// sides are the lines of both sides of a text with conflict markers.
type sides struct {
	ours, theirs []string
	labels       [2]string
	first        int // line of the first marker, from 1; 0: there is none
}

// splitConflicts follows the markers that git writes (git-merge, How conflicts are presented), with or without the
// common ancestor. What lies between ancestor and separator belongs to neither side, conflicts within the ancestor
// included: their markers are longer. A marker out of place is dropped, and a conflict that does not end ends with the text.
func splitConflicts(text string) sides {
	var s sides
	const (
		both = iota
		ours
		ancestor
		theirs
	)
	state, width := both, 0
	for i, line := range strings.Split(text, "\n") {
		sign, n, label := marker(line)
		if sign != 0 && s.first == 0 {
			s.first = i + 1
		}
		inside := state != both && n == width
		switch {
		case sign == 0 && state == both:
			s.ours, s.theirs = append(s.ours, line), append(s.theirs, line)
		case sign == 0 && state == ours:
			s.ours = append(s.ours, line)
		case sign == 0 && state == theirs:
			s.theirs = append(s.theirs, line)
		case sign == '<' && state == both:
			state, width = ours, n
			s.label(0, label)
		case sign == '|' && inside && state == ours:
			state = ancestor
		case sign == '=' && inside:
			state = theirs
		case sign == '>' && inside:
			state = both
			s.label(1, label)
		}
	}
	return s
}

func (s *sides) label(side int, label string) {
	if s.labels[side] == "" {
		s.labels[side] = label
	}
}

// marker tells whether a line is a conflict marker: seven or more of a sign, and then nothing, or a blank and a label.
// No lock has such a line of its own.
func marker(line string) (sign byte, width int, label string) {
	if line == "" || !strings.ContainsRune("<|=>", rune(line[0])) {
		return 0, 0, ""
	}
	rest := strings.TrimLeft(line, line[:1])
	width = len(line) - len(rest)
	if width < 7 || rest != "" && rest[0] != ' ' {
		return 0, 0, ""
	}
	return line[0], width, strings.TrimSpace(rest)
}
