package undeclared

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pep508"
)

func tree(files map[string]string) Tree {
	t := Tree{Open: func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}}
	for name := range files {
		t.Names = append(t.Names, name)
	}
	slices.Sort(t.Names)
	return t
}

// world is a small one: projects with their files, and what they require.
type world map[string]struct {
	paths    []string
	requires []string
	source   bool // there is no wheel
}

func (w world) Newest(_ context.Context, req pep508.Requirement) (*Release, error) {
	p, ok := w[req.Name]
	if !ok {
		return nil, nil
	}
	return &Release{Name: req.Name, Version: "1.0", Wheel: !p.source}, nil
}

func (w world) Requires(_ context.Context, r *Release, _ []string) (list []pep508.Requirement, err error) {
	for _, text := range w[r.Name].requires {
		q, err := pep508.Parse(text)
		if err != nil {
			return nil, err
		}
		list = append(list, q)
	}
	return list, nil
}

func (w world) Paths(_ context.Context, r *Release) ([]string, error) { return w[r.Name].paths, nil }

var small = world{
	"torch":             {paths: []string{"torch/__init__.py", "functorch/_C.cpython-38-x86_64-linux-gnu.so"}, requires: []string{"numpy", "typing-extensions"}},
	"numpy":             {paths: []string{"numpy/__init__.py"}},
	"typing-extensions": {paths: []string{"typing_extensions.py"}},
	"scikit-learn":      {paths: []string{"sklearn/__init__.py"}},
	"opencv-python":     {paths: []string{"cv2/__init__.py", "cv2/cv2.abi3.so"}},
	"pyyaml":            {paths: []string{"yaml/__init__.py"}},
	"dataclasses":       {paths: []string{"dataclasses.py"}},
	"einops":            {paths: []string{"einops/__init__.py", "einops/layers/torch.py"}},
	"utils":             {paths: []string{"utils/__init__.py"}},
	"clip":              {source: true},
	"pycocotools":       {source: true},
	"mmcv-full":         {source: true},
	"protobuf":          {paths: []string{"google/protobuf/message.py"}},
	"pytest":            {paths: []string{"pytest/__init__.py"}},
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name     string
		files    map[string]string
		declared string
		want     string
	}{
		{"names that differ", map[string]string{"a.py": "import cv2, yaml.nodes\nfrom sklearn.svm import SVC\nimport os.path, sys"}, "",
			"cv2 needed opencv-python checked\nsklearn needed scikit-learn checked\nyaml needed pyyaml checked\n"},
		{"declared, and brought", map[string]string{"a.py": "import torch.nn, numpy, functorch, typing_extensions, sklearn"}, "torch scikit_learn", ""},
		{"the project's own", map[string]string{"a.py": "import b, c.d, e, utils, f.g\n", "b.py": "", "c/d.py": "", "src/e/__init__.py": "", "deep/down/utils.py": "", "x/f/g.py": ""}, "", ""},
		{"beside the file, and above it", map[string]string{"x/y/a.py": "import b, c", "x/y/b.py": "", "x/c.py": ""}, "", ""},
		{"search paths", map[string]string{"a/b.py": "import sys, os\nsys.path.append(os.path.join(os.path.dirname(__file__), '../libs'))", "libs/mine.py": "", "c.py": "import mine"}, "", ""},
		{"same name", map[string]string{"a.py": "from einops.layers.torch import X\nimport einops"}, "", "einops needed einops checked\n"},
		{"same name, another thing", map[string]string{"a.py": "import einops.nothing"}, "", "einops needed  (no package is known to have it; einops 1.0 has no module einops.nothing)\n"},
		{"a name that many have", map[string]string{"a.py": "import utils.x"}, "", "utils needed  (which package has it is not known)\n"},
		{"from elsewhere", map[string]string{"a.py": "import clip"}, "", "clip needed  (no package of the index has it: it is from git+https://github.com/openai/CLIP)\n"},
		{"no wheel", map[string]string{"a.py": "import pycocotools, mmcv"}, "", "mmcv needed mmcv-full (the source distribution of mmcv-full 1.0 does not show what is in it; published lists name it)\npycocotools needed  (no package is known to have it; the source distribution of pycocotools 1.0 does not show what is in it)\n"},
		{"a backport", map[string]string{"a.py": "import dataclasses, cPickle\ntry:\n import cPickle\nexcept ImportError: pass"}, "",
			"cPickle needed  (a module of Python 2.7, which 3.6 does not have)\ndataclasses needed dataclasses checked\n"},
		{"optional", map[string]string{"a.py": "try:\n import cv2\nexcept ImportError: pass\nif x:\n  import yaml\ndef f():\n  import sklearn"}, "", "cv2  opencv-python checked\nsklearn needed scikit-learn checked\nyaml  pyyaml checked\n"},
		{"tests and tools", map[string]string{"tests/test_a.py": "import pytest, cv2", "setup.py": "import setuptools, yaml", "third_party/x/y.py": "import sklearn"}, "", "cv2 tests opencv-python checked\npytest tests pytest checked\nsklearn  scikit-learn checked\n"},
		{"shared names", map[string]string{"a.py": "from google import protobuf\nimport google.protobuf.message"}, "", "google.protobuf needed protobuf checked\n"},
		{"compiled and generated", map[string]string{"a.py": "import fast, x_pb2", "setup.py": "Extension('fast', [])", "x.proto": ""}, "", ""},
		{"types", map[string]string{"a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import cv2"}, "", ""},
		{"a notebook", map[string]string{"a.ipynb": `{"cells": [{"cell_type": "code", "source": ["!pip install x\n", "import cv2"]}]}`}, "", "cv2 needed opencv-python checked\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Python: "3.6"}
			for _, d := range strings.Fields(c.declared) {
				q, err := pep508.Parse(d)
				if err != nil {
					t.Fatal(err)
				}
				o.Declared = append(o.Declared, q)
			}
			found, err := Find(context.Background(), Scan(tree(c.files)), o, small)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, m := range found {
				need := ""
				if m.Needed {
					need = "needed"
				} else if m.Tests {
					need = "tests"
				}
				fmt.Fprintf(&b, "%s %s %s", m.Name, need, m.Package)
				if m.Checked {
					b.WriteString(" checked")
				} else {
					fmt.Fprintf(&b, " (%s)", m.Why)
				}
				b.WriteString("\n")
			}
			if b.String() != c.want {
				t.Errorf("got\n%swant\n%s", b.String(), c.want)
			}
		})
	}
}

// TestWithoutIndex holds that facts alone claim nothing as checked.
func TestWithoutIndex(t *testing.T) {
	found, err := Find(context.Background(), Scan(tree(map[string]string{"a.py": "import cv2, einops"})), Options{Python: "3.8"}, nil)
	if err != nil || len(found) != 2 || found[0].Package != "opencv-python" || found[0].Checked || found[1].Package != "" {
		t.Errorf("%+v, %v", found, err)
	}
}
