package readme

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/envpack/envpack/importer/draft"
)

func list(d *draft.Draft) string {
	var b strings.Builder
	for _, p := range d.Pythons {
		fmt.Fprintf(&b, "%d python %s\n", p.From.Line, p.Specifier)
	}
	for _, c := range d.CUDA {
		fmt.Fprintf(&b, "%d cuda %s\n", c.From.Line, strings.Fields(strings.TrimSuffix(c.Comment, ";"))[1])
	}
	for _, r := range d.Requirements {
		fmt.Fprintf(&b, "%d require %s\n", r.From.Line, r.Text)
	}
	for _, s := range d.System {
		fmt.Fprintf(&b, "%d system %s\n", s.From.Line, s.Package)
	}
	if d.Command != nil {
		fmt.Fprintf(&b, "%d command %s\n", d.Command.From.Line, d.Command.Value)
	}
	return b.String()
}

func open(name string) ([]byte, error) {
	if name == "main.py" || name == "tools/run.py" {
		return nil, nil
	}
	if name == "broken.txt" {
		return []byte("-r nowhere.txt\n"), nil
	}
	return nil, fs.ErrNotExist
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"prose", "# X\nThis code was developed with python version 3.6, PyTorch version 1.7.1, CUDA 11.0 and torchvision 0.8.2.\n",
			"2 python ==3.6.*\n2 cuda 11.0;\n2 require torch==1.7.1\n2 require torchvision==0.8.2\n"},
		{"lists", "## Requirements\n* Python >= 3.7\n* [PyTorch](http://a.example) (v1.4+)\n* numpy\n* tensorflow_gpu (0.12)\n* some tool\n1. scipy 1.2.x\n- Python 3\n",
			"2 python >=3.7\n3 require torch>=1.4\n4 require numpy\n5 require tensorflow-gpu==0.12.*\n7 require scipy==1.2.*\n"},
		{"code", "Install:\n```bash\n$ conda create -n x python=3.6\npip install torch==1.1.0 tqdm\nsudo apt-get install ffmpeg\n# pip install not\n```\n```python\npip install not\n```\n```\npython main.py --data /path/to/x\npython3 main.py --size 3\n```\n",
			"4 require torch==1.1.0\n4 require tqdm\n5 system ffmpeg\n13 command [\"python\",\"main.py\",\"--size\",\"3\"]\n"},
		{"in text", "We use it (`pip install submitit`). Badge: ![Python 2.7](https://b.example/python-2.7)\n", "1 require submitit\n"},
		{"no versions", "In 2019 PyTorch 2 was new. Python 101. See CUDA 10 and Figure 3.1 of gym.\n", ""},
		{"indented", "Run\n\n    pip install a\n    python tools/run.py\n\nand\n", "3 require a\n4 command [\"python\",\"tools/run.py\"]\n"},
		{"restructured", "Install\n=======\n\n::\n\n    pip install b==1\n", "6 require b==1\n"},
		{"clones", "```\ngit clone https://x.example/other.git\ncd other\npip install -e .\n```\n", ""},
		{"a file that is wrong", "```\npip install -r broken.txt\npip install a\n```\n", "3 require a\n"},
		{"later wins nothing", "Needs torch 1.2.0. Then PyTorch 1.3.0.\n", "1 require torch==1.2.0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Reader{}.Read("README.md", []byte(c.src), open)
			if err != nil {
				t.Fatal(err)
			}
			if got := list(d); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("# a\n```\npip install x\n```\nPython 3.6+ and [PyTorch](u) >= 1.0\n\n    python main.py\n")
	f.Fuzz(func(t *testing.T, src string) {
		d, err := Reader{}.Read("README.md", []byte(src), open)
		if err != nil {
			return
		}
		for _, l := range d.Lines {
			if l.From.Line < 1 {
				t.Fatalf("%+v", l)
			}
		}
	})
}
