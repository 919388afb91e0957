package pep440

import (
	"fmt"
	"math/rand"
	"testing"
)

// points are versions around every boundary that randomSet can make: each base with all suffixes,
// and what comes right before and behind.
func points() []Version {
	var list []Version
	bases := []string{"0", "0.0.1", "1", "1.0", "1.0.0.1", "1.0.1", "1.0.1.1", "1.0.2", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "2", "2.0.1", "2.1", "3", "1!0", "1!0.1", "1!1"}
	suffixes := []string{"", ".dev0", ".dev1", ".dev2", "a0.dev0", "a1.dev0", "a1", "a1.post0.dev0", "a1.post0", "a1.post1.dev0", "a2.dev0", "a2",
		"rc1", "rc1.post0.dev0", "rc1.post3", "rc2.dev0", "rc2", ".post0.dev0", ".post0.dev1", ".post0", ".post1.dev0", ".post1", ".post2.dev0", ".post2", ".post7"}
	labels := []string{"", "+00a", "+a", "+a.b", "+a.0", "+1", "+1.0"}
	for _, base := range bases {
		for _, suffix := range suffixes {
			for _, label := range labels {
				list = append(list, MustParse(base+suffix+label))
			}
		}
	}
	return list
}

func randomSpecifier(rng *rand.Rand) Specifier {
	bases := []string{"0", "1", "1.0", "1.0.1", "1.1", "1.2", "2", "1!0"}
	suffixes := []string{"", "", "", "", ".dev0", ".dev1", "a1", "a1.post0", "rc1", ".post0", ".post1", ".post0.dev0"}
	ops := []string{"==", "!=", "<=", ">=", "<", ">", "~="}
	for {
		op, base := ops[rng.Intn(len(ops))], bases[rng.Intn(len(bases))]
		text := op + base + suffixes[rng.Intn(len(suffixes))]
		switch rng.Intn(6) {
		case 0:
			text = op + base + ".*"
		case 1:
			text += []string{"+a", "+1", "+a.0"}[rng.Intn(3)]
		}
		if s, err := ParseSpecifier(text); err == nil {
			return s
		}
	}
}

// randomSet is made of specifiers and single versions, by the operations under test.
func randomSet(rng *rand.Rand, depth int) Set {
	if depth == 0 {
		switch rng.Intn(12) {
		case 0:
			return Empty()
		case 1:
			return Full()
		case 2, 3:
			return Singleton(randomSpecifier(rng).Version())
		}
		return randomSpecifier(rng).Set()
	}
	s := randomSet(rng, depth-1)
	switch rng.Intn(4) {
	case 0:
		return s.Complement()
	case 1:
		return s.Union(randomSet(rng, depth-1))
	case 2:
		return s.Minus(randomSet(rng, depth-1))
	}
	return s.Intersect(randomSet(rng, depth-1))
}

// members is the set as a string of points inside and outside.
func members(s Set, points []Version) string {
	b := make([]byte, len(points))
	for i, p := range points {
		b[i] = '0'
		if s.Contains(p) {
			b[i] = '1'
		}
	}
	return string(b)
}

func TestSetLaws(t *testing.T) {
	points := points()
	rng := rand.New(rand.NewSource(1))
	for range 1000 {
		a, b, c := randomSet(rng, rng.Intn(4)), randomSet(rng, rng.Intn(4)), randomSet(rng, rng.Intn(3))
		same := func(law string, x, y Set) {
			t.Helper()
			if !x.Equal(y) || x.Key() != y.Key() || x.IsEmpty() != y.IsEmpty() {
				t.Fatalf("%s: %s is not %s\na = %s\nb = %s\nc = %s", law, x, y, a, b, c)
			}
		}
		same("double complement", a, a.Complement().Complement())
		if x, y := a.Intersect(b), b.Intersect(a); x.String() != y.String() {
			t.Fatalf("written %s and %s", x, y)
		}
		same("idempotent", a, a.Intersect(a))
		same("union with the complement", Full(), a.Union(a.Complement()))
		same("intersection with the complement", Empty(), a.Intersect(a.Complement()))
		same("commutative and", a.Intersect(b), b.Intersect(a))
		same("commutative or", a.Union(b), b.Union(a))
		same("associative and", a.Intersect(b).Intersect(c), a.Intersect(b.Intersect(c)))
		same("associative or", a.Union(b).Union(c), a.Union(b.Union(c)))
		same("distributive", a.Intersect(b.Union(c)), a.Intersect(b).Union(a.Intersect(c)))
		same("De Morgan and", a.Intersect(b).Complement(), a.Complement().Union(b.Complement()))
		same("De Morgan or", a.Union(b).Complement(), a.Complement().Intersect(b.Complement()))
		same("minus", a.Minus(b), a.Intersect(b.Complement()))
		same("absorption", a, a.Union(a.Intersect(b)))
		if got, want := a.SubsetOf(b), a.Minus(b).IsEmpty(); got != want {
			t.Fatalf("%s is a subset of %s: %t, want %t", a, b, got, want)
		}
		if got, want := a.Disjoint(b), a.Intersect(b).IsEmpty(); got != want {
			t.Fatalf("%s and %s are disjoint: %t, want %t", a, b, got, want)
		}
		for _, p := range points {
			inA, inB := a.Contains(p), b.Contains(p)
			if a.Complement().Contains(p) == inA || a.Union(b).Contains(p) != (inA || inB) ||
				a.Intersect(b).Contains(p) != (inA && inB) || a.Minus(b).Contains(p) != (inA && !inB) {
				t.Fatalf("a = %s, b = %s: wrong at %s", a, b, p)
			}
		}
	}
}

// TestSetCanonical holds Equal to membership: with points on both sides of every place that these
// sets can change at, they are equal just when no point tells them apart.
func TestSetCanonical(t *testing.T) {
	points := points()
	rng := rand.New(rand.NewSource(2))
	byMembers, byKey := map[string]Set{}, map[string]Set{}
	for range 8000 {
		s := randomSet(rng, rng.Intn(3))
		m := members(s, points)
		if other, ok := byMembers[m]; ok && !other.Equal(s) {
			t.Fatalf("%s (%q) and %s (%q) have the same members and are not equal", s, s.Key(), other, other.Key())
		}
		if other, ok := byKey[s.Key()]; ok && members(other, points) != m {
			t.Fatalf("%s and %s have one key and different members", s, other)
		}
		byMembers[m], byKey[s.Key()] = s, s
	}
	t.Logf("%d different sets", len(byKey))
}

func TestSingleton(t *testing.T) {
	points := points()
	for _, p := range points {
		s := Singleton(p)
		for _, q := range points {
			if s.Contains(q) != p.Equal(q) {
				t.Fatalf("Singleton(%s) contains %s: %t", p, q, s.Contains(q))
			}
		}
		text, ok := s.Single()
		if v, err := Parse(text); !ok || err != nil || !v.Equal(p) || len(text) < len(p.String())-1 && p.String() != "0.0.1" {
			t.Fatalf("Singleton(%s).Single() = %q, %t", p, text, ok)
		}
	}
	for _, text := range []string{"", "==1.0", ">=1", "!=1.0+a", "<0"} {
		if v, ok := FromSpecifiers(MustParseSpecifiers(text)).Single(); ok {
			t.Errorf("%q is said to have the only member %s", text, v)
		}
	}
}

func TestBetween(t *testing.T) {
	points := points()
	rng := rand.New(rand.NewSource(3))
	for range 200 {
		from, to := points[rng.Intn(len(points))], points[rng.Intn(len(points))]
		switch rng.Intn(4) {
		case 0:
			from = Version{}
		case 1:
			to = Version{}
		}
		s := Between(from, to)
		for _, p := range points {
			if want := !p.Less(from) && (to.IsZero() || p.Less(to)); s.Contains(p) != want {
				t.Fatalf("Between(%s, %s) contains %s: %t", from, to, p, !want)
			}
		}
	}
	if !Between(Version{}, Version{}).IsFull() || !Between(Version{}, MustParse("0.dev0")).IsEmpty() {
		t.Error("without bounds")
	}
}

// TestBelow holds Below to what is left of a set from a version on.
func TestBelow(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	versions := points()
	below := 0
	for range 20_000 {
		s, v := randomSet(rng, rng.Intn(4)), versions[rng.Intn(len(versions))]
		want := s.Intersect(Between(v, Version{})).IsEmpty()
		if got := s.Below(v); got != want {
			t.Fatalf("%v below %v: %v", s, v, got)
		}
		if want && !s.IsEmpty() {
			below++
		}
	}
	if below < 1000 {
		t.Errorf("only %d sets are below", below)
	}
}

func TestSetString(t *testing.T) {
	for _, test := range []struct{ specifiers, set, complement string }{
		{"", "*", "none"},
		{"==1.0", "==1.0", "!=1.0"},
		{">=1.0,<2.0", ">=1.0,<2.0", "<1.0 | >=2.0.dev0"},
		{"~=1.4.2", ">=1.4.2,<1.5", "<1.4.2 | >=1.5.dev0"},
		{"!=1.5,>1", ">1,!=1.5", "<=1 | ==1.5"},
		{"!=1.5,!=1.7.*,>=1,<2", ">=1,<2,!=1.5,!=1.7.*", "<1 | ==1.5 | ==1.7.* | >=2.dev0"},
		{"<2.0rc1", "<2.0rc1", ">=2.0rc1"},
		{">1.0.post1", ">1.0.post1", "<=1.0.post1"},
		{"==1.0.*", "==1.0.*", "!=1.0.*"},
		{"<=3.0", "<=3.0", ">3.0"},
		{"==1.0+abc", "==1.0+abc", "!=1.0+abc"},
		{"===1.0", "==1.0", "!=1.0"},
		{"===nonsense", "none", "*"},
		{"===v1", "none", "*"},
		{"<0.dev0", "none", "*"},
		{">=0.dev0", "*", "none"},
		{">1a1", ">=1a2.dev0", "<1a2.dev0"},
		{"==2!1.0", "==2!1.0", "!=2!1.0"},
		{">=18446744073709551616.0", ">=18446744073709551616.0", "<18446744073709551616.0"},
		{"<=1.0.post10", "<=1.0.post10", ">1.0.post10"},
	} {
		set := FromSpecifiers(MustParseSpecifiers(test.specifiers))
		if set.String() != test.set || set.Complement().String() != test.complement {
			t.Errorf("%q is %q, complement %q, want %q, %q", test.specifiers, set, set.Complement(), test.set, test.complement)
		}
	}
	// Where a set's text can be read as specifiers, it should mean nearly the set; where it names
	// no bound without a short name, exactly.
	for _, text := range []string{"==1.0", "~=2.1", ">=1,<2", "!=1.*,>0.5", "<=1.0", ">1.0", "==1!0.*", "<1.0,>=0.9a1", ">1.dev4"} {
		set := FromSpecifiers(MustParseSpecifiers(text))
		if again := FromSpecifiers(MustParseSpecifiers(set.String())); !again.Equal(set) {
			t.Errorf("%q is written %q, which is %q", text, set, again)
		}
	}
}

func ExampleSet() {
	supported := FromSpecifiers(MustParseSpecifiers(">=1.20,<2"))
	broken := FromSpecifiers(MustParseSpecifiers("==1.24.0"))
	fmt.Println(supported.Minus(broken))
	fmt.Println(supported.Contains(MustParse("2.0rc1")))
	// Output:
	// >=1.20,<2,!=1.24.0
	// false
}

func TestHull(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{">=1,<2", ">=1,<2"}, {">=1,!=1.5", ">=1"}, {"!=1.5", ""}, {">=1,<3,!=1.5,!=2.0", ">=1,<3"}, {"<3,!=1.5", "<3"}, {"==1.0", "==1.0"},
	} {
		got := FromSpecifiers(MustParseSpecifiers(c.set)).Hull()
		if want := FromSpecifiers(MustParseSpecifiers(c.want)); !got.Equal(want) {
			t.Errorf("%s: %s, not %s", c.set, got, want)
		}
	}
	if !Empty().Hull().IsEmpty() {
		t.Error("the hull of nothing has something")
	}
}
