package cuda

import "testing"

func TestIsDriver(t *testing.T) {
	for name, want := range map[string]bool{
		"libcuda1": true, "cuda-compat-12-9": true, "libnvidia-ml1": true, "libcudadebugger1": true, "libnvcuvid1": true, "libnvoptix1": true,
		"libegl-nvidia0": true, "libglx-nvidia0": true, "libgles-nvidia2": true, "libgl1-nvidia-glvnd-glx": true, "nvidia-fabricmanager-580": true,
		"libnvidia-container1": false, "cuda-cudart-12-9": false, "libcudart12": false, "libcudnn9-cuda-12": false, "libgl1": false, "libegl1": false,
		"libnvrtc12": false, "libxnvctrl0": false, "libnvjitlink12": false, "libnvtoolsext1": false, "nvidia-container-toolkit": false, "nvidia-cuda-toolkit": false,
	} {
		if IsDriver(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
