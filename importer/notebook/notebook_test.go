package notebook

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/envpack/envpack/importer/draft"
)

const sample = `{
 "cells": [
  {"cell_type": "markdown", "source": ["!pip install not-this\n"]},
  {
   "cell_type": "code",
   "outputs": [{"text": ["x"], "data": {"image/png": "AAAA"}}],
   "source": [
    "# first\n",
    "!pip install -q torch==1.7.1 \"numpy<1.20\"\n",
    "%pip install tqdm\n",
    "!pip install x=={version}\n",
    "!apt-get -qq install libsndfile1\n",
    "!ls -la\n",
    "import cv2, os\n",
    "files = !ls\n",
    "%matplotlib inline\n",
    "os.path?\n"
   ]
  },
  {"cell_type": "code", "source": "%%bash\npip install \\\n  sox\n"},
  {"cell_type": "code", "source": ["%%time\n", "for x in y:\n", "    !echo $x\n", "from PIL import Image"]},
  {"cell_type": "code", "source": ["%%html\n", "<b>import nothing</b>"]}
 ],
 "metadata": {"kernelspec": {"language": "python", "name": "python3"}, "language_info": {"name": "python", "version": "3.7.10"}},
 "nbformat": 4
}
`

func list(d *draft.Draft) string {
	var b strings.Builder
	for _, p := range d.Pythons {
		fmt.Fprintf(&b, "python %s\n", p.Specifier)
	}
	for _, l := range d.Lines {
		fmt.Fprintf(&b, "%d %s %s\n", l.From.Line, l.Verdict, l.Text)
	}
	return b.String()
}

func none(string) ([]byte, error) { return nil, fs.ErrNotExist }

func TestRead(t *testing.T) {
	d, err := Reader{}.Read("a.ipynb", []byte(sample), none)
	if err != nil {
		t.Fatal(err)
	}
	want := `python ==3.7.*
0 mapped language_info.version = 3.7.10
9 taken torch==1.7.1
9 taken numpy<1.20
10 taken tqdm
11 left pip install x=={version}
12 taken libsndfile1
20 taken sox
`
	if got := list(d); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	nb, _ := Parse("a.ipynb", []byte(sample))
	source, lines := nb.Code()
	text := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
	if len(text) != len(lines) {
		t.Fatalf("%d lines of code, %d of the file", len(text), len(lines))
	}
	for i, l := range text {
		if strings.HasPrefix(l, "import cv2") && lines[i] != 14 || strings.HasPrefix(l, "from PIL") && lines[i] != 21 || strings.Contains(l, "!") || strings.Contains(l, "nothing") {
			t.Errorf("line %d: %q", lines[i], l)
		}
	}
}

func TestOldForm(t *testing.T) {
	d, err := Reader{}.Read("a.ipynb", []byte(`{"worksheets": [{"cells": [{"cell_type": "code", "input": ["!pip install a==1"]}]}], "nbformat": 3}`), none)
	if err != nil || len(d.Requirements) != 1 || d.Requirements[0].Text != "a==1" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                                      "a.ipynb:1: a.ipynb is no notebook: EOF",
		"{}":                                    "a.ipynb:1: a.ipynb is no notebook: it has no cells",
		"{\"cells\": [\n{]}":                    "a.ipynb:2: a.ipynb is no notebook: invalid character ']'",
		`{"cells": []} x`:                       "a.ipynb:1: a.ipynb is no notebook: something stands behind its end",
		`{"cells": ` + strings.Repeat("[", 500): "a.ipynb:1: a.ipynb is no notebook: ",
	} {
		_, err := Parse("a.ipynb", []byte(src))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v", src, err)
		}
	}
	d, err := Reader{}.Read("a.ipynb", []byte(`{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}`), none)
	if err != nil || len(d.Lines) != 1 || d.Lines[0].Verdict != draft.Left {
		t.Errorf("%+v, %v", d, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"worksheets": [{"cells": [{"cell_type": "code", "input": "!pip install a\n%cd x"}]}], "metadata": {"language_info": {"version": "2.7"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		nb, err := Parse("a.ipynb", data)
		if err != nil {
			return
		}
		for _, c := range nb.Cells {
			if len(c.Lines) != strings.Count(c.Source, "\n")+1 {
				t.Fatalf("%d lines for %q", len(c.Lines), c.Source)
			}
		}
		nb.Code()
		_, _ = Reader{}.Read("a.ipynb", data, none)
	})
}
