package library

import "strings"

// runtimes begin the names of libraries that run code on accelerators, by vendor: what ROCm's, CUDA's, oneAPI's and CANN's own packages
// have. A distribution's build of one is never a stand-in for the one that a wheel was made for, and whether a host has such an accelerator
// no distribution knows.
var runtimes = []string{
	"libamdhip64.so", "libhsa-runtime64.so", "libamd_comgr.so", "librocblas.so", "librocrand.so", "librocsparse.so", "librocsolver.so", "librocfft.so",
	"librocm_smi64.so", "libroctx64.so", "libroctracer64.so", "librocprofiler", "libhipblas", "libhipfft.so", "libhiprand.so", "libhipsparse", "libhipsolver.so",
	"libhiprtc.so", "libMIOpen.so", "librccl.so",
	"libcudart.so", "libcublas.so", "libcublasLt.so", "libcufft.so", "libcurand.so", "libcusolver.so", "libcusparse.so", "libcudnn", "libnccl.so",
	"libnvrtc.so", "libnvJitLink.so", "libcupti.so", "libnvToolsExt.so", "libcufile.so",
	"libze_loader.so", "libsycl.so", "libascendcl.so",
}

func isRuntime(soname string) bool {
	for _, begin := range runtimes {
		if strings.HasPrefix(soname, begin) {
			return true
		}
	}
	return false
}

// forAccelerator tells whether a file that Python code opens is the build for an accelerator whose libraries nothing brings: one of several,
// of which the code opens the one that suits the host, as bitsandbytes has them for each CUDA and ROCm.
func (g *graph) forAccelerator(n *node) bool {
	if !n.opened {
		return false
	}
	for _, soname := range n.Needed {
		if isRuntime(soname) && !g.Brought[soname] && len(g.providers(n, soname)) == 0 {
			return true
		}
	}
	return false
}

// without tells whether a library's name has no version. A distribution's libraries have one, and the name without it only for
// linking: what asks for it was linked with the very build that another wheel has.
func without(soname string) bool { return strings.HasSuffix(soname, ".so") }

// adopts tells whether a file takes libraries of a wheel that its own does not require: it links with one that has no version. So torchcodec,
// which requires nothing, takes torch's.
func (g *graph) adopts(n *node, wheel int) bool {
	if wheel == n.wheel {
		return false
	}
	for _, soname := range n.Needed {
		if !without(soname) {
			continue
		}
		for _, p := range g.byName[soname] {
			if p.wheel == wheel {
				return true
			}
		}
	}
	return false
}
