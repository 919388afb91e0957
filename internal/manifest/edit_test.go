package manifest

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

func editing(t testing.TB, text string, list List) *Editor {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := Edit(dir, list, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEditProperty adds and removes requirements in random lists of random layout: the manifest has the one more or
// less, and taking out what was added gives the file back byte for byte.
func TestEditProperty(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	names := []string{"alpha", "Beta", "gamma.delta", "numpy", "omega", "zulu"}
	for range 300 {
		text, list := randomManifest(random, names)
		e := editing(t, text, List{})
		was := requirementTexts(e.before)
		name := []string{"aardvark", "kappa", "zz"}[random.Intn(3)]
		added := name + []string{"", ">=1", "[x]<2; python_version < '4'", `; sys_platform == "linux"`}[random.Intn(4)]
		a, err := e.Add(added)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		m, err := e.Manifest()
		if err != nil {
			t.Fatalf("%v\n%s", err, e.Text())
		}
		want := append(slices.Clone(was), a.Requirement.String())
		slices.Sort(want)
		if got := requirementTexts(m); !slices.Equal(got, want) {
			t.Fatalf("%s\ngives\n%s\nwith %q", text, e.Text(), got)
		}
		if slices.IsSortedFunc(list, byNormalName) && !slices.IsSortedFunc(itemsOf(e), byNormalName) {
			t.Fatalf("not sorted any more:\n%s", e.Text())
		}
		if removed, err := e.Remove(name); err != nil || len(removed) != 1 || len(list) > 0 && e.Text() != text {
			t.Fatalf("%q, %v:\n%q\nis not\n%q", removed, err, e.Text(), text)
		}
		if len(list) == 0 {
			continue
		}
		gone := pep508.NormalizeName(list[random.Intn(len(list))])
		if _, err := e.Remove(gone); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if m, err = e.Manifest(); err != nil {
			t.Fatalf("%v\n%s", err, e.Text())
		}
		want = slices.DeleteFunc(was, func(r string) bool { q, _ := pep508.Parse(r); return q.Name == gone })
		if got := requirementTexts(m); !slices.Equal(got, want) {
			t.Fatalf("%s out of\n%s\ngives\n%s", gone, text, e.Text())
		}
	}
}

func byNormalName(a, b string) int {
	return strings.Compare(pep508.NormalizeName(a), pep508.NormalizeName(b))
}

func itemsOf(e *Editor) []string {
	var names []string
	items, _ := e.items()
	for _, it := range items {
		r, _ := requirementOf(it)
		names = append(names, r.Name)
	}
	return names
}

func requirementTexts(m *Manifest) []string {
	var texts []string
	for _, r := range m.Requirements {
		texts = append(texts, r.Requirement.String())
	}
	slices.Sort(texts)
	return texts
}

func randomManifest(random *rand.Rand, names []string) (text string, list []string) {
	for _, name := range names {
		if random.Intn(2) == 0 {
			list = append(list, name)
		}
	}
	if random.Intn(2) == 0 {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	eol := []string{"\n", "\r\n"}[random.Intn(2)]
	var b strings.Builder
	b.WriteString("[project]" + eol + "name = \"demo\"" + eol + "dependencies = [")
	lines := random.Intn(2) == 0
	for i, name := range list {
		quote := []string{`"`, "'"}[random.Intn(2)]
		if lines {
			b.WriteString(eol + strings.Repeat("  # about it"+eol, random.Intn(2)) + "  ")
		} else if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(quote + name + []string{"", ">=1", "[x]"}[random.Intn(3)] + quote)
		if i < len(list)-1 || random.Intn(2) == 0 {
			b.WriteString(",")
		}
		if lines {
			b.WriteString(strings.Repeat(" # beside", random.Intn(2)))
		}
	}
	if lines {
		b.WriteString(eol)
	}
	fmt.Fprintf(&b, "] # end%spython = \"3.11\"%s", eol, eol)
	return b.String(), list
}

func TestBound(t *testing.T) {
	e := editing(t, "[project]\nname = \"demo\"\npython = \"3.11\"\n", List{})
	a, err := e.Add("Torch[cuda] ; sys_platform == 'linux'")
	if err != nil {
		t.Fatal(err)
	}
	if a, err = e.Bound(a, pep440.MustParse("2.4.0")); err != nil || a.Text != "Torch[cuda]>=2.4.0 ; sys_platform == 'linux'" {
		t.Errorf("%q, %v", a.Text, err)
	}
	if want := "dependencies = [\"Torch[cuda]>=2.4.0 ; sys_platform == 'linux'\"]\n"; !strings.HasSuffix(e.Text(), want) {
		t.Errorf("%s", e.Text())
	}
}

// TestEditRefuses: what cannot be edited safely is an error that says what to write, and the text stays.
func TestEditRefuses(t *testing.T) {
	text := "constraints = { numpy = \"<2\" }\n[project]\nname = \"demo\"\npython = \"3.11\"\n"
	e := editing(t, text, List{Constraints: true})
	_, err := e.Add("scipy<2")
	if diag.CodeOf(err) != diag.Manifest || len(diag.HintsOf(err)) == 0 || e.Text() != text || e.Changed() {
		t.Errorf("%v, %q", err, e.Text())
	}
	if a, err := e.Add("numpy<3"); err != nil || a.Was != "numpy<2" || !strings.HasPrefix(e.Text(), "constraints = { numpy = \"<3\" }\n") {
		t.Errorf("%v, %q", err, e.Text())
	}
}

// TestEditKeepsMark: a byte order mark is no part of the text, and stays.
func TestEditKeepsMark(t *testing.T) {
	text := "\ufeff[project]\nname = \"demo\"\npython = \"3.11\"\ndependencies = [\"b\"]\n"
	e := editing(t, text, List{})
	if _, err := e.Add("a"); err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(text, `["b"]`, `["a", "b"]`, 1); e.Text() != want {
		t.Errorf("%q", e.Text())
	}
}
