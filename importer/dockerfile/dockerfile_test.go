package dockerfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/importer/draft"
)

// show is what a draft has, one thing a line.
func show(d *draft.Draft) string {
	var b strings.Builder
	for _, p := range d.Pythons {
		fmt.Fprintf(&b, "python %s\n", p.Specifier)
	}
	for _, c := range d.CUDA {
		fmt.Fprintf(&b, "cuda %s\n", strings.Split(c.Comment, "\"")[1])
	}
	for _, r := range d.Requirements {
		fmt.Fprintf(&b, "require %s\n", r.Text)
	}
	for _, s := range d.System {
		fmt.Fprintf(&b, "system %s\n", s.Package)
	}
	for _, e := range d.Env {
		fmt.Fprintf(&b, "env %s=%s\n", e.Name, e.Value)
	}
	for _, p := range d.Paths {
		fmt.Fprintf(&b, "path %s", p.Dir)
		if p.Project {
			fmt.Fprintf(&b, " project %v", p.Extras)
		}
		b.WriteString("\n")
	}
	if d.Workdir != nil {
		fmt.Fprintf(&b, "workdir %s\n", d.Workdir.Value)
	}
	if d.Command != nil {
		fmt.Fprintf(&b, "command %s\n", d.Command.Value)
	}
	return b.String()
}

func lines(d *draft.Draft) string {
	var b strings.Builder
	for _, l := range d.Lines {
		fmt.Fprintf(&b, "%s: %s: %s", l.From, l.Verdict, l.Text)
		if l.Note != "" {
			fmt.Fprintf(&b, " (%s)", l.Note)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestRead(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := txtar.Parse(raw)
			have := map[string]string{}
			for _, f := range a.Files {
				have[f.Name] = string(f.Data)
			}
			d, err := Reader{}.Read("Dockerfile", []byte(have["Dockerfile"]), func(name string) ([]byte, error) {
				text, ok := have[name]
				if !ok || name == "want" {
					return nil, fs.ErrNotExist
				}
				return []byte(text), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(have["want"], show(d)); diff != "" {
				t.Error(diff)
			}
			if got := lines(d); got != have["lines"] {
				t.Errorf("lines:\n%s", got)
			}
		})
	}
}

func TestBase(t *testing.T) {
	for image, want := range map[string]string{
		"python:3.8":                                                "python ==3.8.*\n",
		"python:3.7.9-slim-buster":                                  "python ==3.7.*\n",
		"docker.io/library/python:3-slim@sha256:ab":                 "",
		"registry.example:5000/nvidia/cuda:11.3.1-base-ubuntu20.04": "cuda 11.3\n",
		"nvcr.io/nvidia/cuda:12.1.0-devel-ubuntu22.04":              "cuda 12.1\n",
		"pytorch/pytorch:1.7.1-cuda11.0-cudnn8-runtime":             "cuda 11.0\nrequire torch==1.7.1\nrequire torchvision\n",
		"tensorflow/tensorflow:1.13.1-gpu-py3":                      "require tensorflow-gpu==1.13.1\n",
		"tensorflow/tensorflow:2.4.2-gpu":                           "require tensorflow==2.4.2\n",
		"nvcr.io/nvidia/pytorch:22.10-py3":                          "",
		"continuumio/miniconda3:4.9.2":                              "",
		"ubuntu:20.04":                                              "",
		"ghcr.example/team/ml-py3.9:latest":                         "",
		"someone/base:cuda-py38":                                    "python ==3.8.*\n",
	} {
		d, err := Reader{}.Read("Dockerfile", []byte("FROM "+image+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(d); got != want || len(d.Lines) != 1 {
			t.Errorf("%s: got %q, want %q; %v", image, got, want, d.Lines)
		}
	}
}

func TestErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                      "Dockerfile has no FROM",
		"RUN x":                 "Dockerfile:1: RUN stands before FROM",
		"FROM a\n{x}":           `Dockerfile:2:1: "{x}" is no instruction of a Dockerfile`,
		"FROM a\nRUN echo 'x":   "",
		"FROM a\nFROBNICATE x":  "",
		"FROM a\nENV":           "",
		"FROM a\nENV A=\"":      "",
		"FROM a\nCOPY x":        "",
		"FROM a\nRUN [\"a\"":    "",
		"FROM a\nCMD":           "",
		"FROM a\nRUN <<E\nx":    "",
		"FROM a\nRUN a \\":      "",
		"FROM a AS b\nFROM b\n": "",
	} {
		_, err := Reader{}.Read("Dockerfile", []byte(src), nil)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("ARG A=1\nFROM x:${A} AS y\nENV B=\"c d\" E=f\nRUN a && \\\n # c\n pip install $B -r r.txt\nCOPY --from=y /venv /venv\nCMD [\"a\"]")
	f.Add("FROM a\nRUN <<EOF\nconda install x=1\nEOF\nENTRYPOINT a b\nCMD c")
	f.Add("FROM python:3.8\nRUN apt-get install -y a=1 b && git clone u && cd u && pip install -e . -c x")
	f.Fuzz(func(t *testing.T, src string) {
		d, err := Reader{}.Read("Dockerfile", []byte(src), func(string) ([]byte, error) { return nil, fs.ErrNotExist })
		if err != nil {
			return
		}
		for _, l := range d.Lines {
			if l.From.File != "Dockerfile" || l.From.Line < 1 {
				t.Fatalf("%+v", l)
			}
		}
	})
}
