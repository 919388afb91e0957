package tags

import (
	"errors"
	"math/rand"
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pep508"
)

var bookworm = Target{Platform: "linux/amd64", PythonMajor: 3, PythonMinor: 12, Glibc: Libc{2, 36}}

func wheels(t testing.TB, names ...string) []Wheel {
	t.Helper()
	var list []Wheel
	for _, name := range names {
		w, err := ParseWheel(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, w)
	}
	return list
}

func ranking(t testing.TB, target Target) *Ranking {
	t.Helper()
	r, err := NewRanking(target)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBest(t *testing.T) {
	threaded := bookworm
	threaded.FreeThreaded, threaded.PythonMinor = true, 15
	arm := bookworm
	arm.Platform = "linux/arm64"
	alpine := bookworm
	alpine.Glibc, alpine.Musl = Libc{}, Libc{1, 2}
	for _, test := range []struct {
		what   string
		target Target
		want   string // the first of the names
		others string
	}{
		{"own ABI before stable ABI", bookworm, "a-1-cp312-cp312-manylinux_2_17_x86_64.whl", "a-1-cp39-abi3-manylinux_2_28_x86_64.whl a-1-py3-none-any.whl"},
		{"newest glibc first", bookworm, "a-1-cp312-cp312-manylinux_2_28_x86_64.whl", "a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl a-1-cp312-cp312-manylinux_2_39_x86_64.whl"},
		{"newest stable ABI", bookworm, "a-1-cp310-abi3-manylinux1_x86_64.whl", "a-1-cp39-abi3-manylinux_2_28_x86_64.whl a-1-cp313-abi3-manylinux_2_28_x86_64.whl"},
		{"pure", bookworm, "a-1-py3-none-any.whl", "a-1-py2-none-any.whl a-1-cp311-cp311-linux_x86_64.whl"},
		{"compressed", bookworm, "a-1-py2.py3-none-any.whl", ""},
		{"highest build", bookworm, "a-1-10-py3-none-any.whl", "a-1-py3-none-any.whl a-1-9-py3-none-any.whl a-1-2b-py3-none-any.whl"},
		{"first name", bookworm, "A-1-py3-none-any.whl", "a-1-py3-none-any.whl"},
		{"legacy", bookworm, "a-1-cp312-cp312-manylinux2014_x86_64.whl", "a-1-cp312-cp312-manylinux2010_x86_64.whl"},
		{"free-threaded", threaded, "a-1-cp315-cp315t-manylinux_2_28_x86_64.whl", "a-1-cp315-cp315-manylinux_2_28_x86_64.whl a-1-cp315-abi3-manylinux_2_28_x86_64.whl"},
		{"free-threaded, stable", threaded, "a-1-cp315-abi3.abi3t-manylinux_2_28_x86_64.whl", "a-1-py3-none-any.whl"},
		{"other machine", arm, "a-1-cp312-cp312-manylinux_2_17_aarch64.whl", "a-1-cp312-cp312-manylinux_2_17_x86_64.whl"},
		{"musl", alpine, "a-1-cp312-cp312-musllinux_1_1_x86_64.whl", "a-1-cp312-cp312-musllinux_1_3_x86_64.whl a-1-cp312-cp312-manylinux_2_17_x86_64.whl"},
		{"none", bookworm, "", "a-1-cp311-cp311-manylinux_2_17_x86_64.whl a-1-cp312-cp312-macosx_11_0_arm64.whl"},
	} {
		names := strings.Fields(test.want + " " + test.others)
		for range 5 {
			rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			got := ""
			if i := ranking(t, test.target).Best(wheels(t, names...)); i >= 0 {
				got = names[i]
			}
			if got != test.want {
				t.Errorf("%s: %s, want %s", test.what, got, test.want)
			}
		}
	}
}

func TestVariant(t *testing.T) {
	for name, want := range map[string]bool{
		"torch-2.8.0-cp312-cp312-manylinux_2_28_x86_64-cu128.whl":   true,
		"torch-2.8.0-1-cp312-cp312-manylinux_2_28_x86_64-cu128.whl": true,
		"torch-2.8.0-py2.py3-none-any-null.whl":                     true,
		"torch-2.8.0-1-cp312-cp312-manylinux_2_28_x86_64.whl":       false,
		"torch-2.8.0-x-cp312-cp312-manylinux_2_28_x86_64.whl":       true, // as if x were a Python tag
		"torch-2.8.0-cp312-cp312-manylinux_2_28_x86_64-CU128.whl":   false,
		"torch-2.8.0-1-x-cp312-cp312-any-cu128.whl":                 false,
		"torch-2.8.0.whl": false,
	} {
		_, err := ParseWheel(name)
		if errors.Is(err, ErrVariant) != want {
			t.Errorf("ParseWheel(%q): %v", name, err)
		}
	}
	many := "a-1-" + strings.Repeat("py3.", 100) + "py3-" + strings.Repeat("none.", 100) + "none-any.whl"
	if _, err := ParseWheel(many); err == nil {
		t.Error("a name with 10,201 tags is accepted")
	}
}

func TestValidate(t *testing.T) {
	if err := bookworm.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*Target){
		func(t *Target) { t.Platform = "windows/amd64" },
		func(t *Target) { t.Implementation = "pp" },
		func(t *Target) { t.PythonMajor = 2 },
		func(t *Target) { t.PythonMinor = 2 },
		func(t *Target) { t.FreeThreaded = true },
		func(t *Target) { t.Glibc = Libc{} },
		func(t *Target) { t.Musl = Libc{1, 2} },
		func(t *Target) { t.Glibc = Libc{2, 1 << 30} },
		func(t *Target) { t.Glibc = Libc{3, 1} },
		func(t *Target) { t.Glibc = Libc{2, -1} },
	} {
		target := bookworm
		change(&target)
		if _, err := NewRanking(target); err == nil || target.Tags() != nil {
			t.Errorf("%+v is accepted", target)
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct{ names, want, explain string }{
		{"", "", "there are no wheels"},
		{"a-1-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl a-1-cp39-cp39-manylinux_2_17_x86_64.whl a-1-cp39-cp39-macosx_11_0_arm64.whl a-1-cp310-cp310-macosx_11_0_arm64.whl",
			"cp39, cp310 on macosx arm64, manylinux x86_64", "there are wheels for cp39, cp310 on macosx arm64, manylinux x86_64"},
		{"a-1-cp313-cp313t-musllinux_1_2_x86_64.whl a-1-cp38-abi3-win_amd64.whl a-1-py2-none-any.whl",
			"cp38 and later (abi3) on win_amd64; cp313t on musllinux x86_64; py2 on any",
			"there are wheels for cp38 and later (abi3) on win_amd64; cp313t on musllinux x86_64; py2 on any"},
		{"a-1-cp312-cp312-manylinux_2_39_x86_64.whl a-1-cp312-cp312-manylinux_2_41_x86_64.whl a-1-cp311-cp311-manylinux_2_37_x86_64.whl",
			"cp311, cp312 on manylinux x86_64", "the wheels need glibc 2.39 or later, and the target has 2.36"},
	} {
		list := wheels(t, strings.Fields(test.names)...)
		if got := Describe(list); got != test.want {
			t.Errorf("Describe: %s, want %s", got, test.want)
		}
		if got := ranking(t, bookworm).Explain(list); got != test.explain {
			t.Errorf("Explain: %s, want %s", got, test.explain)
		}
	}
}

func TestMarkerEnvironment(t *testing.T) {
	env := MarkerEnvironment(bookworm, "3.12.4")
	m, err := pep508.ParseMarker(`python_version == "3.12" and python_full_version == "3.12.4" and implementation_version == "3.12.4"` +
		` and os_name == "posix" and sys_platform == "linux" and platform_system == "Linux" and platform_machine == "x86_64"` +
		` and platform_python_implementation == "CPython" and implementation_name == "cpython"` +
		` and platform_release == "" and platform_version == "" and extra == ""`)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := m.Evaluate(env); !ok || err != nil {
		t.Errorf("%+v: %t, %v", env, ok, err)
	}
	if got := bookworm.String(); got != "CPython 3.12 on linux/amd64 with glibc 2.36" {
		t.Error(got)
	}
}

func FuzzWheel(f *testing.F) {
	for _, name := range []string{"foo-1.0-1x-py2.py3-none-any.whl", "torch-2.4.0+cu121-cp312-cp312-linux_x86_64.whl", "a-1-cp312-cp312-any-x.whl", "é_b-1!2-py3-abi3.abi3t-any.whl"} {
		f.Add(name)
	}
	r := ranking(f, bookworm)
	f.Fuzz(func(t *testing.T, name string) {
		_, _, _ = ParseSdist(name)
		w, err := ParseWheel(name)
		if err != nil {
			var e *NameError
			if !errors.As(err, &e) || e.Filename != name {
				t.Fatalf("%q: %#v", name, err)
			}
			return
		}
		parts := []string{strings.ReplaceAll(w.Name, "-", "_"), w.Version.String()}
		if !w.Build.IsZero() {
			parts = append(parts, w.Build.String())
		}
		parts = append(parts, strings.Join(w.Pythons, "."), strings.Join(w.ABIs, "."), strings.Join(w.Platforms, "."))
		normal := strings.Join(parts, "-") + ".whl"
		again, err := ParseWheel(normal)
		if err != nil || again.Name != w.Name || !again.Version.Equal(w.Version) || again.Build != w.Build || len(again.Tags()) != len(w.Tags()) {
			t.Fatalf("%q: normal form %q comes back as %+v, %v", name, normal, again, err)
		}
		_, ok := r.Rank(w)
		if again, okAgain := r.Rank(again); ok != okAgain {
			t.Fatalf("%q: rank %d", name, again)
		}
		_ = r.Explain([]Wheel{w})
	})
}

func BenchmarkParseWheel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ParseWheel("numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
	}
}

func BenchmarkRank(b *testing.B) {
	r, list := ranking(b, bookworm), wheels(b, "numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
	for b.Loop() {
		_, _ = r.Rank(list[0])
	}
}
