package binder

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"apt.txt", "# sound\nlibsndfile1\nffmpeg  espeak # speech\npython3.7-dev\n", "python ==3.7.*\nsystem libsndfile1\nsystem ffmpeg\nsystem espeak\n2 taken libsndfile1\n3 taken ffmpeg\n3 taken espeak\n4 mapped python3.7-dev\n"},
		{"runtime.txt", "python-3.6\n", "python ==3.6.*\n1 taken python-3.6\n"},
		{"runtime.txt", "python-3.8.5\n", "python ==3.8.*\n1 mapped python-3.8.5\n"},
		{"runtime.txt", "r-3.6-2020-01-01\n", "1 left r-3.6-2020-01-01\n"},
		{".python-version", "3.7.4\n3.6.9\n", "python ==3.7.*\n1 mapped 3.7.4\n2 passed 3.6.9\n"},
		{".python-version", "miniconda3-4.7.12\n", "1 left miniconda3-4.7.12\n"},
		{"tox.ini", "[tox]\nenvlist = py{36,37}-torch, lint\n[testenv]\ndeps = py38\n", "python >=3.6,<3.8\n2 mapped envlist = py{36,37}-torch, lint\n"},
		{"binder/postBuild", "#!/bin/bash\nset -e\npip install a==1\njupyter labextension install b\n./build.sh\n", "require a==1\n2 passed set -e\n3 taken a==1\n4 passed jupyter labextension install b\n5 left ./build.sh\n"},
		{"start", "#!/bin/sh\nexec \"$@\"\n", "0 left start\n"},
	} {
		d, err := Reader{}.Read(c.name, []byte(c.src), func(string) ([]byte, error) { return nil, fs.ErrNotExist })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var b strings.Builder
		for _, p := range d.Pythons {
			fmt.Fprintf(&b, "python %s\n", p.Specifier)
		}
		for _, r := range d.Requirements {
			fmt.Fprintf(&b, "require %s\n", r.Text)
		}
		for _, s := range d.System {
			fmt.Fprintf(&b, "system %s\n", s.Package)
		}
		for _, l := range d.Lines {
			fmt.Fprintf(&b, "%d %s %s\n", l.From.Line, l.Verdict, l.Text)
		}
		if b.String() != c.want {
			t.Errorf("%s: got\n%swant\n%s", c.name, b.String(), c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"apt.txt", "runtime.txt", "tox.ini", ".python-version", "a.sh"} {
		f.Add(name, "python-3.8\nenvlist=py{36,37}\npip install a && conda env create")
	}
	f.Fuzz(func(_ *testing.T, name, src string) {
		if name != "" && !strings.Contains(name, "\x00") {
			_, _ = Reader{}.Read(name, []byte(src), func(string) ([]byte, error) { return nil, fs.ErrNotExist })
		}
	})
}
