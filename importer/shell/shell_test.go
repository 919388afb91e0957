package shell

import (
	"fmt"
	"strings"
	"testing"
)

func show(s *Script) string {
	var b strings.Builder
	for _, c := range s.Commands {
		fmt.Fprintf(&b, "%d:", c.Line)
		for _, w := range c.Words {
			fmt.Fprintf(&b, " [%s]", w.Text)
			if w.Unknown {
				b.WriteString("?")
			}
		}
		if c.Conditional {
			b.WriteString(" conditional")
		}
		if c.Piped {
			b.WriteString(" piped")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"words", `pip install "torch>=1.0, <2" 'a b' c\ d # not this`, "1: [pip] [install] [torch>=1.0, <2] [a b] [c d]\n"},
		{"lines", "apt-get update && \\\n  apt-get install -y \\\n  # why\n  git \\\n  curl;\nls", "1: [apt-get] [update]\n2: [apt-get] [install] [-y]\n4: [git] [curl]\n6: [ls]\n"},
		{"variables", "A=1 B=${C:-two} ; pip install x==$A y==${B} z==$D ${C:+no}", "1: [pip] [install] [x==1] [y==two] [z==$D]? []\n"},
		{"what runs", "pip install torch==$(cat v) `date`", "1: [pip] [install] [torch==$(cat v)]? [`date`]?\n"},
		{"redirections", "echo a > f 2>&1; pip install b >/dev/null 2>err; c <<EOF\nd e\nEOF\nf", "1: [echo] [a]\n1: [pip] [install] [b]\n1: [c]\n4: [f]\n"},
		{"conditions", "a || b; if c; then d; else e; fi; f | g", "1: [a]\n1: [b] conditional\n1: [c] conditional\n1: [d] conditional\n1: [e] conditional\n1: [f]\n1: [g] piped\n"},
		{"loops", "for x in a b; do pip install $x; done; c", "1: [pip] [install] [$x]? conditional\n1: [c]\n"},
		{"brackets", "(cd a && make) && { b; }", "1: [cd] [a]\n1: [make]\n1: [b]\n"},
		{"settings", "FOO=1 pip install a; export X=3; b $X", "1: [pip] [install] [a]\n1: [export] [X=3]\n1: [b] [3]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(c.src, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(s); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
	for _, src := range []string{"a 'b", `a "b`, "a $(b", "a `b"} {
		if _, err := Parse(src, 1, nil); err == nil {
			t.Errorf("%q: no error", src)
		}
	}
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"A": "1", "E": ""}
	for text, want := range map[string]string{
		"x$A-${A}y": "x1-1y", "${B:-${A}}": "1", "${E:-d}": "d", "${E-d}": "", "${A:+set}": "set", "$B": "$B?", `\$A`: "$A", "${A%.*}": "${A%.*}?", "a$": "a$", "${A": "${A?",
	} {
		got, ok := Expand(text, vars)
		if !ok {
			got += "?"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a && b || c; if d; then e 2>&1 <<E\nx\nE\nfi")
	f.Add("A=${B:-${C}} pip install \"x==$A\" 'y' `z` $(w (v)) \\\n u")
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Parse(src, 1, map[string]string{"X": "y"})
		if err != nil {
			return
		}
		for _, c := range s.Commands {
			if len(c.Words) == 0 || c.Line < 1 {
				t.Fatalf("%+v", c)
			}
			c.Text()
		}
	})
}
