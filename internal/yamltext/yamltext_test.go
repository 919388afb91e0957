package yamltext

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
)

// show writes a tree in one line.
func show(n *Node) string {
	switch n.Kind {
	case Scalar:
		return n.Value
	case List:
		words := make([]string, len(n.Items))
		for i, item := range n.Items {
			words[i] = show(item)
		}
		return "[" + strings.Join(words, " ") + "]"
	case Mapping:
		words := make([]string, len(n.Pairs))
		for i, p := range n.Pairs {
			words[i] = show(p.Key) + ":" + show(p.Value)
		}
		return "{" + strings.Join(words, " ") + "}"
	}
	return "~"
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"a: 1.10\nb: [x, 'y', null]\nc:\n", "{a:1.10 b:[x y ~] c:~}"},
		{"\ufeffa: b\r\nc: d\r\n", "{a:b c:d}"},
		{"base: &b\n  x: 1\n  y: 2\nall:\n  <<: *b\n  y: 3\n", "{base:{x:1 y:2} all:{y:3 x:1}}"},
		{"- &a python=3.8\n- *a\n", "[python=3.8 python=3.8]"},
		{"a: 1\n---\nb: 2\n", "{a:1} {b:2}"},
		{"a: |\n  one\n  two\n", "{a:one\ntwo\n}"},
		{"a: yes\nb: 2020-01-01\nc: 0x10\n", "{a:yes b:2020-01-01 c:0x10}"},
	} {
		docs, err := Parse("f.yml", []byte(c.in))
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		var words []string
		for _, d := range docs {
			words = append(words, show(d))
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for _, c := range []struct{ in, want string }{
		{"a: 1\na: 2\n", "f.yml:2:1: the key a stands here twice"},
		{"a:\n\t- b\n", "f.yml:2: this is not YAML: found character that cannot start any token"},
		{"a: [1\n", "this is not YAML"},
		{"{% if x %}\n- a\n", "this is not YAML"},
		{strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested deeper than 100"},
		{bomb, "aliases (*name) repeat more than 100000 values"},
		{"a: &a [*a]\n", "f.yml:1"},
		{"? [a]\n: b\n", "a key is a list"},
		{"a: *nowhere\n", "unknown anchor"},
	} {
		_, err := Parse("f.yml", []byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %s", c.in, err, c.want)
		}
		var e *diag.Error
		if !errors.As(err, &e) || e.Pos.File != "f.yml" {
			t.Errorf("%.40q: no place: %v", c.in, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a: &x [1, *x]\n"))
	f.Add([]byte("<<: {a: 1}\n---\n- b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, err := Parse("f", data)
		if err != nil {
			return
		}
		for _, d := range docs {
			_ = show(d)
		}
	})
}
