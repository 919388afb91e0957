package fatbin

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

type (
	bin  = testenv.FatBinary
	code = testenv.FatCode
)

// in reads data in chunks of n bytes.
func in(data []byte, n int) *Finder {
	f := &Finder{Limit: int64(len(data))}
	for chunk := range slices.Chunk(data, n) {
		p := bytes.Clone(chunk)
		f.Write(p)
		clear(p)
	}
	return f
}

func read(t *testing.T, data []byte, sections ...Section) []string {
	t.Helper()
	known := len(sections) > 0
	var first []string
	for i, n := range []int{len(data), 1, 7, 64, 4096} {
		s, err := in(data, n).Summary(sections, known)
		var lines []string
		if err != nil {
			lines = []string{"error: " + err.Error()}
		} else if s != nil {
			lines = s.Lines()
			if again, err := Parse(lines); err != nil || !cmp.Equal(s, again) {
				t.Errorf("parsed again: %v, %+v", err, again)
			}
		}
		if i == 0 {
			first = lines
		} else if diff := cmp.Diff(first, lines); diff != "" {
			t.Errorf("in chunks of %d: %s", n, diff)
		}
	}
	return first
}

// whole reads containers that are all of a section.
func whole(t *testing.T, all ...bin) []string {
	t.Helper()
	var data []byte
	for _, b := range all {
		data = append(data, b.Bytes()...)
	}
	return read(t, data)
}

func TestFinder(t *testing.T) {
	kilo := make([]byte, 1000)
	a := bin{{Code: "sm_90a", Payload: kilo}, {Code: "sm_75", Payload: kilo[:3]}, {Code: "compute_120", PTX: [2]int{8, 7}, Options: "--x"}}
	for name, c := range map[string]struct {
		got  []string
		want string
	}{
		"one":            {whole(t, a), "1 sm_75=72 sm_90a=1064 compute_120@8.7=80"},
		"the same twice": {whole(t, a, bin{a[1], a[2], a[0]}), "2 sm_75=144 sm_90a=2128 compute_120@8.7=160"},
		"one code twice": {whole(t, bin{a[0], a[0]}), "1 sm_90a=2128"},
		"two sets":       {whole(t, bin{a[1]}, a, bin{a[1]}), "2 sm_75=144\n1 sm_75=72 sm_90a=1064 compute_120@8.7=80"},
		"all suffixes": {whole(t, bin{{Code: "sm_100f"}, {Code: "sm_100"}, {Code: "sm_100a"}, {Code: "lto_100f"}, {Code: "compute_100a"}}),
			"1 sm_100=64 sm_100a=64 sm_100f=64 compute_100a=64 lto_100f=64"},
		"empty ones": {whole(t, bin{}, a[1:2], bin{}), "1 sm_75=72"},
		"nothing":    {whole(t, bin{}), ""},
		// 64 + 8 + 2·64 + 16 bytes of headers and 240 of payload, shared as 100 to 300.
		"joined": {whole(t, bin{{Payload: kilo[:240], Joined: bin{{Code: "sm_75", Payload: kilo[:100]}, {Code: "compute_90a", PTX: [2]int{8, 0}, Options: "-x", Payload: kilo[:300]}}}}),
			"1 sm_75=114 compute_90a@8.0=342"},
	} {
		if got := strings.Join(c.got, "\n"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestSections has containers in several places, and what is none.
func TestSections(t *testing.T) {
	one := bin{{Code: "sm_75"}}.Bytes()
	two := bin{{Code: "sm_80"}}.Bytes()
	three := bin{{Code: "sm_90"}}.Bytes()
	size := int64(len(one))
	text := make([]byte, 1200)
	binary.LittleEndian.PutUint32(text[80:], magic) // as in the code of CUDA's runtime
	binary.LittleEndian.PutUint32(text[93:], magic)
	copy(text[104:], one[:4])
	text[108], text[109], text[110] = 1, 1, 16
	data := slices.Concat(text, one, make([]byte, 16), two, two, text, three)
	at := int64(len(text))
	first := Section{Offset: at, Size: 3*size + 16}
	last := Section{Offset: int64(len(data)) - size, Size: size}
	all := in(data, 100)
	if diff := cmp.Diff([]Section{{Offset: at, Size: size}, {Offset: at + size + 16, Size: size}, {Offset: at + 2*size + 16, Size: size}, last}, all.Containers()); diff != "" {
		t.Error(diff)
	}
	if none := in(text, 100).Containers(); len(none) > 0 {
		t.Errorf("the text has %v", none)
	}
	malformed := slices.Clone(one)
	malformed[9]++
	broken := slices.Concat(data, malformed, two)
	rel := func(s Section) Section { s.Relocatable = true; return s }
	for name, c := range map[string]struct {
		data     []byte
		sections []Section
		want     string
	}{
		"not known":       {data, nil, "1 sm_75=64\n2 sm_80=128\n1 sm_90=64"},
		"all linked":      {data, []Section{first, last}, "1 sm_75=64\n2 sm_80=128\n1 sm_90=64"},
		"embedded":        {data, []Section{first}, "1 sm_75=64\n2 sm_80=128\nembedded 1 sm_90=64"},
		"all embedded":    {data, []Section{{0, 100, false}}, "1 sm_75=64\n2 sm_80=128\n1 sm_90=64"},
		"one":             {data, []Section{first, rel(last)}, "1 sm_75=64\n2 sm_80=128\nprelinked 1 sm_90=64"},
		"one embedded":    {data, []Section{rel(first)}, "1 sm_75=64\n2 sm_80=128\nembedded 1 sm_90=64"},
		"all relocatable": {data, []Section{rel(last), rel(first)}, "1 sm_75=64\n2 sm_80=128\n1 sm_90=64"},
		"another place":   {data, []Section{{0, 100, true}}, "1 sm_75=64\n2 sm_80=128\n1 sm_90=64"},
		"in part":         {data, []Section{{at, size + 20, true}}, "1 sm_75=64\n1 sm_80=64\nembedded 1 sm_80=64\nembedded 1 sm_90=64"},
		"malformed":       {broken, nil, "error: the CUDA code at 2736 cannot be read: it has 320 bytes"},
		"malformed, in a section": {broken, []Section{{int64(len(data)), size, false}},
			"error: the CUDA code at 2736 cannot be read: it has 320 bytes"},
		"malformed, elsewhere": {broken, []Section{first}, "1 sm_75=64\n2 sm_80=128\nembedded 1 sm_80=64\nembedded 1 sm_90=64"},
	} {
		if got := strings.Join(read(t, c.data, c.sections...), "\n"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestHostile changes bytes of containers.
func TestHostile(t *testing.T) {
	good := bin{{Code: "sm_75", Payload: make([]byte, 200)}, {Code: "sm_80", Options: "-x"}}
	joined := bin{{Payload: make([]byte, 80), Joined: bin{{Code: "sm_75", Payload: make([]byte, 100)}, {Code: "sm_80", Options: "-x"}}}}
	put := func(at, n int, value uint64) func([]byte) {
		return func(b []byte) {
			for i := range n {
				b[at+i] = byte(value >> (8 * i))
			}
		}
	}
	for name, c := range map[string]struct {
		of     bin
		change func([]byte)
		want   string
	}{
		"version":                {good, put(4, 2, 2), "its version is 2"},
		"long header":            {good, put(6, 2, 24), "an entry's version is"},
		"endless":                {good, put(8, 8, 1<<63), "it has 9223372036854775808 bytes"},
		"longer than the file":   {good, put(8, 8, 1<<20), "it has 1048576 bytes"},
		"odd size":               {good, put(8, 8, 17), "it has 17 bytes"},
		"shorter than its code":  {good, put(8, 8, 64), "an entry has a header of 64 bytes and a payload of 200"},
		"a rest":                 {good, put(8, 8, 64+200+8), "8 bytes are left behind an entry"},
		"longer than its code":   {append(good, code{Code: "sm_90"}), put(16+64+200+80, 64, 0), "an entry's version is 0x0"},
		"entry version":          {good, put(16+2, 2, 0x102), "an entry's version is 0x102"},
		"entry header":           {good, put(16+4, 4, 56), "an entry has a header of 56 bytes"},
		"entry header is odd":    {good, put(16+4, 4, 68), "an entry has a header of 68 bytes"},
		"entry header is large":  {good, put(16+4, 4, 1<<31), "an entry has a header of 2147483648 bytes"},
		"payload is endless":     {good, put(16+8, 8, 1<<64-8), "a payload of 18446744073709551608"},
		"payload overlaps":       {good, put(16+8, 8, 400), "a payload of 400"},
		"no architecture":        {good, put(16+28, 4, 0), "an entry is for the architecture 0"},
		"huge architecture":      {good, put(16+28, 4, 1<<31), "an entry is for the architecture 2147483648"},
		"both suffixes":          {good, put(16+40, 4, 0x300011), "with flags 0x300011"},
		"version of PTX":         {bin{{Code: "compute_75", PTX: [2]int{1000, 0}}}, put(0, 0, 0), "has PTX of version 1000.0"},
		"joined: no place":       {joined, put(16+20, 4, 0), "an entry of several names none"},
		"joined: count":          {joined, put(16+64, 4, 1<<32-1), "an entry of 4294967295 has a table of"},
		"joined: more":           {bin{{Joined: bin{{Code: "sm_80", Options: "-x"}, {Code: "sm_75"}}}}, put(16+68, 4, 144), "the table of an entry of several ends early"},
		"joined: table":          {joined, put(16+68, 4, 1<<32-1), "has a table of 4294967295 bytes"},
		"joined: short table":    {joined, put(16+68, 4, 7), "has a table of 7 bytes"},
		"joined: size":           {joined, put(16+72+8, 8, 1<<63), "one of kind 2 with 9223372036854775808 bytes"},
		"joined: itself":         {joined, put(16+72, 2, 256), "one of kind 256"},
		"joined: extension":      {joined, put(16+72+64+20, 4, 72), "has an unknown extension"},
		"joined: long extension": {joined, put(16+72+64+68, 4, 1<<32-1), "the table of an entry of several ends early"},
	} {
		data := c.of.Bytes()
		c.change(data)
		data = slices.Concat(data, bin{{Code: "sm_50"}}.Bytes()) // which what lies may not hide
		got := strings.Join(read(t, data), "\n")
		if !strings.HasPrefix(got, "error: the CUDA code at 0 cannot be read: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestLimits has more than any library.
func TestLimits(t *testing.T) {
	empty := bin{}.Bytes()
	f := &Finder{}
	for range maxContainers + 100 {
		f.Write(empty)
	}
	if _, err := f.Summary(nil, false); err == nil || !strings.Contains(err.Error(), "there is more CUDA code than is read") {
		t.Errorf("with %d containers: %v", maxContainers+100, err)
	}
	if len(f.found) > maxContainers {
		t.Errorf("it holds %d containers", len(f.found))
	}
	var all, data []byte
	for n := range uint32(maxGroups + 100) {
		all = append(all, bin{{Code: "sm_75"}}.Bytes()...)
		binary.LittleEndian.PutUint32(all[len(all)-64+28:], n+1)
	}
	for range 3 {
		data = append(data, all...)
	}
	if _, err := in(data, len(data)).Summary(nil, false); err == nil {
		t.Error("too many sets are read")
	}
}

func FuzzFinder(f *testing.F) {
	f.Add(bin{{Code: "sm_75", Payload: []byte("x")}, {Code: "compute_90a", PTX: [2]int{8, 0}, Options: "-x"}}.Bytes(), uint16(7))
	f.Add(bin{{Payload: []byte("x"), Joined: bin{{Code: "sm_75"}, {Code: "lto_80", Options: "-x"}}}}.Bytes(), uint16(64))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		if len(data) == 0 {
			return
		}
		sections, known := []Section{{Size: int64(len(data)) / 2, Relocatable: cut%2 == 0}}, cut%3 > 0
		one, err := in(data, len(data)).Summary(sections, known)
		other, err2 := in(data, int(cut)+1).Summary(sections, known)
		if !cmp.Equal(one, other) || (err == nil) != (err2 == nil) {
			t.Fatalf("in chunks of %d: %+v, %v, and not %+v, %v", int(cut)+1, other, err2, one, err)
		}
		if one == nil {
			return
		}
		var size int64
		for _, g := range slices.Concat(one.Groups, one.Prelinked, one.Embedded) {
			size += g.Size
		}
		if size > int64(len(data)) {
			t.Errorf("%d bytes have %d of code", len(data), size)
		}
		if again, err := Parse(one.Lines()); err != nil || !cmp.Equal(one, again) {
			t.Errorf("parsed again: %v, %+v", err, again)
		}
	})
}
