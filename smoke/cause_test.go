package smoke

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCauses(t *testing.T) {
	missing := []string{"ModuleNotFoundError", "ImportError", "Exception"}
	for _, test := range []struct {
		name   string
		chain  []Raised
		source string
		want   []Cause // without place and text
	}{
		{"a library", []Raised{{Type: "ImportError", Message: "libGL.so.1: cannot open shared object file: No such file or directory", Bases: []string{"ImportError"}}},
			"", []Cause{{Kind: NoLibrary, Library: "libGL.so.1"}}},
		{"a library that ctypes opens", []Raised{{Type: "OSError", Message: "libgomp.so.1: cannot open shared object file: No such file or directory"}},
			"", []Cause{{Kind: NoLibrary, Library: "libgomp.so.1"}}},
		{"a library, told at length", []Raised{
			{Type: "ImportError", Message: "\n\nIMPORTANT: PLEASE READ THIS FOR ADVICE\n", Bases: []string{"ImportError"}, Because: true},
			{Type: "ImportError", Message: "libopenblas.so.0: cannot open shared object file: No such file", Bases: []string{"ImportError"}},
		}, "", []Cause{{Kind: NoLibrary, Library: "libopenblas.so.0"}}},
		{"a module that was the second choice", []Raised{
			{Type: "ModuleNotFoundError", Message: "No module named 'simplejson'", Bases: missing}, {Type: "ModuleNotFoundError", Message: "No module named 'ujson'", Bases: missing},
		}, "", []Cause{{Kind: NoModule, Module: "simplejson"}, {Kind: NoModule, Module: "ujson"}}},
		{"a module, raised as another", []Raised{
			{Type: "RuntimeError", Message: "please install yaml", Because: true}, {Type: "ModuleNotFoundError", Message: "No module named 'yaml'", Bases: missing},
		}, "", []Cause{{Kind: NoModule, Module: "yaml"}}},
		{"a part of a package", []Raised{{Type: "ModuleNotFoundError", Message: "No module named 'werkzeug.contrib'; 'werkzeug' is not a package", Bases: missing}},
			"", []Cause{{Kind: NoModule, Module: "werkzeug.contrib"}}},
		{"a name", []Raised{{Type: "ImportError", Message: "cannot import name 'soft_unicode' from 'markupsafe' (/opt/x.py)", Bases: []string{"ImportError"}}},
			"", []Cause{{Kind: NoName, Module: "markupsafe", Name: "soft_unicode"}}},
		{"a name, of Python 3.6", []Raised{{Type: "ImportError", Message: "cannot import name 'escape'", Bases: []string{"ImportError"}, Frames: []Frame{{File: "/opt/env/lib/python3.6/site-packages/flask/__init__.py", Line: 3}}}},
			"from jinja2 import escape", []Cause{{Kind: NoName, Module: "jinja2", Name: "escape"}}},
		{"a name, of Python 3.6, relative", []Raised{{Type: "ImportError", Message: "cannot import name 'escape'", Bases: []string{"ImportError"}, Frames: []Frame{{File: "/opt/env/lib/python3.6/site-packages/a/b/c.py", Line: 3}}}},
			"    from ..d.e import escape", []Cause{{Kind: NoName, Module: "a.d.e", Name: "escape"}}},
		{"an attribute", []Raised{{Type: "AttributeError", Message: "module 'numpy' has no attribute 'float'.\n`np.float` was a deprecated alias", Bases: []string{"AttributeError"}}},
			"", []Cause{{Kind: NoName, Module: "numpy", Name: "float"}}},
		{"a symbol", []Raised{{Type: "ImportError", Message: "/opt/env/lib/x/_C.so: undefined symbol: _ZN3c10", Bases: []string{"ImportError"}}},
			"", []Cause{{Kind: NoSymbol, Library: "/opt/env/lib/x/_C.so", Symbol: "_ZN3c10"}}},
		{"a version of symbols", []Raised{{Type: "ImportError", Message: "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by /opt/a.so)", Bases: []string{"ImportError"}}},
			"", []Cause{{Kind: NoSymbol, Library: "/lib/x86_64-linux-gnu/libstdc++.so.6", Symbol: "GLIBCXX_3.4.29"}}},
		{"syntax", []Raised{{Type: "SyntaxError", Message: "invalid syntax", Bases: []string{"SyntaxError"}}}, "", []Cause{{Kind: BadSyntax}}},
		{"anything else", []Raised{{Type: "TypeError", Message: "Descriptors cannot be created directly."}}, "", []Cause{{Kind: OtherRaised}}},
		{"no exception", nil, "", []Cause{{Kind: Died}}},
	} {
		o := Outcome{Module: "m", Result: Failed, Chain: test.chain, How: "ended"}
		var got []Cause
		for _, c := range o.causes(func(string, int) string { return test.source }) {
			if c.Text == "" {
				t.Errorf("%s: no text", test.name)
			}
			c.Text, c.File, c.Line = "", "", 0
			got = append(got, c)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestOneLine(t *testing.T) {
	for _, test := range []struct{ message, want string }{
		{"No module named 'x'", "E: No module named 'x'"},
		{"\n\nIMPORTANT: PLEASE READ THIS\n\nmore", "E: IMPORTANT: PLEASE READ THIS"},
		{"Failed:\n   because of y\nmore", "E: Failed: because of y"},
		{"", "E"},
	} {
		if got := (Raised{Type: "E", Message: test.message}).oneLine(); got != test.want {
			t.Errorf("%q: got %q, want %q", test.message, got, test.want)
		}
	}
}
