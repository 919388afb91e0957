package conda

import (
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// TestFacts: every name stands in one table, and what the tables say can be read.
func TestFacts(t *testing.T) {
	f, err := readFacts(factsText, "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	enter := func(name, where string) {
		if seen[name] != "" {
			t.Errorf("%s stands in %s and in %s", name, seen[name], where)
		}
		if name != strings.ToLower(name) {
			t.Errorf("%s is not in lower case", name)
		}
		seen[name] = where
	}
	for _, p := range f.Project {
		if p.Source == "" || p.Index == "" {
			t.Errorf("%v lacks a source or an index", p.Conda)
		}
		if p.First != "" {
			pep440.MustParse(p.First)
		}
		for _, with := range append([]string{p.Index}, p.With...) {
			if _, err := pep508.Parse(with); err != nil {
				t.Errorf("%v: %v", p.Conda, err)
			}
		}
		for _, name := range p.Conda {
			enter(name, "[[project]]")
		}
	}
	for name, index := range f.Names {
		enter(name, "[names]")
		if _, err := pep508.Parse(index); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range f.System {
		enter(name, "[system]")
	}
	for name := range f.Newer {
		enter(name, "[newer]")
	}
	for name := range f.passed {
		enter(name, "[[passed]]")
	}
	for name := range f.left {
		enter(name, "[[left]]")
	}
	for _, name := range slices.Concat(f.CUDA.Version, f.CUDA.Passed, f.CUDA.CPU) {
		enter(name, "[cuda]")
	}
}

func TestWhat(t *testing.T) {
	for spec, want := range map[string]kind{
		"pytorch":                               ofIndex,
		"numpy":                                 ofIndex,
		"librosa":                               ofIndex, // of conda-forge's mapping, in spite of its form
		"libcst=1.0":                            ofIndex,
		"libpng":                                ofNothing,
		"yaml":                                  ofNothing,
		"pyyaml":                                ofIndex,
		"r-ggplot2":                             ofConda,
		"bioconductor-deseq2":                   ofConda,
		"gcc_linux-64":                          ofSystem,
		"gxx_linux-64=9.3":                      ofSystem,
		"ld_impl_linux-64":                      ofNothing,
		"_libgcc_mutex":                         ofNothing,
		"cudatoolkit=11.3":                      ofCUDA,
		"cudnn=8.2":                             ofNothing,
		"cuda-nvrtc-dev":                        ofNothing,
		"nvidia::cuda-cccl=12.4":                ofNothing,
		"cpuonly":                               ofCPU,
		"ffmpeg":                                ofSystem,
		"psi4":                                  ofConda,
		"anaconda":                              ofConda,
		"wget=1.20.1=h22169c7_0":                ofSystem,
		"python-wget":                           ofIndex,
		"neverheard":                            ofIndex,
		"neverheard=1.0=h7f98852_4":             ofNothing, // built for no Python
		"neverheard=1.0=py38h7f98852_4":         ofIndex,
		"libneverheard=1.0=py38h7f98852_4":      ofIndex,
		"libneverheard=1.0":                     ofNothing,
		"neverheard=1.0=0":                      ofIndex, // says nothing
		"mesa-libgl-devel-cos6-x86_64=11":       ofNothing,
		"xorg-libxau":                           ofNothing,
		"aws-c-common=0.8":                      ofNothing,
		"pytorch-mutex=1.0=cuda":                ofNothing,
		"awkward-cpp":                           ofIndex,
		"conda":                                 ofNothing,
		"vs2015_runtime":                        ofNothing,
		"graphviz":                              ofSystem,
		"python-graphviz":                       ofIndex,
		"snappy":                                ofNothing,
		"python-snappy":                         ofIndex,
		"tensorflow-estimator=2.4=pyh30cea3c_0": ofIndex,
	} {
		s, err := ParseSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, why, _ := table().what(s); got != want {
			t.Errorf("%s: %d (%s), want %d", spec, got, why, want)
		}
	}
}

func TestCUDAOfBuild(t *testing.T) {
	for build, want := range map[string]string{
		"py3.8_cuda11.1_cudnn8.0.5_0":    "11.1",
		"py3.6_cuda9.0.176_cudnn7.3.0_0": "9.0",
		"cuda112py38h3d13190_1":          "11.2",
		"cuda_11.8_py39":                 "11.8",
		"py38_cu111":                     "11.1",
		"py37_cu92":                      "9.2",
		"cuda100py36":                    "10.0",
		"cuda120_py310h2c4c2b9_302":      "12.0",
		"*cuda11.7*":                     "11.7",
		"*cuda*":                         "",
		"gpu_py38h8a7d6ce_0":             "",
		"py38h578d9bd_0":                 "",
		"cpu_py38h91ab35c_0":             "",
		"pyhd8ed1ab_0":                   "",
	} {
		if got := cudaOfBuild(build); got != want {
			t.Errorf("%s: %q, want %q", build, got, want)
		}
	}
}

// TestChoose: what the index has of a project, by versions, builds and the day.
func TestChoose(t *testing.T) {
	for _, c := range []struct{ spec, day, cuda, want string }{
		{"opencv=4.5.1", "", "", "opencv-python==4.5.1.*"},
		{"opencv=4.5.1=py38h_0", "", "", "opencv-python==4.5.1.*"},
		{"py-opencv>=4.1,<=4.5.1", "", "", "opencv-python>=4.1,<4.5.2"},
		{"opencv>4.5", "", "", "opencv-python>=4.5.1"},
		{"opencv==4.5", "", "", "opencv-python==4.5.0.*"},
		{"opencv=4.5", "", "", "opencv-python==4.5.*"},
		{"opencv!=4.5.1", "", "", "opencv-python!=4.5.1.*"},
		{"rdkit", "2018-01-16", "", ""},
		{"rdkit", "2021-10-01", "", "rdkit-pypi"},
		{"rdkit", "2023-10-01", "", "rdkit"},
		{"rdkit", "", "", "rdkit"},
		{"rdkit=2021.09.4", "", "", "rdkit-pypi==2021.09.4.*"},
		{"rdkit=2019.03", "", "", ""},
		{"openmm=7.5.1", "", "", ""},
		{"openmm>=7", "", "", "openmm>=7"},
		{"openmm", "2022-07-31", "", ""},
		{"tensorflow-gpu=1.8.0", "", "", "tensorflow-gpu==1.8.0.*"},
		{"tensorflow-gpu=2.4.1", "", "", "tensorflow==2.4.1.*"},
		{"tensorflow-gpu", "", "", "tensorflow-gpu<2.12"},
		{"tensorflow=1.14.0=gpu_py37h74c33d7_0", "", "", "tensorflow-gpu==1.14.0"},
		{"tensorflow=1.15.0=gpu_py37h0f0df58_0", "", "", "tensorflow==1.15.0"},
		{"tensorflow=1.14.0=mkl_py37h45c423b_0", "", "", "tensorflow==1.14.0"},
		{"tensorflow", "", "", "tensorflow"},
		{"cupy=8.3", "", "10.2", "cupy-cuda102==8.3.*"},
		{"cupy=11", "", "11.3", "cupy-cuda11x==11.*"},
		{"cupy=9.0", "", "11.3", "cupy-cuda113==9.0.*"},
		{"cupy", "", "12.1", "cupy-cuda12x"},
		{"cupy", "", "", "cupy"},
		{"dgl-cuda11.1", "", "", "dgl"},
		{"faiss-gpu=1.7.2", "", "", ""},
	} {
		s, err := ParseSpec(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseVersion(s.Version)
		if err != nil {
			t.Fatal(err)
		}
		p := &packages{facts: table(), asOf: c.day, cuda: c.cuda}
		pr := p.facts.projects[s.Name]
		if pr == nil {
			if c.want != "" {
				t.Errorf("%s: no facts", c.spec)
			}
			continue
		}
		got := ""
		if choice, ok := p.choose(pr, s, b); ok {
			got = choice.name + choice.bounds.Text
		} else if p.lacking(pr, b) == "" {
			t.Errorf("%s: no reason", c.spec)
		}
		if got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.spec, c.day, got, c.want)
		}
	}
}
