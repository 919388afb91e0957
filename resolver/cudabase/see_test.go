package cudabase

import (
	"fmt"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/cuda"
)

func locked(names ...string) *lockfile.Lock {
	l := &lockfile.Lock{Targets: []lockfile.Target{{Platform: "linux/amd64", Python: "3.11.2", Glibc: "2.31"}}}
	for _, name := range names {
		l.Packages = append(l.Packages, lockfile.Package{Name: name, Version: "1", Files: []lockfile.File{{Name: name + "-1-cp311-cp311-linux_x86_64.whl", SHA256: name, Targets: []string{"linux/amd64"}}}})
	}
	return l
}

// What wheels ask for says who brings it, and which glibc is needed.
func TestSee(t *testing.T) {
	for name, c := range map[string]struct {
		wheels string // by ";"
		glibc  string // by path: "a/_a.abi3.so 2.38, …"
		base   string // library that the base has
		want   string // uses, and the glibc that counts
	}{
		"static":              {wheels: "faiss 1 | faiss/_s.abi3.so libc.so.6", want: ""},
		"by a wheel":          {wheels: "a 1 | a/_a.abi3.so $ORIGIN/../nvidia/lib libcublas.so.12 ; b 1 | nvidia/lib/libcublas.so.12", want: "libcublas.so.12 for a by b"},
		"lost":                {wheels: "a 1 | a/_a.abi3.so libcublas.so.12 ; b 1 | nvidia/lib/libcublas.so.12", want: "libcublas.so.12 for a by b lost"},
		"by the base":         {wheels: "a 1 | a/_a.abi3.so libcublas.so.12", base: "libcublas.so.12", want: "libcublas.so.12 for a base"},
		"by nobody":           {wheels: "a 1 | a/_a.abi3.so libcublas.so.12", want: "libcublas.so.12 for a by nobody"},
		"a module":            {wheels: "a 1 | a/_a.abi3.so libc.so.6", glibc: "a/_a.abi3.so 2.38", want: "glibc 2.38"},
		"a plug-in":           {wheels: "a 1 | a/_a.abi3.so libc.so.6 | a/libplug.so libc.so.6", glibc: "a/libplug.so 2.38", want: ""},
		"of GPUs":             {wheels: "a 1 | a/_a.abi3.so libc.so.6 | a/libplug.so gpu libc.so.6", glibc: "a/libplug.so 2.38", want: "glibc 2.38"},
		"for other hardware":  {wheels: "a 1 | a/libcuda.so gpu libc.so.6 | a/librocm.so libc.so.6", glibc: "a/librocm.so 2.38", want: ""},
		"of another Python":   {wheels: "a 1 | a/_a.cpython-39-x86_64-linux-gnu.so libc.so.6", glibc: "a/_a.cpython-39-x86_64-linux-gnu.so 2.38", want: ""},
		"opened by its name":  {wheels: "ctranslate2 4.8.5 | ctranslate2/_ext.abi3.so libc.so.6 ; b 1 | nvidia/lib/libcublas.so.12", want: "libcublas.so.12 for ctranslate2 by b lost"},
		"NVIDIA's among them": {wheels: "nvidia-cusolver-cu12 1 | nvidia/s/libcusolver.so.11 libcublas.so.12 ; b 1 | nvidia/lib/libcublas.so.12", want: "libcublas.so.12 for nvidia-cusolver-cu12 by b"},
	} {
		t.Run(name, func(t *testing.T) {
			objects, names := map[string][]elffile.Object{}, []string(nil)
			versions := map[string]string{}
			for _, text := range strings.Split(c.wheels, ";") {
				w := wheel(strings.TrimSpace(text))
				for i := range w.Objects {
					o := &w.Objects[i]
					o.Needed = func(all []string) (rest []string) {
						for _, n := range all {
							switch {
							case n == "gpu":
								o.CUDA = &fatbin.Summary{}
							case strings.HasPrefix(n, "$"):
								o.Runpath = n
							default:
								rest = append(rest, n)
							}
						}
						return rest
					}(o.Needed)
					if at, version, ok := strings.Cut(c.glibc, " "); ok && at == o.Path {
						o.Versions = []elffile.Versions{{Library: "libc.so.6", Names: []string{"GLIBC_2.4", "GLIBC_" + version}}}
					}
				}
				names, objects[w.Name], versions[w.Name] = append(names, w.Name), w.Objects, w.Version
			}
			l := locked(names...)
			for i := range l.Packages {
				l.Packages[i].Version = versions[l.Packages[i].Name]
			}
			in, ok := InputOf(l, "linux/amd64", func(f lockfile.File) ([]elffile.Object, bool) { o, ok := objects[f.SHA256]; return o, ok })
			if !ok {
				t.Fatal("not all was read")
			}
			e := cuda.Of(l, "linux/amd64", nil)
			if err := See(&e, in, nil, func(soname string) bool { return soname == c.base }); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range e.Supply.Uses {
				text := u.Library + " for " + u.Wheel
				switch {
				case u.Base:
					text += " base"
				case u.From == "":
					text += " by nobody"
				default:
					text += " by " + u.From
				}
				if u.Lost {
					text += " lost"
				}
				got = append(got, text)
			}
			for _, i := range e.Items {
				if i.Glibc != "" && i.Glibc != "2.4" {
					got = append(got, "glibc "+i.Glibc)
				}
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("%s, want %s", s, c.want)
			}
			if a := cuda.Examine(e, cuda.Hosts{}).Answers[3]; (a.Verdict == cuda.No) != strings.Contains(c.want, "2.38") {
				t.Error(fmt.Sprint(a))
			}
		})
	}
	if _, ok := InputOf(locked("a"), "linux/amd64", func(lockfile.File) ([]elffile.Object, bool) { return nil, false }); ok {
		t.Error("what was not read counts as read")
	}
	e := cuda.Of(locked("a"), "linux/amd64", nil)
	if a := cuda.Examine(e, cuda.Hosts{}).Answers[3]; a.Verdict != cuda.Unknown {
		t.Errorf("of a wheel with the tag linux_x86_64 that was not read: %v", a)
	}
}
