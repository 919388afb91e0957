package rootfs

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

// deb is a package for tests: version 1.0, architecture amd64, unless its fields say otherwise.
func deb(name string, o testenv.DebOptions) Deb {
	return debOf(name, "1.0", "amd64", o)
}

func debOf(name, version, arch string, o testenv.DebOptions) Deb {
	_, content := testenv.Deb(name, version, arch, o)
	return Deb{Name: name, Version: version, Architecture: arch, File: bytes.NewReader(content), Size: int64(len(content))}
}

func options() Options {
	return Options{Architecture: "amd64", Python: "3.11", Spool: &testenv.Spool{}, Parallel: 2}
}

func mustAssemble(t *testing.T, debs ...Deb) *Tree {
	t.Helper()
	tree, err := Assemble(context.Background(), debs, options())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func assembleError(t *testing.T, debs ...Deb) error {
	t.Helper()
	_, err := Assemble(context.Background(), debs, options())
	if err == nil {
		t.Fatal("no error")
	}
	return err
}

func (tree *Tree) find(p string) (layer.Entry, bool) {
	for _, e := range tree.Entries {
		if e.Path == p {
			return e, true
		}
	}
	return layer.Entry{}, false
}

func (tree *Tree) entry(t *testing.T, p string) layer.Entry {
	t.Helper()
	e, ok := tree.find(p)
	if !ok {
		t.Fatalf("/%s is not there", p)
	}
	return e
}

func (tree *Tree) text(t *testing.T, p string) string {
	t.Helper()
	switch c := tree.entry(t, p).Content.(type) {
	case layer.Bytes:
		return string(c)
	case layer.Opener:
		r, err := c.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return ""
}

func (tree *Tree) link(t *testing.T, p string) string {
	t.Helper()
	e := tree.entry(t, p)
	if e.Kind != layer.Symlink {
		t.Fatalf("/%s is no symbolic link but of kind %c", p, e.Kind)
	}
	return e.Link
}

// write makes the layer, which holds the tree to account.
func (tree *Tree) write(t *testing.T) *layer.Result {
	t.Helper()
	r, err := layer.Write(context.Background(), tree.Entries, layer.Options{Output: io.Discard, NoRecipe: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sharedLibrary is a shared library of nothing but a SONAME, which may be "".
func sharedLibrary(machine elf.Machine, soname string) string {
	const ehdr, shdr = 64, 64
	le := binary.LittleEndian
	strs := "\x00" + soname + "\x00"
	strs += strings.Repeat("\x00", 7-(len(strs)+7)%8)
	names := "\x00.dynstr\x00.dynamic\x00.shstrtab\x00\x00\x00\x00\x00\x00"
	var dynamic []byte
	if soname != "" {
		dynamic = le.AppendUint64(le.AppendUint64(nil, uint64(elf.DT_SONAME)), 1)
	}
	dynamic = append(dynamic, make([]byte, 16)...)
	atStrs := uint64(ehdr)
	atDynamic := atStrs + uint64(len(strs))
	atNames := atDynamic + uint64(len(dynamic))
	var b bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Shoff: atNames + uint64(len(names)),
		Ehsize: ehdr, Shentsize: shdr, Shnum: 4, Shstrndx: 3,
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	binary.Write(&b, le, h)
	b.WriteString(strs)
	b.Write(dynamic)
	b.WriteString(names)
	binary.Write(&b, le, []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: atStrs, Size: uint64(len(strs))},
		{Name: 9, Type: uint32(elf.SHT_DYNAMIC), Off: atDynamic, Size: uint64(len(dynamic)), Link: 1, Entsize: 16},
		{Name: 18, Type: uint32(elf.SHT_STRTAB), Off: atNames, Size: uint64(len(names))},
	})
	return b.String()
}
