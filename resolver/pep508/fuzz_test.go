package pep508

import "testing"

func FuzzRequirement(f *testing.F) {
	for _, s := range []string{
		`requests[security,tests]>=2.8.1,==2.8.* ; python_version < "2.7" and (extra == "x" or os_name != 'nt')`,
		"pip @ https://files.example/pip.zip#sha1=da9 ; 'a' in extras", "a(>=1)", "a_", "a===x,y", `a; os_name == "\x22\u00e9\\"`, "a [x , y ] ~= 1.0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			if e, ok := err.(*SyntaxError); !ok || e.Offset < 0 || e.Offset > len(s) || e.Expected == "" {
				t.Fatalf("%q: %#v", s, err)
			}
			return
		}
		again, err := Parse(r.String())
		if err != nil || again.String() != r.String() || again.Name != r.Name {
			t.Fatalf("%q: normal form %q comes back as %q, %v", s, r, again, err)
		}
	})
}

func FuzzMarker(f *testing.F) {
	for _, s := range []string{
		`python_version in "3.8, 3.9" or ("x" in extras and not_a_name == "y")`, `os_name=='posix'or'a'not in sys_platform`, `python_full_version === "3.12.4"`,
		`((os.name == 'a\'')) and "\N{DIGIT ONE}" == extra`, `python_version < "=3.8"`, `"os_name" == 'x' and platform_release ~= "6.1"`,
	} {
		f.Add(s, "3.12.4", "x")
	}
	f.Fuzz(func(t *testing.T, s, version, name string) {
		m, err := ParseMarker(s)
		if err != nil {
			return
		}
		again, err := ParseMarker(m.String())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%q: normal form %q comes back as %q, %v", s, m, again, err)
		}
		env := Environment{PythonVersion: version, PythonFullVersion: version, PlatformRelease: version, OSName: name, Extra: name, Extras: []string{name}}
		a, errA := m.Evaluate(env)
		b, errB := again.Evaluate(env)
		if a != b || (errA == nil) != (errB == nil) {
			t.Fatalf("%q is %t, %v and its normal form %q is %t, %v", s, a, errA, m, b, errB)
		}
	})
}
