package tomltext

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// forms are arrays as people write them; each holds a and c, if anything.
var forms = []string{
	`l = ["a", "c"]`,
	`l = [ 'a', 'c' ] # both`,
	`l = ["a","c",]`,
	"l = [\n    \"a\",\n    \"c\",\n]\n",
	"l = [\r\n  'a',\r\n  'c'\r\n]\r\nm = 1\r\n",
	"l = [\n\t# of a\n\t\"a\", # beside a\n\n\t# of c\n\t\"c\" # beside c\n\t# the end\n]",
	"l = [\"a\",\n     \"c\"]\nm = [\"c\"]\n",
	"l = [\n  \"a\", \"c\",\n]",
	"l = [\n  \"a\"\n  , \"c\"\n]",
	"l = [\n  \"a\",\n  \"c\"]",
	"l = [\"a\",\n\"c\",   ]\n",
	"l = [\r\n  'a',\r\n  'c'\t\n]\r\nm = 1\r\n",
	"l = [\n  \"a\", # x # y\n  \"c\" # x # y # z\n]\n",
	"l = [\"a\", # x\n \"c\", # y\n]",
	"l = [\"\"\"a\"\"\", '''c''']",
	"x = { l = [\"a\", \"c\"] }",
}

func decoded(t testing.TB, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if _, err := toml.Decode(text, &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// listOf finds the array, at the top or in the table x.
func listOf(doc map[string]any) (path string, items []any, in map[string]any) {
	if x, ok := doc["x"].(map[string]any); ok {
		items, _ = x["l"].([]any)
		return "x.l", items, x
	}
	items, _ = doc["l"].([]any)
	return "l", items, doc
}

func TestInsertAndRemove(t *testing.T) {
	for _, text := range forms {
		path, _, _ := listOf(decoded(t, text))
		for at := range 3 {
			checkInsert(t, text, path, at, "b")
			checkInsert(t, text, path, at, `b "q" \`)
			checkInsert(t, text, path, at, `it's "b"`)
		}
		for i := range 2 {
			checkRemove(t, text, path, i)
		}
	}
}

// checkInsert holds an insertion to the decoder, and to be undone by a removal, byte for byte.
func checkInsert(t testing.TB, text, path string, at int, value string) {
	t.Helper()
	edited, ok := Insert(text, path, at, value)
	if !ok {
		t.Fatalf("not inserted into\n%s", text)
	}
	want := decoded(t, text)
	_, items, in := listOf(want)
	in["l"] = slices.Insert(slices.Clone(items), at, any(value))
	if got := decoded(t, edited); !reflect.DeepEqual(got, want) {
		t.Fatalf("%d in\n%s\ngives\n%s", at, text, edited)
	}
	if len(items) == 0 {
		return
	}
	if back, ok := Remove(edited, path, at); !ok || back != text {
		t.Fatalf("%d in\n%q\ngives\n%q\nand taken out again\n%q", at, text, edited, back)
	}
}

func checkRemove(t testing.TB, text, path string, i int) {
	t.Helper()
	edited, ok := Remove(text, path, i)
	if !ok {
		t.Fatalf("not removed from\n%s", text)
	}
	want := decoded(t, text)
	_, items, in := listOf(want)
	in["l"] = slices.Delete(slices.Clone(items), i, i+1)
	got := decoded(t, edited)
	_, left, gotIn := listOf(got)
	if len(left) == 0 {
		gotIn["l"] = in["l"] // an empty list of another type
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%d out of\n%s\ngives\n%s", i, text, edited)
	}
	l, _ := Find("", text).list(path)
	it := l.items[i]
	if commented(edited) < commented(text[:it.from]+text[it.to:])-1 { // that of the item's own line goes with it
		t.Fatalf("%d out of\n%s\nloses comments:\n%s", i, text, edited)
	}
}

// commented is how many lines have a comment, or something that looks like one.
func commented(text string) int {
	n := 0
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "#") {
			n++
		}
	}
	return n
}

func TestForms(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"l = []", `l = ["b"]`},
		{"l = [\n]\n", "l = [\n    \"b\",\n]\n"},
		{"l = [\n    # none yet\n]\n", "l = [\n    # none yet\n    \"b\",\n]\n"},
		{"l = [\n    \"a\"\n]\n", "l = [\n    \"a\",\n    \"b\"\n]\n"},
		{"l = [\n    \"a\", # why\n]\n", "l = [\n    \"a\", # why\n    \"b\",\n]\n"},
		{"l = [\n    \"a\" # why\n]\n", "l = [\n    \"a\", # why\n    \"b\"\n]\n"},
		{"l = ['a']", "l = ['a', 'b']"},
	} {
		n, _ := Find("", test.text).Items("l")
		if got, _ := Insert(test.text, "l", n, "b"); got != test.want {
			t.Errorf("%q gives %q", test.text, got)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "\n[t]\nk = 1\n"},
		{"a = 1", "a = 1\n\n[t]\nk = 1\n"},
		{"[t]\n", "[t]\nk = 1\n"},
		{"[t]", "[t]\nk = 1"},
		{"[t] # here\n# more\n\n[u]\n", "[t] # here\nk = 1\n# more\n\n[u]\n"},
		{"[t]\r\na = [\r\n  2,\r\n] # end\r\n\r\n[u]\r\n", "[t]\r\na = [\r\n  2,\r\n] # end\r\nk = 1\r\n\r\n[u]\r\n"},
		{"[t.v]\nb = 1\n", "[t.v]\nb = 1\n\n[t]\nk = 1\n"},
	} {
		got := SetKey(test.text, "t", "k", "1")
		if strings.TrimLeft(got, "\n") != strings.TrimLeft(test.want, "\n") {
			t.Errorf("%q gives %q", test.text, got)
		}
		if v := decoded(t, got)["t"].(map[string]any)["k"]; v != int64(1) {
			t.Errorf("%q: %v", got, v)
		}
		back, ok := RemoveKey(got, "t.k")
		if strings.Contains(test.text, "[t]") && strings.HasSuffix(test.text, "\n") && (!ok || back != test.text) {
			t.Errorf("%q and back gives %q", test.text, back)
		}
	}
	if got, ok := SetString("[t]\nk = '<2' # why\n", "t.k", ">=1,<2"); !ok || got != "[t]\nk = '>=1,<2' # why\n" {
		t.Errorf("%q", got)
	}
	if _, ok := RemoveKey("t = { k = 1 }", "t.k"); ok {
		t.Error("a key in the middle of a line was removed")
	}
	if got := SetKey("", "g", "a.b", "[]"); got != "[g]\n\"a.b\" = []\n" {
		t.Errorf("%q", got)
	}
}

// FuzzEdit edits any document that has the array: the decoder must see that one change and no other.
func FuzzEdit(f *testing.F) {
	for _, text := range forms {
		f.Add(text, 0, "b")
		f.Add(text, 2, "it's \"b\"\n")
	}
	f.Fuzz(func(t *testing.T, text string, at int, value string) {
		var doc map[string]any
		if _, err := toml.Decode(text, &doc); err != nil || strings.ContainsRune(text, '\ufeff') {
			return
		}
		if _, err := toml.Decode("v = "+QuoteString(value), &map[string]any{}); err != nil {
			return // no string of TOML can hold it
		}
		if !utf8.ValidString(value) {
			return
		}
		path, items, _ := listOf(doc)
		if n, ok := Find("", text).Items(path); !ok || n != len(items) || at < 0 || at > n {
			return
		}
		checkInsert(t, text, path, at, value)
		if at < len(items) {
			checkRemove(t, text, path, at)
		}
	})
}
