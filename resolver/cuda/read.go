package cuda

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/fatbin"
	"github.com/envpack/envpack/lockfile"
)

// Read is what counts of a wheel's ELF files.
func Read(objects []elffile.Object) Reading {
	var r Reading
	for i := range objects {
		o := &objects[i]
		if o.CUDA != nil {
			r.Code = append(r.Code, Binary{o.Path, o.CUDA})
		}
		if o.CUDAFault != "" {
			r.Faults = append(r.Faults, o.Path+": "+o.CUDAFault)
		}
		for _, soname := range o.Needed {
			if !slices.Contains(r.Needed, soname) {
				r.Needed = append(r.Needed, soname)
			}
		}
	}
	return r
}

// ReadKernels is what a lock says of a wheel's libraries. Errors: code of a form that is not known.
func ReadKernels(kernels []lockfile.Kernels) (Reading, error) {
	var r Reading
	for _, k := range kernels {
		if k.Fault != "" {
			r.Faults = append(r.Faults, k.Library+": "+k.Fault)
			continue
		}
		code, err := fatbin.Parse(k.Code)
		if err != nil {
			return r, err
		}
		r.Code = append(r.Code, Binary{k.Library, code})
	}
	return r, nil
}

// driverPackages are beginnings of the names of packages that have a part of the driver: Debian's, Ubuntu's and NVIDIA's.
var driverPackages = []string{
	"cuda-compat-", "cuda-drivers", "libcuda1", "libcudadebugger", "libegl-nvidia", "libgl1-nvidia", "libgles-nvidia", "libglx-nvidia", "libnvcuvid", "libnvidia-",
	"libnvoptix", "nvidia-compute-utils", "nvidia-dkms", "nvidia-driver", "nvidia-fabricmanager", "nvidia-firmware",
	"nvidia-headless", "nvidia-kernel", "nvidia-legacy", "nvidia-modprobe", "nvidia-open", "nvidia-opencl-icd", "nvidia-persistenced", "nvidia-smi",
	"nvidia-tesla", "nvidia-utils", "xserver-xorg-video-nvidia",
}

// IsDriver tells whether a package of a distribution has a part of NVIDIA's driver. That belongs to the host, whose kernel
// it must fit; the container runtime puts it into the container.
func IsDriver(name string) bool {
	return !strings.HasPrefix(name, "libnvidia-container") && slices.ContainsFunc(driverPackages, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}
