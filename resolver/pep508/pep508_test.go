package pep508

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSyntaxError(t *testing.T) {
	for _, test := range []struct {
		input    string
		offset   int
		expected string
	}{
		{"", 0, "the name of a package"},
		{"  -x", 2, "the name of a package"},
		{"a b", 2, `"@" or a version specifier or ";" or the end`},
		{"a>=x", 3, "a version that goes with the operator"},
		{"a>=1 <2", 5, `"," or ";" or the end`},
		{"a>=1,<2.*", 7, `the end of the version (".*" goes with == and != only, behind a plain release)`},
		{"a>=1+x", 4, "the end of the version (a local label goes with == and != only)"},
		{"a=1", 1, `"@" or a version specifier or ";" or the end`},
		{"a~=1", 4, "a version that goes with the operator"},
		{"a (>=1", 6, `a version specifier or "," or ")"`},
		{"a[x", 3, `"," or "]"`},
		{"a[", 2, `the name of an extra or "]"`},
		{"a[x,]", 4, "the name of an extra"},
		{"a===x,y", 1, "version specifiers"},
		{"a @ ", 4, "a URL"},
		{"a @ u x", 6, `";" (with white space before it) or the end`},
		{"a; os_name", 10, "an operator: <=, <, !=, ==, >=, >, ~=, ===, in, not in"},
		{"a; os_name == posix", 14, "the name of a marker variable or a quoted string"},
		{"a; foo == 'x'", 3, "the name of a marker variable or a quoted string"},
		{"a; os_name == 'x", 14, "a quoted string that ends"},
		{`a; os_name == '\x'`, 14, "a quoted string as Python writes them"},
		{"a; (os_name == 'x'", 18, `"and" or "or" or ")"`},
		{"a; os_name == 'x' y", 18, `"and" or "or" or the end`},
		{"a; os_name not 'x'", 15, `"in" (behind "not" and white space)`},
		{"a; " + strings.Repeat("(", 300), 204, "fewer nested parentheses"},
	} {
		_, err := Parse(test.input)
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.40q): %v, want a SyntaxError", test.input, err)
			continue
		}
		if e.Offset != test.offset || e.Expected != test.expected {
			t.Errorf("Parse(%.40q): expected %s at %d, want %s at %d", test.input, e.Expected, e.Offset, test.expected, test.offset)
		}
	}
	_, err := Parse("torch >= 2.4 and something that is long")
	if want := `expected "," or ";" or the end, found "and something that i..." (at byte 13 of "torch >= 2.4 and something that is long")`; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestRequirementString(t *testing.T) {
	for input, want := range map[string]string{
		"Foo.Bar [B_c,a] (>= 1.0, < 2) ; os_name=='nt'": `foo-bar[a,b-c]<2,>=1.0; os_name == "nt"`,
		"x@ u ;extra=='A_b'":                            `x @ u ; extra == "a-b"`,
		"x_[y_]":                                        "x_[y_]",
		`x; python_implementation == "a'b"`:             `x; platform_python_implementation == "a'b"`,
		`x; os.name == 'a"b'`:                           `x; os_name == 'a"b'`,
		`x; os_name == 'a"\'b'`:                         "",
		`x; os_name == 'a"\x27b\\'`:                     `x; os_name == "a\x22'b\\"`,
	} {
		r, err := Parse(input)
		if want == "" {
			if err == nil {
				t.Errorf("Parse(%q) = %s, want an error", input, r)
			}
			continue
		}
		if err != nil || r.String() != want {
			t.Errorf("Parse(%q) = %s, %v, want %s", input, r, err, want)
		}
	}
	var list []Requirement
	if err := json.Unmarshal([]byte(`["A >=1"]`), &list); err != nil {
		t.Fatal(err)
	}
	if list[0].RawName != "A" || list[0].Name != "a" {
		t.Errorf("names %q, %q", list[0].RawName, list[0].Name)
	}
	if err := json.Unmarshal([]byte(`["?"]`), &list); err == nil {
		t.Error("? was read as a requirement")
	}
}

func TestEvaluate(t *testing.T) {
	linux := Environment{PythonVersion: "3.12", PythonFullVersion: "3.12.4", OSName: "posix", SysPlatform: "linux", PlatformMachine: "x86_64"}
	test := linux
	test.Extra = "Dev_Tools"
	lock := linux
	lock.Extras, lock.DependencyGroups = []string{"A.b"}, []string{}
	for _, test := range []struct {
		marker string
		env    Environment
		want   bool
		err    string
	}{
		{"python_version > '3.9'", linux, true, ""},
		{"python_full_version < '3.12'", linux, false, ""},
		{"platform_release >= '5'", linux, false, ""}, // "" is no version
		{"extra == 'dev.tools'", test, true, ""},
		{"extra == 'dev.tools'", linux, false, ""},
		{"'a-B' in extras and 'x' not in dependency_groups", lock, true, ""},
		{"'a' in extras", linux, false, `cannot evaluate marker "a" in extras: extras has a meaning in lock files only`},
		{"sys_platform ~= 'linux'", linux, false, `cannot evaluate marker sys_platform ~= "linux": ~= needs versions, and there are "linux" and "linux"`},
		// The comparison that has no meaning decides, even where it is not needed.
		{"os_name == 'posix' or sys_platform === 'x'", linux, false, `cannot evaluate marker sys_platform === "x": === needs versions, and there are "linux" and "x"`},
		{"'a' == 'b'", linux, false, `cannot evaluate marker "a" == "b": there is no marker variable "b"`},
		{"extras == 'a'", lock, false, `cannot evaluate marker extras == "a": extras must be on the right of "in"`},
	} {
		m, err := ParseMarker(test.marker)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Evaluate(test.env)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%s: %t, %s, want %t, %s", test.marker, got, text, test.want, test.err)
		}
	}
	if ok, err := (*Marker)(nil).Evaluate(linux); !ok || err != nil || (*Marker)(nil).MentionsExtra() || (*Marker)(nil).String() != "" {
		t.Error("no marker must hold always")
	}
}

func TestNormalizeName(t *testing.T) {
	got := map[string]string{}
	for _, name := range []string{"a", "A", "a-b", "a--b", "a_.-b", "Zope.Interface", "-a", "a_", "ÄB"} {
		got[name] = NormalizeName(name)
	}
	want := map[string]string{"a": "a", "A": "a", "a-b": "a-b", "a--b": "a-b", "a_.-b": "a-b", "Zope.Interface": "zope-interface", "-a": "-a", "a_": "a-", "ÄB": "äb"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Parse(`nvidia-cublas-cu12==12.1.3.1; platform_system == "Linux" and platform_machine == "x86_64"`)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	m, err := ParseMarker(`python_version >= "3.9" and platform_system == "Linux" and extra == "all"`)
	if err != nil {
		b.Fatal(err)
	}
	env := Environment{PythonVersion: "3.12", PlatformSystem: "Linux"}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.Evaluate(env)
	}
}
