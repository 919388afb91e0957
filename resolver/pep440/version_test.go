package pep440

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionParts(t *testing.T) {
	v := MustParse("v1!2.0.0-RC1.post2.dev3+Ubuntu_1")
	if v.Epoch() != 1 || !slices.Equal(v.Release(), []uint64{2, 0, 0}) || v.Local() != "ubuntu.1" || v.Public().String() != "1!2.0.0rc1.post2.dev3" {
		t.Errorf("%s: epoch %d, release %v, local %s, public %s", v, v.Epoch(), v.Release(), v.Local(), v.Public())
	}
	if !v.IsPrerelease() || !v.IsPostrelease() || !v.IsDevrelease() || !v.IsLocal() {
		t.Errorf("%s lacks a part", v)
	}
	huge := MustParse("99999999999999999999.1")
	if !slices.Equal(huge.Release(), []uint64{math.MaxUint64, 1}) || huge.Epoch() != 0 {
		t.Errorf("%s: release %v", huge, huge.Release())
	}
	if zero := (Version{}); !zero.IsZero() || zero.Compare(MustParse("0.dev0")) >= 0 {
		t.Error("the zero Version is not below all others")
	}
}

func TestErrorOffset(t *testing.T) {
	for _, test := range []struct {
		parse  func(string) error
		input  string
		offset int
	}{
		{version, "1.0.x", 3},
		{version, "  dog", 2},
		{version, "1!", 2},
		{version, "1.0 a", 3},
		{version, "", 0},
		{version, strings.Repeat("1", 3000), maxLen},
		{specifiers, ">=1.0,<x", 7},
		{specifiers, "1.0", 0},
		{specifiers, ">=1.0,~=1", 9},
		{specifiers, ">=1.0.*", 5},
		{specifiers, "=1.0", 0},
	} {
		var e *Error
		if err := test.parse(test.input); !errors.As(err, &e) || e.Offset != test.offset {
			t.Errorf("%.20q: %v, want offset %d", test.input, err, test.offset)
		}
	}
}

func version(s string) error    { _, err := Parse(s); return err }
func specifiers(s string) error { _, err := ParseSpecifiers(s); return err }

func TestText(t *testing.T) {
	type both struct {
		Version    Version
		Specifiers Specifiers
	}
	var got both
	if err := json.Unmarshal([]byte(`{"Version":"v1.0-1","Specifiers":"<2, >=1.00"}`), &got); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if want := `{"Version":"1.0.post1","Specifiers":"\u003c2,\u003e=1.0"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	if err := json.Unmarshal([]byte(`{"Version":"x"}`), &got); err == nil {
		t.Error("x was read as a version")
	}
	if err := json.Unmarshal([]byte(`{"Specifiers":"x"}`), &got); err == nil {
		t.Error("x was read as specifiers")
	}
}

func TestSpecifiers(t *testing.T) {
	for _, test := range []struct {
		text       string
		pre, exact bool
	}{
		{"", false, false},
		{">=1.0a1", true, false},
		{"!=1.0a1", false, false},
		{">=1,<2.dev0", true, false},
		{"==1.0", false, true},
		{"==1.*", false, false},
		{"===x", false, true},
		{"===1rc1", true, true},
	} {
		s := MustParseSpecifiers(test.text)
		if s.MentionsPrerelease() != test.pre || s.IsExact() != test.exact {
			t.Errorf("%q: mentions a pre-release %t, exact %t", test.text, s.MentionsPrerelease(), s.IsExact())
		}
	}
	both := MustParseSpecifiers(">=1").And(MustParseSpecifiers("<2,>=1"))
	if both.String() != "<2,>=1" || both.Len() != 2 {
		t.Errorf("And gives %s", both)
	}
	var list []string
	for _, s := range MustParseSpecifiers("==1.0.*,~=1.0").All() {
		list = append(list, s.Op().String(), s.Version().String())
	}
	if diff := cmp.Diff([]string{"==", "1.0", "~=", "1.0"}, list); diff != "" {
		t.Error(diff)
	}
}

func TestParseAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _ = Parse("2.4.0rc1.post2+cu121") }); n > 1 {
		t.Errorf("parsing a version allocates %v times, want once", n)
	}
	v, w, s := MustParse("1.2.3"), MustParse("1.2.4"), MustParseSpecifiers(">=1.0,<2,!=1.5")
	set := FromSpecifiers(s)
	if n := testing.AllocsPerRun(100, func() { _, _, _ = v.Compare(w), s.Contains(v), set.Contains(v) }); n > 0 {
		t.Errorf("comparing allocates %v times, want never", n)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Parse("2.4.0rc1+cu121")
	}
}

func BenchmarkCompare(b *testing.B) {
	v, w := MustParse("2.4.0"), MustParse("2.4.0+cu121")
	for b.Loop() {
		_ = v.Compare(w)
	}
}

func BenchmarkContains(b *testing.B) {
	v, s := MustParse("1.26.4"), MustParseSpecifiers(">=1.20,<2,!=1.24.0")
	for b.Loop() {
		_ = s.Contains(v)
	}
}

func BenchmarkSetContains(b *testing.B) {
	v, s := MustParse("1.26.4"), FromSpecifiers(MustParseSpecifiers(">=1.20,<2,!=1.24.0"))
	for b.Loop() {
		_ = s.Contains(v)
	}
}

func BenchmarkParseSpecifiers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ParseSpecifiers(">=1.20,<2,!=1.24.0")
	}
}

func BenchmarkIntersect(b *testing.B) {
	s, t := FromSpecifiers(MustParseSpecifiers(">=1.20,!=1.24.0")), FromSpecifiers(MustParseSpecifiers("<2,!=1.25.*"))
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Intersect(t)
	}
}

// TestKeyReads holds the key's numbers to being readable again, at every change of their form.
func TestKeyReads(t *testing.T) {
	for _, number := range []string{
		"0", "1", "221", "222", "223", "224", "255", "256", "65535", "65536", "4294967295", "4294967296", "72057594037927936",
		"999999999999999999", "1000000000000000000", "18446744073709551616", strings.Repeat("9", 200),
	} {
		v := MustParse(number + "!" + number + ".0." + number + "rc" + number + ".post" + number + ".dev" + number + "+" + number + ".a" + number)
		if got := describe(cut{v.key, v.width()}).text(); got != v.String() {
			t.Errorf("%s reads %s", v, got)
		}
		next := MustParse(increment(number))
		if v := MustParse(number); !v.Less(next) || decrement(next.String()) != number {
			t.Errorf("%s is not just below %s", v, next)
		}
	}
}
