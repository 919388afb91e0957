package parent

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/envpack/envpack/imagegen/layer"
)

// FuzzLayers applies the tar twice, as two layers, and holds the tree to what every tree has.
func FuzzLayers(f *testing.F) {
	f.Add(tarOf(f, debian("3.11", "3.11.2")...))
	f.Add(tarOf(f, file{"a/b", "1"}, file{"a/.wh.b", ""}, file{"a/.wh..wh..opq", ""}, file{"c -> ../a", ""}, file{"c/d => a/b", ""}, file{"c/e", ""}, file{"f -> f", ""}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 16<<10 { // most of a tar is padding, and more of it finds no more
			return
		}
		p := &Parent{Platform: "linux/amd64"}
		a := &applier{tree: newTree(), note: p.note}
		for a.layer = 1; a.layer <= 2; a.layer++ {
			r := tar.NewReader(bytes.NewReader(data))
			for range 10_000 {
				h, err := r.Next()
				if err != nil || a.entry(h, io.LimitReader(r, 1<<20)) != nil {
					break
				}
			}
		}
		p.Tree = a.tree
		before := ""
		for e := range p.Tree.All() {
			if e.Path != clean(e.Path) || e.Path == "" || e.Path == before {
				t.Fatalf("path %q after %q", e.Path, before)
			}
			before = e.Path
			if parent, ok := p.Tree.Lstat(path.Dir(e.Path)); !ok || parent.Kind != layer.Dir {
				t.Fatalf("%q is in no folder", e.Path)
			}
			if at, ok := p.Tree.Lstat(e.Path); !ok || at != e {
				t.Fatalf("%+v is found as %+v", e, at)
			}
			if s, ok := p.Tree.Stat(e.Path); ok && s.Kind == layer.Symlink {
				t.Fatalf("%q leads to the symlink %q", e.Path, s.Path)
			}
		}
		if p.learn() != nil {
			return
		}
		_, _ = p.Choose(func(Python) bool { return true }, "3", "opt/env")
		text, err := json.Marshal(p.Tree)
		if err != nil {
			t.Fatal(err)
		}
		var again Tree
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatal(err)
		}
		if back, err := json.Marshal(&again); err != nil || !bytes.Equal(back, text) {
			t.Fatalf("the tree is not what was remembered: %v", err)
		}
	})
}

func FuzzBinary(f *testing.F) {
	f.Add([]byte(libc("amd64", "2.36")))
	f.Add([]byte(binaryOf("arm64", loader, "/3.11.2\x00")))
	f.Add([]byte(binaryOf("amd64", "", "musl libc (x86_64)\nVersion %s\n\x001.2.5\x00x1.2.6-git-7-gab\x00")))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := scan(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Musl) > 0 && !bytes.Contains(data, []byte("musl libc (")) {
			t.Errorf("%q of a binary that is not musl", c.Musl)
		}
		for _, v := range append(c.Versions, c.Musl...) {
			if !bytes.Contains(data, []byte(v+"\x00")) {
				t.Errorf("the binary does not say %q", v)
			}
		}
		libcOf(func() string {
			if c.ELF == nil {
				return ""
			}
			return c.ELF.Interpreter
		}())
	})
}

func FuzzTexts(f *testing.F) {
	f.Add("ID=debian\nNAME='a \"b'\\\n")
	f.Add(status("libc6", "2.36-9"))
	f.Fuzz(func(t *testing.T, text string) {
		osRelease(text)
		list, err := Installed([]byte(text))
		if err != nil {
			return
		}
		var same strings.Builder
		for _, p := range list {
			same.WriteString("Package: " + p.Name + "\nStatus: install ok installed\nVersion: " + p.Version + "\nArchitecture: " + p.Architecture + "\n\n")
		}
		again, err := Installed([]byte(same.String()))
		if err != nil || len(again) != len(list) {
			t.Errorf("%v, %v: %v", list, again, err)
		}
	})
}
