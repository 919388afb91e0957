package dockerfile

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/internal/pattern"
)

// image is a reference to one, taken apart.
type image struct {
	name string // without the registry's and Docker's own prefixes: "python", "nvidia/cuda"
	tag  string
}

// ref takes a reference apart.
func ref(text string) image {
	text, _, _ = strings.Cut(text, "@")
	name, tag := text, ""
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, '/') {
		name, tag = text[:i], text[i+1:]
	}
	if first, rest, ok := strings.Cut(name, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		if name = rest; strings.HasPrefix(first, "nvcr.") && !strings.HasPrefix(name, "nvidia/cuda") {
			name = "ngc:" + name
		}
	}
	return image{strings.TrimPrefix(name, "library/"), tag}
}

var (
	pythonTag     = pattern.New(`^([23]\.[0-9]+)(?:\.[0-9]+)?(?:(?:rc|a|b)[0-9]+)?(?:-|$)`)
	versionTag    = pattern.New(`^([0-9]+(?:\.[0-9]+)+)`)
	torchTag      = pattern.New(`^([0-9]+\.[0-9]+\.[0-9]+)-cuda([0-9]+\.[0-9]+)`)
	cudaTag       = pattern.New(`^([0-9]+\.[0-9]+)`)
	tensorflowTag = pattern.New(`^([0-9]+\.[0-9]+\.[0-9]+)(rc[0-9]+)?`)
	pythonInTag   = pattern.New(`(?:py|python)-?([23])\.?([0-9]{1,2})(?:[.-]|$)`)
)

// base reads what the image that a stage stands on says by its name.
func (r *reader) base(s *stage) {
	in := s.from
	text, known := shell.Expand(s.base, s.given)
	from := r.origin(in)
	if !known {
		r.note(in, draft.Left, "its name has a variable without a value")
		return
	}
	i := ref(text)
	var said []string
	python := func(minor string) {
		r.out.Pythons = append(r.out.Pythons, draft.Python{Specifier: "==" + minor + ".*", From: from, Comment: "of the image " + text})
		said = append(said, "Python "+minor)
	}
	cuda := func(version string) {
		r.out.CUDA = append(r.out.CUDA, draft.CUDA{Version: "auto", From: from,
			Comment: fmt.Sprintf("the image %s; wheels bring the CUDA that they were built with, and %q instead of auto holds them to that", text, version)})
		said = append(said, "CUDA "+version)
	}
	require := func(requirement string) {
		r.out.Requirements = append(r.out.Requirements, draft.Requirement{Text: requirement, From: from, Comment: "of the image " + text})
		said = append(said, requirement)
	}
	if m := pythonInTag().FindStringSubmatch(i.tag); m != nil && i.name != "python" {
		python(m[1] + "." + m[2])
	}
	switch {
	case i.name == "scratch" || i.name == "busybox":
		r.note(in, draft.Passed, "nothing is in it")
		return
	case i.name == "python" || i.name == "pypy" || strings.HasSuffix(i.name, "/python"):
		if m := pythonTag().FindStringSubmatch(i.tag); m != nil {
			python(m[1])
		}
	case i.name == "nvidia/cuda" || i.name == "nvidia/cudagl" || i.name == "ngc:nvidia/cuda":
		if m := cudaTag().FindStringSubmatch(i.tag); m != nil {
			cuda(m[1])
		}
	case i.name == "pytorch/pytorch":
		if m := torchTag().FindStringSubmatch(i.tag); m != nil {
			require("torch==" + m[1])
			require("torchvision")
			cuda(m[2])
		} else if m := versionTag().FindStringSubmatch(i.tag); m != nil {
			require("torch==" + m[1])
		}
	case i.name == "tensorflow/tensorflow":
		if m := tensorflowTag().FindStringSubmatch(i.tag); m != nil {
			name := "tensorflow"
			if strings.Contains(i.tag, "gpu") && strings.HasPrefix(m[1], "1.") && !strings.HasPrefix(m[1], "1.15.") {
				name = "tensorflow-gpu" // before 1.15 the package without a suffix was for processors alone
			}
			require(name + "==" + m[1] + m[2])
		}
	case strings.HasSuffix(i.name, "miniconda3") || strings.HasSuffix(i.name, "anaconda3") || strings.HasSuffix(i.name, "miniforge3") || strings.HasSuffix(i.name, "mambaforge") ||
		strings.HasSuffix(i.name, "miniforge") || strings.HasSuffix(i.name, "micromamba") || i.name == "continuumio/miniconda" || i.name == "continuumio/anaconda":
		if len(said) == 0 {
			r.note(in, draft.Passed, "conda installs what the file asks for")
			return
		}
	case distribution(i):
		r.note(in, draft.Passed, "the manifest's Python settles which distribution an image is of; system.distro names one")
		return
	}
	if len(said) == 0 {
		r.note(in, draft.Left, "what is in the image does not show in its name")
		return
	}
	r.note(in, draft.Mapped, "%s", strings.Join(said, ", "))
}

func distribution(i image) bool {
	switch i.name {
	case "ubuntu", "debian", "buildpack-deps", "bitnami/minideb", "alpine", "centos", "fedora", "rockylinux", "almalinux", "amazonlinux", "archlinux":
		return true
	}
	return strings.HasPrefix(i.name, "debian/") || strings.HasPrefix(i.name, "ubuntu/")
}
