package elffile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

func TestReadCode(t *testing.T) {
	type bin = testenv.FatBinary
	section := func(name string, all ...bin) testenv.ELFSection {
		var data []byte
		for _, b := range all {
			data = append(data, b.Bytes()...)
		}
		return testenv.ELFSection{Name: name, Data: data}
	}
	zeros := func(n int) testenv.ELFSection { return testenv.ELFSection{Name: ".rodata", Data: make([]byte, n)} }
	old, new := bin{{Code: "sm_75"}}, bin{{Code: "sm_90a"}, {Code: "compute_120", PTX: [2]int{9, 0}}}
	linked, other := section(".nv_fatbin", old, new, new), section("__nv_relfatbin", old)
	lying := section(".nv_fatbin", old)
	lying.Data[9]++
	embedded := section(".rodata", old)
	embedded.Data = append(make([]byte, 16), embedded.Data...)
	compiler := testenv.ELFSection{Name: ".text", Data: append(slices.Clone(linked.Data[:8]), "code that follows"...)}
	first := "1 sm_75=64\n2 sm_90a=128 compute_120@9.0=128"
	for name, c := range map[string]struct {
		file   testenv.ELF
		strip  bool // the file has no table of sections
		want   string
		unread int // bytes of the file's end that are not asked for
	}{
		"none, rest not asked":  {file: testenv.ELF{Apart: 100_000, Sections: []testenv.ELFSection{zeros(100)}}, unread: 90_000},
		"adjacent":              {file: testenv.ELF{Sections: []testenv.ELFSection{linked, other}}, want: first + "\nprelinked 1 sm_75=64"},
		"none":                  {file: testenv.ELF{Sections: []testenv.ELFSection{zeros(100)}}},
		"small":                 {file: testenv.ELF{Sections: []testenv.ELFSection{zeros(100), linked}}, want: first},
		"both":                  {file: testenv.ELF{Sections: []testenv.ELFSection{linked, zeros(100), other}}, want: first + "\nprelinked 1 sm_75=64"},
		"both, adjacent":        {file: testenv.ELF{Sections: []testenv.ELFSection{linked, other, zeros(100), linked}}, want: "2 sm_75=128\n4 sm_90a=256 compute_120@9.0=256\nprelinked 1 sm_75=64"},
		"a compiler's constant": {file: testenv.ELF{Sections: []testenv.ELFSection{compiler, linked}}, want: first},
		"a compiler's constant, stripped": {file: testenv.ELF{Sections: []testenv.ELFSection{compiler, linked}}, strip: true,
			want: "fault: the CUDA code at 192 cannot be read: it has 7018987701745774435 bytes"},
		"relocatable":              {file: testenv.ELF{Sections: []testenv.ELFSection{other}}, want: "1 sm_75=64"},
		"embedded":                 {file: testenv.ELF{Sections: []testenv.ELFSection{linked, zeros(100), embedded}}, want: first + "\nembedded 1 sm_75=64"},
		"lying":                    {file: testenv.ELF{Sections: []testenv.ELFSection{lying, zeros(1000), linked}}, want: "fault: the CUDA code at 192 cannot be read: an entry's version is 0x0, and not 0x101"},
		"both, names apart":        {file: testenv.ELF{Apart: 100_000, Sections: []testenv.ELFSection{linked, zeros(100), other}}, want: first + "\nprelinked 1 sm_75=64"},
		"both, stripped of tables": {file: testenv.ELF{Sections: []testenv.ELFSection{linked, zeros(100), other}}, strip: true, want: "2 sm_75=128\n2 sm_90a=128 compute_120@9.0=128"},
	} {
		c.file.Needed = []string{"libc.so.6"}
		data := c.file.Bytes()
		if c.strip {
			clear(data[40:48])
			clear(data[58:64])
		}
		for _, n := range []int{977, 1 << 20} {
			w := &walker{Reader: bytes.NewReader(data), chunk: n}
			f, err := ReadCUDA(w, int64(len(data)))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got := ""
			if f.CUDA != nil {
				got = strings.Join(f.CUDA.Lines(), "\n")
			}
			if f.CUDAFault != "" {
				got = "fault: " + f.CUDAFault
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, in chunks of %d: %s", name, n, diff)
			}
			if w.most > int64(len(data)-c.unread) {
				t.Errorf("%s: read up to %d of %d", name, w.most, len(data))
			}
			if len(f.Needed) != 1 {
				t.Errorf("%s: it needs %q", name, f.Needed)
			}
		}
		if f, err := Read(bytes.NewReader(data), int64(len(data))); err != nil || f.CUDA != nil {
			t.Errorf("%s: without code %+v, %v", name, f, err)
		}
	}
}

// walker hands out its content in chunks and notes how far it was read.
type walker struct {
	*bytes.Reader
	chunk int
	most  int64
}

func (w *walker) ReadAt(p []byte, off int64) (int, error) {
	w.most = max(w.most, off+int64(len(p)))
	return w.Reader.ReadAt(p, off)
}

func (w *walker) Walk(from, to int64, f func(p []byte) error) error {
	for p := make([]byte, w.chunk); from < to; {
		n, err := w.ReadAt(p[:min(int64(w.chunk), to-from)], from)
		if err != nil {
			return err
		}
		if err := f(p[:n]); err != nil {
			return err
		}
		clear(p)
		from += int64(n)
	}
	return nil
}

func TestReadCodeFails(t *testing.T) {
	data := testenv.ELF{Sections: testenv.FatBinarySections(".nv_fatbin", testenv.FatBinary{{Code: "sm_75"}})}.Bytes()
	if f, err := ReadCUDA(&walker{Reader: bytes.NewReader(data[:250]), chunk: 100}, int64(len(data))); err == nil {
		t.Errorf("of a file that ends early %+v is read", f)
	}
}
