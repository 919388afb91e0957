package lockfile

import (
	"fmt"
	"strings"
	"testing"
)

// conflicted is the sample lock with a conflict about one version, the way git writes it.
func conflicted(t testing.TB, ours, base, theirs string) string {
	t.Helper()
	text := string(Encode(sample()))
	i := strings.Index(text, "\n[[package]]\n")
	if i < 0 {
		t.Fatal("the sample has no package")
	}
	pkg := func(version string) string {
		return fmt.Sprintf("[[package]]\nname = \"extra\"\nversion = %q\n\n[[package.file]]\nname = \"extra-%s-py3-none-any.whl\"\n", version, version)
	}
	ancestor := ""
	if base != "" {
		ancestor = "||||||| 1a2b3c4\n" + base
	}
	return text[:i+1] + "<<<<<<< HEAD\n" + pkg(ours) + ancestor + "=======\n" + pkg(theirs) + ">>>>>>> topic/other\n" + text[i:]
}

func versionOf(l *Lock, name string) string {
	for _, p := range l.Packages {
		if p.Name == name {
			return p.Version
		}
	}
	return ""
}

func TestSides(t *testing.T) {
	nested := "<<<<<<<<< Temporary merge branch 1\nformat = 7\n=========\nformat = 8\n>>>>>>>>> Temporary merge branch 2\n"
	for name, base := range map[string]string{"merge": "", "diff3": "[[package]]\nname = \"extra\"\nversion = \"0\"\n", "nested": nested} {
		for _, end := range []string{"\n", "\r\n"} {
			text := strings.ReplaceAll(conflicted(t, "1.0", base, "2.0"), "\n", end)
			ours, theirs, ok := Sides("envpack.lock", []byte(text))
			if !ok || !ours.Whole || !theirs.Whole {
				t.Fatalf("%s: %t, %+v, %+v", name, ok, ours, theirs)
			}
			if ours.Label != "HEAD" || theirs.Label != "topic/other" {
				t.Errorf("%s: labels %q, %q", name, ours.Label, theirs.Label)
			}
			if a, b := versionOf(ours.Lock, "extra"), versionOf(theirs.Lock, "extra"); a != "1.0" || b != "2.0" {
				t.Errorf("%s: %s and %s", name, a, b)
			}
			if a, b := len(ours.Lock.Packages), len(sample().Packages)+1; a != b {
				t.Errorf("%s: %d packages, want %d", name, a, b)
			}
		}
	}
	if _, _, ok := Sides("envpack.lock", Encode(sample())); ok {
		t.Error("a lock without conflicts has sides")
	}
}

// TestSalvage: of a side that is no TOML the tables count that are.
func TestSalvage(t *testing.T) {
	text := conflicted(t, "1.0\n", "", "2.0")
	text = strings.Replace(text, `version = "1.0\n"`, `version = "1.0`, 1)
	ours, theirs, ok := Sides("envpack.lock", []byte(text))
	if !ok || ours.Whole || !theirs.Whole {
		t.Fatalf("%t, %+v, %+v", ok, ours, theirs)
	}
	if versionOf(ours.Lock, "extra") != "" || len(ours.Lock.Packages) != len(sample().Packages) {
		t.Errorf("%+v", ours.Lock.Packages)
	}
	if ours.Lock.Base.Distro != sample().Base.Distro || len(ours.Lock.Base.Debs) != len(sample().Base.Debs) || len(ours.Lock.Packages[0].Files) == 0 {
		t.Errorf("%+v", ours.Lock)
	}
}

func FuzzSides(f *testing.F) {
	f.Add(conflicted(f, "1.0", "", "2.0"))
	f.Add(conflicted(f, "1.0", "x\n", "2.0"))
	f.Add("<<<<<<< \n=======\n>>>>>>> \n")
	f.Add("=======\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\r") {
			return
		}
		s := splitConflicts(text)
		for _, side := range [][]string{s.ours, s.theirs} {
			if n := splitConflicts(strings.Join(side, "\n")); n.first != 0 {
				t.Errorf("a side has markers: %q", side)
			}
		}
		// Lines outside of conflicts are both sides', in their order; no line is invented.
		lines := strings.Split(text, "\n")
		for _, side := range [][]string{s.ours, s.theirs} {
			i := 0
			for _, line := range side {
				for i < len(lines) && lines[i] != line {
					i++
				}
				if i == len(lines) {
					t.Fatalf("%q is no line of %q, or out of order", line, text)
				}
				i++
			}
		}
		ours, theirs, ok := Sides("x", []byte(text))
		if ok != (s.first != 0) || ok && (ours.Lock == nil || theirs.Lock == nil) {
			t.Errorf("%t, %+v, %+v", ok, ours, theirs)
		}
	})
}
