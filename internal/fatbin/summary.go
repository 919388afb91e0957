package fatbin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Summary is what a library has of device code.
type Summary struct {
	// Groups are its containers, one for each file that was compiled, by what they have. What share of them has
	// code for a GPU is what share of the library runs there.
	Groups []Group
	// Prelinked are containers of relocatable code, where the library has linked code too, which Groups then are.
	// They take room and never run.
	Prelinked []Group
	// Embedded are containers among the library's other data, where it has some in sections. The library loads them by
	// itself: TensorFlow has kernels there that it did not compile with nvcc, and PyTorch some for single GPUs.
	Embedded []Group
}

// Group stands for all containers of a library that have the same codes.
type Group struct {
	Codes []Code  // sorted, distinct, not empty
	Sizes []int64 // of each code, in all the containers: bytes in the file, compressed as they are, headers included
	Count int     // of containers
	Size  int64   // sum of Sizes
}

// String is the number of containers, then the codes, each with its size: "476 sm_75=1024 compute_75@8.7=96".
func (g Group) String() string {
	b := strconv.AppendInt(nil, int64(g.Count), 10)
	for i, c := range g.Codes {
		b = append(append(append(b, ' '), c.String()...), '=')
		b = strconv.AppendInt(b, g.Sizes[i], 10)
	}
	return string(b)
}

const (
	maxCount   = 1<<31 - 1
	maxArch    = 9999
	maxVersion = 999
	maxBytes   = 1 << 56
	prelinked  = "prelinked "
	embedded   = "embedded "
)

// ParseGroup is the inverse of [Group.String]; nothing but what that writes is read.
func ParseGroup(s string) (Group, error) {
	bad := func(why string) (Group, error) { return Group{}, fmt.Errorf("%q is no group of CUDA code: %s", s, why) }
	fields := strings.Split(s, " ")
	n, ok := number(fields[0], maxCount)
	if !ok || n == 0 {
		return bad("it does not begin with a number")
	}
	g := Group{Count: int(n)}
	for _, f := range fields[1:] {
		name, digits, _ := strings.Cut(f, "=")
		c, err := ParseCode(name)
		if err != nil {
			return bad(err.Error())
		}
		size, ok := number(digits, maxBytes)
		if !ok {
			return bad(name + " has no size")
		}
		if k := len(g.Codes); k > 0 && g.Codes[k-1].Compare(c) >= 0 {
			return bad("its codes are not sorted")
		}
		g.Codes, g.Sizes, g.Size = append(g.Codes, c), append(g.Sizes, size), g.Size+size
		if g.Size > maxBytes {
			return bad("it is too large")
		}
	}
	if len(g.Codes) == 0 {
		return bad("it has no code")
	}
	return g, nil
}

// lists are all groups, by the word that stands before them.
func (s *Summary) lists() [3]struct {
	word   string
	groups *[]Group
} {
	return [3]struct {
		word   string
		groups *[]Group
	}{{"", &s.Groups}, {prelinked, &s.Prelinked}, {embedded, &s.Embedded}}
}

// Lines is the text form: the groups, then those that are prelinked and those that are embedded, behind these words; each
// sorted by codes.
func (s *Summary) Lines() []string {
	var all []string
	for _, list := range s.lists() {
		for _, g := range *list.groups {
			all = append(all, list.word+g.String())
		}
	}
	return all
}

// Parse is the inverse of [Summary.Lines]. Errors: a line that is none, or stands where it would not be written.
func Parse(lines []string) (*Summary, error) {
	s := &Summary{}
	last := 0
	for _, line := range lines {
		which, text := 0, line
		for i, list := range s.lists() {
			if rest, ok := strings.CutPrefix(line, list.word); ok {
				which, text = i, rest
			}
		}
		g, err := ParseGroup(text)
		if err != nil {
			return nil, err
		}
		to := s.lists()[which].groups
		if n := len(*to); which < last || n > 0 && compareCodes((*to)[n-1].Codes, g.Codes) >= 0 {
			return nil, errors.New("the groups of CUDA code are not sorted")
		}
		*to, last = append(*to, g), which
	}
	return s, nil
}

func compareCodes(a, b []Code) int { return slices.CompareFunc(a, b, Code.Compare) }

// MarshalJSON writes the lines as a list.
func (s *Summary) MarshalJSON() ([]byte, error) { return json.Marshal(s.Lines()) }

// UnmarshalJSON is its inverse.
func (s *Summary) UnmarshalJSON(data []byte) error {
	var lines []string
	if err := json.Unmarshal(data, &lines); err != nil {
		return err
	}
	read, err := Parse(lines)
	if err != nil {
		return err
	}
	*s = *read
	return nil
}
