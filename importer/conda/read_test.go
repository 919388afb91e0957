package conda

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

func nothing(string) ([]byte, error) { return nil, fs.ErrNotExist }

// environmentOf is a file with dependencies.
func environmentOf(lines ...string) []byte {
	return []byte("dependencies:\n- " + strings.Join(lines, "\n- ") + "\n")
}

func read(t *testing.T, lines ...string) *draft.Draft {
	t.Helper()
	d, err := Reader{}.Read("environment.yml", environmentOf(lines...), nothing)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func texts(list []draft.Requirement) string {
	words := make([]string, len(list))
	for i, r := range list {
		words[i] = r.Text
	}
	return strings.Join(words, " ")
}

// TestGPU: who wishes for GPUs, and where the wish is heard.
func TestGPU(t *testing.T) {
	for in, want := range map[string]string{
		"pytorch|cudatoolkit=11.3":                 `cudatoolkit=11.3; wheels bring the CUDA that they were built with, and "11.3" instead of auto holds them to that`,
		"pytorch|cudatoolkit":                      "cudatoolkit",
		"pytorch=*=*cuda*":                         "pytorch=*=*cuda*",
		"pytorch=1.13.1=py3.9_cuda11.7_cudnn8.5_0": `pytorch=1.13.1=py3.9_cuda11.7_cudnn8.5_0; wheels bring the CUDA that they were built with, and "11.7" instead of auto holds them to that`,
		"pytorch|pytorch-cuda=12.1|cuda-nvcc=12":   `pytorch-cuda=12.1; wheels bring the CUDA that they were built with, and "12.1" instead of auto holds them to that`,
		"cudatoolkit=10.|tensorflow=1.15=gpu_py37": `cudatoolkit=10.; wheels bring the CUDA that they were built with, and "10" instead of auto holds them to that`,
		"numpy|cudatoolkit=11.3":                   "", // nothing that computes on GPUs
		"pytorch|cpuonly":                          "",
		"pytorch":                                  "",
	} {
		d := read(t, strings.Split(in, "|")...)
		got := ""
		for _, c := range d.CUDA {
			if c.Version != "auto" {
				t.Errorf("%s: version %s", in, c.Version)
			}
			got += c.Comment
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestPipGoesBefore: pip installs after conda.
func TestPipGoesBefore(t *testing.T) {
	for _, c := range []struct{ conda, pip, want string }{
		{"numpy", "numpy==1.20.3", "numpy==1.20.3"},
		{"numpy=1.19", "numpy==1.20.3", "numpy==1.20.3"},
		{"numpy=1.20", "numpy==1.20.3", "numpy==1.20.* numpy==1.20.3"},
		{"numpy=1.20", "numpy", "numpy==1.20.* numpy"},
		{"pytorch=1.2", "torch==1.8.1", "torch==1.8.1"},
		{"numpy=1.20", "numpy @ https://files.example/numpy-1.0-py3-none-any.whl", "numpy @ https://files.example/numpy-1.0-py3-none-any.whl"},
	} {
		d := read(t, c.conda, `pip: ["`+c.pip+`"]`)
		if got := texts(d.Requirements); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.conda, c.pip, got, c.want)
		}
	}
}

func TestIs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"environment.yml", "name: x\ndependencies:\n- numpy\n", true},
		{"env.yaml", "\ufeffchannels: [a]\r\ndependencies: [b]\r\n", true},
		{"conda-lock.yml", "version: 1\nmetadata:\n  x: y\npackage:\n- name: a\n  manager: conda\n", true},
		{"docker-compose.yml", "version: '3'\nservices:\n  web:\n    dependencies: x\n", false},
		{"pixi.toml", "", true},
		{"pixi.lock", "", true},
		{"pyproject.toml", "[tool.pixi]\n", false},
		{"x.txt", "@EXPLICIT\nhttps://conda.example/a-1-0.conda\n", true},
		{"requirements.txt", "_libgcc_mutex=0.1=main\nnumpy=1.2=py38_0\n", true},
		{"requirements.txt", "numpy=1.2\nscipy=1.7\npandas=1.3\n", true},
		{"requirements.txt", "numpy=1.2\nscipy==1.7\npandas\n", false},
		{"requirements.txt", "numpy==1.2\n", false},
		{"requirements.txt", "numpy=1.2\n", false},
		{"requirements.txt", "", false},
	} {
		if got := Is(c.name, []byte(c.text)); got != c.want {
			t.Errorf("%s %q: %v", c.name, c.text, got)
		}
	}
}

// TestEveryLine: nothing that stands in a file goes without a word.
func TestEveryLine(t *testing.T) {
	files, err := filepath.Glob("../testdata/*conda_*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name != "environment.yml" {
				continue
			}
			d, err := Reader{}.Read(f.Name, f.Data, func(string) ([]byte, error) { return nil, nil })
			if err != nil {
				continue
			}
			told := map[int]bool{}
			for _, l := range d.Lines {
				told[l.From.Line] = true
			}
			for i, line := range strings.Split(string(f.Data), "\n") {
				head := strings.TrimSpace(line)
				if head == "" || strings.HasPrefix(head, "#") || strings.HasSuffix(head, ":") && !told[i+1] {
					continue
				}
				if !told[i+1] {
					t.Errorf("%s:%d: nothing is said of %q", file, i+1, line)
				}
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("../testdata/*.txtar")
	for _, name := range files {
		data, _ := os.ReadFile(name)
		for _, file := range txtar.Parse(data).Files {
			if Is(file.Name, file.Data) {
				f.Add(file.Name, file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if len(name) > 100 || len(data) > 1<<16 {
			return
		}
		d, err := Reader{}.Read(name, data, nothing)
		if err != nil {
			return
		}
		for _, r := range d.Requirements {
			if _, err := pep508.Parse(r.Text); err != nil {
				t.Fatalf("%q: %v", r.Text, err)
			}
		}
		for _, p := range d.Pythons {
			if _, err := pep440.ParseSpecifiers(p.Specifier); err != nil {
				t.Fatalf("%q: %v", p.Specifier, err)
			}
		}
	})
}
