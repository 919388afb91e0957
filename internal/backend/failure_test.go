package backend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExplain has lines as the programs of different years print them.
func TestExplain(t *testing.T) {
	for log, want := range map[string]Failure{
		"Traceback:\nModuleNotFoundError: No module named 'numpy'\n":                                                                                                   {Module: "numpy"},
		"Traceback:\nImportError: No module named Cython.Build\n":                                                                                                      {Module: "Cython.Build"},
		"  x.c:3:10: fatal error: png.h: No such file or directory\nerror: command 'gcc' failed with exit status 1":                                                    {Header: "png.h"},
		"x.cc:3:10: fatal error: 'boost/python.hpp' file not found\n":                                                                                                  {Header: "boost/python.hpp"},
		"a.cpp:1:10: fatal error: Eigen/Dense: No such file or directory\n":                                                                                            {Header: "Eigen/Dense"},
		"cc1: fatal error: a.c: No such file or directory\n":                                                                                                           {},
		"/usr/bin/ld: cannot find -lblas: No such file or directory\ncollect2: error: ld returned 1 exit status":                                                       {Library: "blas"},
		"unable to execute 'x86_64-linux-gnu-gcc': No such file or directory\nerror: command 'x86_64-linux-gnu-gcc' failed with exit status 1":                         {Program: "gcc"},
		"error: command 'gcc' failed: No such file or directory\n":                                                                                                     {Program: "gcc"},
		"error: command '/usr/bin/g++' failed with exit code 1\n":                                                                                                      {},
		"FileNotFoundError: [Errno 2] No such file or directory: 'cmake'\n":                                                                                            {Program: "cmake"},
		"FileNotFoundError: [Errno 2] No such file or directory: 'README.md'\n":                                                                                        {},
		"FileNotFoundError: [Errno 2] No such file or directory: 'requirements/base'\n":                                                                                {},
		"/bin/sh: 1: pkg-config: not found\nerror: x\n":                                                                                                                {Program: "pkg-config"},
		"RuntimeError: CMake must be installed to build the following extensions: a\n":                                                                                 {Program: "cmake"},
		"OSError: mysql_config not found\n":                                                                                                                            {Program: "mysql_config"},
		"Error: pg_config executable not found.\n":                                                                                                                     {Program: "pg_config"},
		"Error: pg_config executable not found.\n\nPlease add it.\nTraceback (most recent call last):\n" + strings.Repeat("  File x\n    y\n", 40) + "SystemExit: 1\n": {Program: "pg_config"},
		"error: can't find Rust compiler\n":                                                                                                                            {Program: "cargo"},
		"OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.\n":                                                               {Program: "nvcc"},
		"Package cairo was not found in the pkg-config search path.\n":                                                                                                 {Config: "cairo"},
		"No package 'libffi' found\n":                                                                                                                                  {Config: "libffi"},
		"../meson.build:3:0: ERROR: Dependency \"openblas\" not found, tried pkgconfig and cmake\n":                                                                    {Config: "openblas"},
		"x.c: fatal error: y.h: No such file or directory\nModuleNotFoundError: No module named 'z'\n":                                                                 {Header: "y.h"},
		"urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>\n":                                                                     {Network: true},
		"error: Could not find suitable distribution for Requirement.parse('x')\n":                                                                                     {Network: true},
		"cc1plus: out of memory allocating 65536 bytes\n":                                                                                                              {Limit: "memory"},
		"error: invalid command 'bdist_wheel'\n":                                                                                                                       {Module: "wheel"},
		"RuntimeError: Cython is required to build this\n":                                                                                                             {Module: "Cython"},
		"Could not locate executable gfortran\n" + lines(60) + "AttributeError: x\n":                                                                                   {},
	} {
		got := Failure{}
		got.explain(log, "", "exit status 1")
		if got.Reason == "" {
			t.Errorf("%q: no reason", log)
		}
		got.Reason = ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", log, diff)
		}
	}
}

func lines(n int) (text string) {
	for range n {
		text += "checking\n"
	}
	return text
}

// TestExplainByException takes the import that failed rather than what was printed before.
func TestExplainByException(t *testing.T) {
	f := Failure{}
	f.explain("nvcc was not found\nSystemExit: please install it\n", "torch", "SystemExit: please install it")
	if f.Module != "torch" || f.Program != "" {
		t.Errorf("%+v", f)
	}
}
