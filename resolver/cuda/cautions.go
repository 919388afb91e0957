package cuda

import (
	"fmt"
	"slices"
	"strings"
)

// compatPackage is how NVIDIA's packages with a newer driver's libraries begin.
const compatPackage = "cuda-compat-"

// libraryPath is the variable by which the dynamic linker looks in other folders first (ld.so(8)).
const libraryPath = "LD_LIBRARY_PATH"

// Compat is what says that an image has the libraries of a newer driver: the name of a package; "" if none does.
func Compat(packages []string) string {
	i := slices.IndexFunc(packages, func(name string) bool { return strings.HasPrefix(name, compatPackage) })
	if i < 0 {
		return ""
	}
	return packages[i]
}

// Cautions says what of an image that is stood upon may come in the way on some hosts, as sentences without a full stop. compat is what says that
// it has the libraries of a newer driver, "" if it has none; env are the NAME=VALUE of what is built, or of the image itself with what the manifest
// sets in own.
func Cautions(image, compat string, env []string, own map[string]string) []string {
	var list []string
	if compat != "" {
		list = append(list, fmt.Sprintf("%s has %s, the libraries of a newer driver, which NVIDIA's container runtime prefers to those of a host whose driver is older: "+
			"on GeForce cards, which they are not made for, CUDA then fails with error 804", image, compat))
	}
	if _, set := own[libraryPath]; set {
		return list
	}
	for _, e := range env {
		if folders, ok := strings.CutPrefix(e, libraryPath+"="); ok && folders != "" {
			list = append(list, fmt.Sprintf("%s sets %s=%s, and what lies there is found before the libraries that wheels have paths to; "+
				"another value in [image.env] replaces it", image, libraryPath, folders))
		}
	}
	return list
}

// EnvCuDNN is the cuDNN that the variables of NVIDIA's images name; ok is false where none do.
func EnvCuDNN(env []string) (v Version, ok bool) {
	for _, e := range env {
		if text, is := strings.CutPrefix(e, "NV_CUDNN_VERSION="); is {
			numbers, _, _ := strings.Cut(text, "-")
			v, err := ParseVersion(numbers)
			return v, err == nil
		}
	}
	return Version{}, false
}
