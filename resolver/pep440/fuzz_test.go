package pep440

import (
	"strings"
	"testing"
)

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0", "v1!2.0.0rc1.post2.dev3+ubuntu-1.A", "1.0a-", "00!01.0-1", "999999999999999999999", "1.0+0001", " 1 "} {
		f.Add(s, "1.0")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		v, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(v.String())
		if err != nil || again.String() != v.String() || !again.Equal(v) || again.flags != v.flags {
			t.Fatalf("%q: normal form %q comes back as %q, %v", s, v, again, err)
		}
		if p := describe(cut{v.key, v.width()}); p.text() != v.String() {
			t.Fatalf("the key of %q reads %q", v, p.text())
		}
		if single, ok := Singleton(v).Single(); !ok || single != v.String() {
			t.Fatalf("Singleton(%q).Single() = %q, %t", v, single, ok)
		}
		if !v.Public().IsLocal() && v.Public().Compare(v) > 0 {
			t.Fatalf("%q sorts below its public version", v)
		}
		w, err := Parse(other)
		if err != nil {
			return
		}
		if v.Compare(w) != -w.Compare(v) || v.Less(w) != (v.Compare(w) < 0) || v.Equal(w) != (v.Compare(w) == 0) {
			t.Fatalf("%q and %q are not in order", v, w)
		}
	})
}

func FuzzSpecifiers(f *testing.F) {
	for _, s := range []string{">=1.0,<2.0", "==1.0.*", "~=1.0a1", "===x y", "!=1+a, ,>0", "== 1\t", ">1.post1", "<=0.dev0"} {
		f.Add(s, "1.0.post1+a")
	}
	f.Fuzz(func(t *testing.T, s, version string) {
		specs, err := ParseSpecifiers(s)
		if err != nil {
			return
		}
		again, err := ParseSpecifiers(specs.String())
		if err != nil || again.String() != specs.String() {
			t.Fatalf("%q: normal form %q comes back as %q, %v", s, specs, again, err)
		}
		set := FromSpecifiers(specs)
		if strings.Contains(set.String(), "\x00") || !set.Equal(FromSpecifiers(again)) || !set.Complement().Complement().Equal(set) {
			t.Fatalf("%q: bad set %q", s, set)
		}
		v, err := Parse(version)
		if err != nil {
			return
		}
		if specs.Contains(v) != set.Contains(v) && !spelling(specs, v) {
			t.Fatalf("%q contains %q: %t, and the set says otherwise", specs, v, specs.Contains(v))
		}
	})
}
