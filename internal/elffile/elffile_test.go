package elffile

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

var full = image{
	wide: true, needed: []string{"libm.so.6", "libc.so.6"}, soname: "libx.so.1", rpath: "$ORIGIN/../old", runpath: "$ORIGIN/../x.libs",
	interpreter: "/lib64/ld-linux-x86-64.so.2",
	versions: []Versions{
		{Library: "libc.so.6", Names: []string{"GLIBC_2.14", "GLIBC_2.2.5"}},
		{Library: "libm.so.6", Names: []string{"GLIBC_2.29"}},
	},
}

func TestRead(t *testing.T) {
	for _, wide := range []bool{false, true} {
		for _, order := range []byteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, late := range []bool{false, true} {
				m := full
				m.wide, m.order, m.late = wide, order, late
				data := m.build()
				got, err := Read(bytes.NewReader(data), int64(len(data)))
				if err != nil {
					t.Fatalf("wide %v, %v, late %v: %v", wide, order, late, err)
				}
				want := &File{Class: elf.ELFCLASS32, Data: elf.ELFDATA2LSB, Type: elf.ET_DYN, Machine: elf.EM_X86_64,
					Interpreter: m.interpreter, Soname: m.soname, Needed: m.needed, Rpath: m.rpath, Runpath: m.runpath, Versions: m.versions}
				if wide {
					want.Class = elf.ELFCLASS64
				}
				if order == byteOrder(binary.BigEndian) {
					want.Data = elf.ELFDATA2MSB
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("wide %v, %v, late %v: %s", wide, order, late, diff)
				}
			}
		}
	}
}

// TestReadInOrder: what is wanted of a file is read in three runs forward at most, each not far from the last.
func TestReadInOrder(t *testing.T) {
	for _, late := range []bool{false, true} {
		m := full
		m.padding, m.late = 1<<20, late
		data := m.build()
		r := &ordered{r: bytes.NewReader(data)}
		if _, err := Read(r, int64(len(data))); err != nil || r.back > 2 {
			t.Errorf("late %v: back %d times, %v", late, r.back, err)
		}
	}
}

// ordered counts how often what is read lies before what was read.
type ordered struct {
	r    *bytes.Reader
	at   int64
	back int
}

func (o *ordered) ReadAt(p []byte, off int64) (int, error) {
	if off < o.at {
		o.back++
	}
	o.at = off
	return o.r.ReadAt(p, off)
}

func TestReadRefuses(t *testing.T) {
	good := full.build()
	edit := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(good)) }
	long := full
	long.soname = strings.Repeat("x", maxString)
	longest := full
	longest.runpath = strings.Repeat("x", maxList)
	control := full
	control.soname = "lib\x1b[31m.so"
	empty := full
	empty.needed = []string{""}
	for name, c := range map[string]struct {
		data []byte
		err  string
	}{
		"nothing":               {nil, "not an ELF file"},
		"text":                  {[]byte("#!/bin/sh\n" + strings.Repeat(" ", 100)), "not an ELF file"},
		"cut header":            {good[:60], "cut off"},
		"cut header of 32 bits": {good[:40], "cut off"},
		"class":                 {edit(func(b []byte) []byte { b[4] = 3; return b }), "class 3"},
		"byte order":            {edit(func(b []byte) []byte { b[5] = 0; return b }), "byte order 0"},
		"header size":           {edit(func(b []byte) []byte { b[54] = 55; return b }), "program headers of 55 bytes"},
		"many headers":          {edit(func(b []byte) []byte { b[56], b[57] = 0xff, 0xff; return b }), "65535 program headers"},
		"headers elsewhere":     {edit(func(b []byte) []byte { b[39] = 0xff; return b }), "not within the file"},
		"cut":                   {good[:len(good)-100], "not within the file"},
		"huge dynamic section":  {edit(func(b []byte) []byte { b[64+56+32+4] = 1; return b }), "is too large"},
		"no segment":            {edit(func(b []byte) []byte { b[64] = 4; return b }), "in no segment"},
		"long string":           {long.build(), "no end within 4096"},
		"long list":             {longest.build(), "no end within 131072"},
		"control character":     {control.build(), "control characters"},
		"empty name":            {empty.build(), "empty name"},
	} {
		_, err := Read(bytes.NewReader(c.data), int64(len(c.data)))
		if err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
	static := edit(func(b []byte) []byte { b[64+56] = 0; return b }) // PT_NULL instead of PT_DYNAMIC
	if f, err := Read(bytes.NewReader(static), int64(len(static))); err != nil || f.Needed != nil || f.Interpreter == "" {
		t.Errorf("static: %+v, %v", f, err)
	}
	none := edit(func(b []byte) []byte { b[56] = 0; return b })
	if f, err := Read(bytes.NewReader(none), int64(len(none))); err != nil || f.Machine != elf.EM_X86_64 {
		t.Errorf("no program headers: %+v, %v", f, err)
	}
}

func TestReadWheel(t *testing.T) {
	x, large := full, full
	x.interpreter = ""
	large.padding, large.late = 3<<20, true // beyond what is remembered of inflating
	name, content := testenv.Wheel("a", "1", testenv.WheelOptions{Tag: "cp311-cp311-linux_x86_64", Files: map[string]string{
		"a/__init__.py": "", "a/_a.abi3.so": string(x.build()), "a/broken.so": string(full.build()[:200]),
		"a/data.bin": strings.Repeat("data", 1000), "a/tool": string(full.build()),
		"a/large.so": string(large.build()),
	}})
	d, err := wheelfile.ReadDirectory(name, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	all, err := ReadWheel(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range all {
		got = append(got, fmt.Sprintf("%s %s %v %v %v", o.Path, o.Soname, o.Needed, o.Interpreter != "", o.Fault != ""))
	}
	want := []string{"a/_a.abi3.so libx.so.1 [libm.so.6 libc.so.6] false false", "a/broken.so  [] false true",
		"a/large.so libx.so.1 [libm.so.6 libc.so.6] true false", "a/tool libx.so.1 [libm.so.6 libc.so.6] true false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	data, err := Encode(all)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(data)
	if diff := cmp.Diff(all, again); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if _, err := Decode(data[:10]); err == nil {
		t.Error("damaged facts are accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ReadWheel(ctx, d); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestReadAsDebugELF compares with debug/elf on this system's libraries, whose section headers are right.
func TestReadAsDebugELF(t *testing.T) {
	var files []string
	for _, pattern := range []string{"/usr/lib/*-linux-gnu/lib*.so.*", "/usr/lib64/lib*.so.*", "/usr/bin/*"} {
		found, _ := filepath.Glob(pattern)
		files = append(files, found...)
	}
	compared := 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		info, err := f.Stat()
		oracle, bad := elf.NewFile(f)
		if err != nil || bad != nil {
			f.Close()
			continue
		}
		got, err := Read(f, info.Size())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			f.Close()
			continue
		}
		needed, _ := oracle.DynString(elf.DT_NEEDED)
		soname, _ := oracle.DynString(elf.DT_SONAME)
		runpath, _ := oracle.DynString(elf.DT_RUNPATH)
		if strings.Join(needed, " ") != strings.Join(got.Needed, " ") || strings.Join(soname, "") != got.Soname || strings.Join(runpath, "") != got.Runpath {
			t.Errorf("%s: %+v, debug/elf has %v %v %v", name, got, needed, soname, runpath)
		}
		want := map[string]map[string]bool{}
		if versions, err := oracle.DynamicVersionNeeds(); err == nil {
			for _, v := range versions {
				want[v.Name] = map[string]bool{}
				for _, n := range v.Needs {
					want[v.Name][n.Dep] = true
				}
			}
		}
		have := map[string]map[string]bool{}
		for _, v := range got.Versions {
			have[v.Library] = map[string]bool{}
			for _, n := range v.Names {
				have[v.Library][n] = true
			}
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		compared++
		f.Close()
	}
	if compared == 0 {
		t.Skip("no libraries here")
	}
	t.Logf("%d files", compared)
}

func FuzzRead(f *testing.F) {
	for _, wide := range []bool{false, true} {
		m := full
		m.wide = wide
		f.Add(m.build())
		m.order, m.late = binary.BigEndian, true
		f.Add(m.build())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, s := range append(append([]string{}, got.Needed...), got.Soname, got.Runpath, got.Rpath, got.Interpreter) {
			if len(s) >= maxString || strings.ContainsAny(s, "\x00\n\x1b") {
				t.Errorf("%q", s)
			}
		}
	})
}
