package lockfile

import (
	"fmt"
	"strings"
	"time"
)

func hex64(s string) string { return strings.Repeat(s, 64/len(s)) }

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// sample is a lock that uses every field.
func sample() *Lock {
	both := func() []string { return []string{"linux/amd64", "linux/arm64"} }
	return &Lock{
		Project: Project{
			Name: "digits", Manifest: hex64("ab"), Groups: []string{"train", "eval"}, WithoutGroups: []string{"lint"}, AsOf: at("2024-03-01T23:59:59Z"),
			Requires: []Dependency{
				{Name: "torch", Targets: []string{"linux/amd64"}},
				{Name: "requests", Extras: []string{"socks", "security"}},
			},
		},
		Image: Image{
			Command: []string{"python", "train.py"}, User: "app", Workdir: "/app",
			Env:   map[string]string{"B": "x \"y\"\n", "A": "", "odd.name": "ü"},
			Ports: []string{"8080/tcp", "53/udp"}, Volumes: []string{"/data"}, Include: []string{"train.py", "src/**"},
			Labels: map[string]string{"org.example.team": "a\\b\t\x01\x7f"},
		},
		GPU: &GPU{
			CUDA: ">=12.4,<13", MinDriver: "535.104.05", Devices: []string{"H100", "A100"}, Require: "cuda>=12.0",
			Targets: []GPUTarget{
				{Platform: "linux/arm64", CUDA: "12"},
				{Platform: "linux/amd64", CUDA: "12.6", Driver: "525.60.13", Base: "debian:12 without CUDA: no wheel asks for a library of CUDA", Reason: "torch 2.2.1+cu126 brings CUDA 12.6 in its wheels."},
			},
		},
		Targets: []Target{
			{Platform: "linux/arm64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"},
			{Platform: "linux/amd64", Python: "3.11.2", ABI: "cp311", Glibc: "2.36"},
		},
		Indexes: []Index{{Name: "pytorch", URL: "https://wheels.example/whl/cu126"}, {Name: "folder", Path: "wheels", Format: FlatIndex}},
		Base: Base{
			Distro: "debian:12", Codename: "bookworm", Format: "rootfs/1", AsOf: at("2024-02-12T00:00:00Z"),
			Archives:     []Archive{{Name: "vendor", URL: "https://apt.example/vendor"}},
			Interpreters: []Interpreter{{Target: "linux/amd64", Version: "3.11.2", Archive: "builds", Path: "2024/python.tar.gz", SHA256: hex64("9"), Size: 30 << 20}},
			Releases:     []Release{{Archive: "debian", Suite: "bookworm", Date: at("2024-02-10T10:00:00Z"), InRelease: hex64("0"), Keys: []string{"F", "E"}}},
			Debs: []Deb{
				{Name: "libc6", Version: "2.36-9", Architecture: "arm64", Archive: "debian", Path: "pool/main/g/glibc/libc6_2.36-9_arm64.deb", SHA256: hex64("2"), Size: 5, Targets: []string{"linux/arm64"}},
				{Name: "libc6", Version: "2.36-9", Architecture: "amd64", Archive: "debian", Path: "pool/main/g/glibc/libc6_2.36-9_amd64.deb", SHA256: hex64("1"), Size: 5, Targets: []string{"linux/amd64"}},
				{Name: "libvendor1", Version: "1", Architecture: "amd64", Archive: "vendor", Path: "libvendor1.deb", SHA256: hex64("8"), Size: 9, System: true, Targets: []string{"linux/amd64"}},
				{Name: "tzdata", Version: "2024a", Architecture: "all", Archive: "debian", Path: "pool/main/t/tzdata/tzdata_2024a_all.deb", SHA256: hex64("3"), Size: 7, Targets: both()},
			},
		},
		Packages: []Package{
			{Name: "torch", Version: "2.2.1+cu126", Index: "pytorch", OwnLayer: true,
				Requires: []Dependency{{Name: "sympy"}},
				Files: []File{{Name: "torch-2.2.1+cu126-cp311-cp311-linux_x86_64.whl", SHA256: hex64("4"), Size: 700 << 20, Uploaded: at("2024-02-22T19:00:00.5Z"), Targets: []string{"linux/amd64"},
					Kernels: []Kernels{
						{Library: "torch/lib/libtorch_cuda.so", Code: []string{"59 sm_90=700000 sm_90a=500000 compute_90@8.5=3000", "417 sm_90=9000000", "prelinked 2 sm_90=500", "embedded 29 sm_90=1919768"}},
						{Library: "torch/lib/libnew.so", Fault: "the CUDA code at 4096 cannot be read"},
					}}}},
			{Name: "sympy", Version: "1.12", Yanked: true,
				Files: []File{{Name: "sympy-1.12-py3-none-any.whl", SHA256: hex64("5"), Size: 5 << 20, Hashed: true, Targets: both()}}},
			{Name: "requests", Version: "2.31.0", Requires: []Dependency{{Name: "numpy", Targets: both()}, {Name: "numpy"}},
				Files: []File{{Name: "requests-2.31.0-py3-none-any.whl", SHA256: hex64("6"), Size: 60000, Uploaded: at("2023-05-22T15:12:42Z"), Targets: both()}}},
			{Name: "numpy", Version: "1.26.4",
				Files: []File{
					{Name: "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", SHA256: hex64("7"), Size: 18 << 20, Uploaded: at("2024-02-05T23:00:00Z"), Targets: []string{"linux/amd64"}},
					{Name: "numpy-1.26.4-cp311-cp311-manylinux_2_17_aarch64.whl", SHA256: hex64("8"), Size: 14 << 20, Uploaded: at("2024-02-05T23:00:01+01:00"), Targets: []string{"linux/arm64"}},
				}},
		},
		Data: []DataFile{
			{To: "/data/labels.txt", Path: "data/labels.txt", SHA256: hex64("1a"), Size: 20, Hashed: true, Targets: both()},
			{To: "/app/models/a.bin", URL: "https://models.example/a.bin", SHA256: hex64("1b"), Size: 7 << 30, Executable: true, Targets: []string{"linux/amd64"}},
			{To: "/app/models/a.bin", URL: "https://models.example/arm/a.bin", SHA256: emptySHA256, Targets: []string{"linux/arm64"}},
		},
		Choices: []Choice{
			{Kind: "library", Name: "awk", Value: "mawk", Reason: "the higher priority"},
			{Kind: "library", Name: "awk", Value: "gawk", Target: "linux/arm64", Reason: "asked for"},
			{Kind: "record", Name: "torch", Value: "one file differs", Target: "linux/amd64"},
		},
		Seals: []Seal{sealOf("linux/amd64")},
	}
}

func sealOf(platform string) Seal {
	return Seal{
		Platform: platform, Environment: "sha256:" + hex64("9"), Project: hex64("a"), Image: "sha256:" + hex64("b"),
		Layers: []SealedLayer{
			{Name: "base", Kind: "rootfs/1", Inputs: hex64("c"), Digest: "sha256:" + hex64("d"), DiffID: "sha256:" + hex64("e"), Size: 12},
			{Name: "torch 2.2.1+cu126", Kind: "wheel/1", Inputs: hex64("c"), Digest: "sha256:" + hex64("f"), DiffID: "sha256:" + hex64("e"), Size: 34},
		},
	}
}

// generated is a valid lock with n packages that depend on each other.
func generated(n int) *Lock {
	l := sample()
	l.Seals = nil
	for i := range n {
		name := fmt.Sprintf("pkg-%03d", i)
		p := Package{Name: name, Version: fmt.Sprintf("1.%d", i), Files: []File{{
			Name: name + "-py3-none-any.whl", SHA256: hex64(fmt.Sprintf("%02x", i%256)), Size: int64(i+1) << 18,
			Uploaded: at("2024-01-01T00:00:00Z"), Targets: []string{"linux/amd64", "linux/arm64"}}}}
		if i > 0 {
			p.Requires = []Dependency{{Name: fmt.Sprintf("pkg-%03d", i-1)}, {Name: "numpy"}}
		}
		l.Packages = append(l.Packages, p)
	}
	return l
}
