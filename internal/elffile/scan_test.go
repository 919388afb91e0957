package elffile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/internal/wheelfile"
)

// BenchmarkScan reads real wheels, those of ENVPACK_WHEELS, one member after the other: only inflating what can be ELF files, as a
// build does in any case; looking for code for GPUs in all of that; and for what is wanted of them, which mostly ends before the file does.
func BenchmarkScan(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("ENVPACK_WHEELS"), "*.whl"))
	if err != nil || os.Getenv("ENVPACK_WHEELS") == "" || len(files) == 0 {
		b.Skip("ENVPACK_WHEELS names no folder of wheels")
	}
	type member struct {
		d *wheelfile.Directory
		e wheelfile.Entry
	}
	var all []member
	var bytes int64
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			b.Fatal(err)
		}
		d, err := wheelfile.ReadDirectory(info.Name(), f, info.Size())
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range d.Entries {
			if !e.IsDir && e.Size >= 52 && !texts[filepath.Ext(e.Name)] {
				all = append(all, member{d, e})
				bytes += e.Size
			}
		}
	}
	for name, read := range map[string]func(m member) error{
		"inflate": func(m member) error {
			c, err := m.d.Content(m.e)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Walk(0, m.e.Size, func([]byte) error { return nil })
		},
		"find": func(m member) error {
			c, err := m.d.Content(m.e)
			if err != nil {
				return err
			}
			defer c.Close()
			f := &fatbin.Finder{Limit: m.e.Size}
			return c.Walk(0, m.e.Size, func(p []byte) error {
				f.Write(p)
				return nil
			})
		},
		"read": func(m member) error {
			_, err := readObject(b.Context(), m.d, m.e)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				for _, m := range all {
					if err := read(m); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
