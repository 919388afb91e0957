package testenv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// CUDA makes an image like one of NVIDIA's: the libraries of a version of CUDA ("12.9"), named by what programs ask for, lie below
// /usr/local, where only /etc/ld.so.cache leads, and the configuration names drivers and folders as theirs does.
func (o *ImageOptions) CUDA(version string, libraries ...string) {
	if o.Files == nil {
		o.Files = map[string]string{}
	}
	if o.Links == nil {
		o.Links = map[string]string{}
	}
	top := "usr/local/cuda-" + version
	folder := top + "/targets/x86_64-linux/lib"
	for _, p := range []string{"usr/local/", top + "/", top + "/targets/", top + "/targets/x86_64-linux/", folder + "/", "etc/ld.so.conf.d/"} {
		o.Files[p] = ""
	}
	o.Links["usr/local/cuda"] = "cuda-" + version
	o.Links[top+"/lib64"] = "targets/x86_64-linux/lib"
	o.Files["etc/ld.so.conf"] = "include /etc/ld.so.conf.d/*.conf\n"
	o.Files["etc/ld.so.conf.d/000_cuda.conf"] = "/usr/local/cuda/targets/x86_64-linux/lib\n"
	o.Files["etc/ld.so.conf.d/nvidia.conf"] = "/usr/local/nvidia/lib\n/usr/local/nvidia/lib64\n"
	for _, name := range libraries {
		full := name + ".9.9" // as libcublas.so.12 leads to libcublas.so.12.9.1.4
		o.Files[folder+"/"+full] = string(ELF{Soname: name}.Bytes())
		o.Links[folder+"/"+name] = full
	}
	o.Files["etc/ld.so.cache"] = string(linkerCache("/usr/local/cuda/targets/x86_64-linux/lib", libraries))
	o.Env = append(o.Env,
		"CUDA_VERSION="+version+".1", "NVARCH=x86_64", "NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
		fmt.Sprintf("NVIDIA_REQUIRE_CUDA=cuda>=%s brand=tesla,driver>=535,driver<536 brand=quadro,driver>=550,driver<551", version),
		"LD_LIBRARY_PATH=/usr/local/cuda/lib64",
	)
}

// linkerCache is /etc/ld.so.cache in its newer form (glibc, sysdeps/generic/dl-cache.h), for libraries of amd64 in a folder.
func linkerCache(folder string, names []string) []byte {
	sorted := slices.Sorted(slices.Values(names))
	slices.Reverse(sorted) // as ldconfig has them
	const header, entry = 48, 24
	at := header + entry*len(sorted)
	var table, text bytes.Buffer
	number := func(n int) {
		if err := binary.Write(&table, binary.LittleEndian, uint32(n)); err != nil {
			panic(err)
		}
	}
	for _, name := range sorted {
		number(0x0303) // ELF, glibc, x86-64
		number(at + text.Len())
		text.WriteString(name + "\x00")
		number(at + text.Len())
		text.WriteString(folder + "/" + name + "\x00")
		number(0) // no version of the system
		number(0) // no capabilities
		number(0)
	}
	var b bytes.Buffer
	b.WriteString("glibc-ld.so.cache1.1")
	for _, n := range []uint32{uint32(len(sorted)), uint32(text.Len()), 2, 0, 0, 0, 0} {
		if err := binary.Write(&b, binary.LittleEndian, n); err != nil {
			panic(err)
		}
	}
	b.Write(table.Bytes())
	b.Write(text.Bytes())
	return b.Bytes()
}

// release is what an image's os-release says, and the version of glibc that the distribution has.
func (o ImageOptions) release() (text, glibc string) {
	if o.Distro == "" {
		return "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "2.36"
	}
	id, version, _ := strings.Cut(o.Distro, ":")
	codename := map[string]string{"20.04": "focal", "22.04": "jammy", "24.04": "noble"}[version]
	glibc = map[string]string{"20.04": "2.31", "22.04": "2.35", "24.04": "2.39"}[version]
	return fmt.Sprintf("ID=%s\nVERSION_ID=\"%s\"\nVERSION_CODENAME=%s\nPRETTY_NAME=\"%s\"\n", id, version, codename, o.Distro), glibc
}
