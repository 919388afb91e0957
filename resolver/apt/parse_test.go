package apt

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareVersions(t *testing.T) {
	data, err := os.ReadFile("testdata/versions.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] == "#" {
			continue
		}
		n++
		want := strings.Index("<=>", f[1]) - 1
		if got := CompareVersions(f[0], f[2]); got != want {
			t.Errorf("%s: %d", line, got)
		}
		if got := CompareVersions(f[2], f[0]); got != -want {
			t.Errorf("%s, turned: %d", line, got)
		}
	}
	if n < 200 {
		t.Errorf("%d vectors", n)
	}
}

func TestUpstreamRelease(t *testing.T) {
	for v, want := range map[string]string{
		"3.11.2-6+deb12u9": "3.11.2", "2.36-9+deb12u14": "2.36", "1:3.9.0+dfsg-1": "3.9.0", "3.14.0~rc2-1": "3.14.0", "5": "5", "1-2-3": "1",
	} {
		if got := upstreamRelease(v); got != want {
			t.Errorf("%s: %s, want %s", v, got, want)
		}
	}
}

func TestParseRelations(t *testing.T) {
	all, err := parseRelations("libc6 (>= 2.36), python3:any (>=3.10~), mawk | gawk|awk (= 1),\n debconf (>= 0.5) | debconf-2.0, old (< 2), ")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, a.String())
	}
	want := []string{"libc6 (>= 2.36)", "python3:any (>= 3.10~)", "mawk | gawk | awk (= 1)", "debconf (>= 0.5) | debconf-2.0", "old (<= 2)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"a b", "a (1.0)", "a (>= )", "a (>= 1", "a (>= 1) x", "a (>> 1 2)", "a [amd64]", "a <!nocheck>", "|a", "a (=> 1)", "-a", "a/b"} {
		if _, err := parseRelations(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		relation, version string
		want              bool
	}{
		{"a", "1", true},
		{"a (<< 1)", "1", false}, {"a (<< 1)", "1~", true},
		{"a (<= 1)", "1", true}, {"a (<= 1)", "1.1", false},
		{"a (= 1)", "1-0", true}, {"a (= 1)", "1-1", false},
		{"a (>= 1)", "1", true}, {"a (>= 1)", "1~rc", false},
		{"a (>> 1)", "1", false}, {"a (>> 1)", "1+b1", true},
	} {
		r, err := parseRelation(c.relation)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.allows(c.version); got != c.want {
			t.Errorf("%s and %s: %v", c.relation, c.version, got)
		}
	}
}

func TestParseControl(t *testing.T) {
	all, err := parseControl("# note\nA: 1\nB:\n x\n  y\n\n\nc: 2 \n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]paragraph{{"a": "1", "b": "\nx\n y"}, {"c": "2"}}, all); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{" x\n", "A: 1\na: 2\n", "nothing\n", ": x\n", "A: 1\n\n b\n"} {
		if _, err := parseControl(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestParseControlLongField: a field of many lines is not copied for each.
func TestParseControlLongField(t *testing.T) {
	want := strings.Repeat("\nline", 100_000)
	text := "A:" + strings.ReplaceAll(want, "\n", "\n ") + "\nB: 1\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	all, err := parseControl(text)
	runtime.ReadMemStats(&after)
	if err != nil || len(all) != 1 || all[0]["a"] != want || all[0]["b"] != "1" {
		t.Fatalf("%d stanzas, %v", len(all), err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 20*uint64(len(text)) {
		t.Errorf("%d bytes were allocated for a text of %d", n, len(text))
	}
}

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func stanza(lines string) string {
	return lines + "Filename: pool/a.deb\nSize: 5\nSHA256: " + sum + "\n"
}

func TestParseIndex(t *testing.T) {
	text := stanza("Package: a\nVersion: 1\nArchitecture: all\nDescription: x\n more\nDepends: b,\n c\n") + "\n\n" +
		stanza("Package: b\nVersion: 2\nArchitecture: amd64\nProvides: v (= 1)\nTag: x,\n y\n")
	all, err := parseIndex(text)
	if err != nil {
		t.Fatal(err)
	}
	base := candidate{path: "pool/a.deb", sha256: sum, size: 5}
	a, b := base, base
	a.name, a.version, a.architecture, a.depends = "a", "1", "all", "b, c"
	b.name, b.version, b.architecture, b.provides = "b", "2", "amd64", "v (= 1)"
	if diff := cmp.Diff([]candidate{a, b}, all, cmp.AllowUnexported(candidate{})); diff != "" {
		t.Error(diff)
	}
	again, err := decodeIndex(encodeIndex(all))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, again, cmp.AllowUnexported(candidate{})); diff != "" {
		t.Error(diff)
	}
	good := "Package: a\nVersion: 1\nArchitecture: all\n"
	for _, bad := range []string{
		stanza("Package: a\nVersion: 1\n"), stanza("Package: a/b\nVersion: 1\nArchitecture: all\n"), good,
		stanza("Package: a\nVersion: 1/2\nArchitecture: all\n"), stanza(good + "Version: 2\n"), stanza(good + "nothing\n"),
		good + "Filename: ../a\nSize: 5\nSHA256: " + sum + "\n", good + "Filename: a\nSize: -5\nSHA256: " + sum + "\n",
		good + "Filename: a\nSize: 5\nSHA256: 00\n", good + "Filename: /a\nSize: 5\nSHA256: " + sum + "\n",
	} {
		if _, err := parseIndex(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestDecodeIndexRefuses(t *testing.T) {
	all, err := parseIndex(stanza("Package: a\nVersion: 1\nArchitecture: all\n"))
	if err != nil {
		t.Fatal(err)
	}
	good := encodeIndex(all)
	for i := range good {
		if _, err := decodeIndex(good[:i]); err == nil {
			t.Errorf("%d of %d bytes are accepted", i, len(good))
		}
	}
	if _, err := decodeIndex(append(good, 0)); err == nil {
		t.Error("a byte more is accepted")
	}
}

func TestParseInstalled(t *testing.T) {
	all, err := parseInstalled([]byte("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n" +
		"Package: b\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n"))
	if err != nil || len(all) != 1 || all[0].name != "a" || !all[0].installed {
		t.Errorf("%v, %v", all, err)
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add(stanza("Package: a\nVersion: 1\nArchitecture: all\nDepends: b | c (>= 1)\n"))
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseIndex(text)
		if err != nil {
			return
		}
		again, err := decodeIndex(encodeIndex(all))
		if err != nil || len(all) != len(again) {
			t.Fatalf("%d of %d candidates: %v", len(again), len(all), err)
		}
		for i := range all {
			if all[i] != again[i] {
				t.Errorf("%+v became %+v", all[i], again[i])
			}
		}
	})
}

func FuzzDecodeIndex(f *testing.F) {
	f.Add(encodeIndex([]candidate{{name: "a", size: 5}}))
	f.Fuzz(func(t *testing.T, data []byte) { decodeIndex(data) })
}

func FuzzRelations(f *testing.F) {
	f.Add("a (>= 1) | b:any, c")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseRelations(text)
		if err != nil {
			return
		}
		for _, a := range all {
			again, err := parseRelations(a.String())
			if err != nil || len(again) != 1 || again[0].String() != a.String() {
				t.Errorf("%q became %q: %v", text, a, err)
			}
		}
	})
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1:2.0~rc1-3", "1.0")
	f.Fuzz(func(t *testing.T, a, b string) {
		if CompareVersions(a, a) != 0 || CompareVersions(a, b) != -CompareVersions(b, a) {
			t.Errorf("%q and %q", a, b)
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add("A: 1\nB:\n x\n\nC: d")
	f.Fuzz(func(t *testing.T, text string) { parseControl(text) })
}
