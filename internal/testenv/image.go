package testenv

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ImageOptions say what is in an image made by NewImage. The zero value is a small Debian 12 without Python.
type ImageOptions struct {
	Architecture string            // default amd64
	Python       string            // full version of an interpreter in /usr/bin; with a t behind it a free-threaded one
	Musl         string            // the C library is musl, of this version ("?": of one that it does not tell), on Alpine Linux
	Foreign      bool              // the layer may not be passed on
	Files        map[string]string // further files; a path that ends in a slash is a folder
	Modes        map[string]uint32 // instead of 0644 (folders 0755)
	Owners       map[string][2]int // UID and GID instead of 0, 0
	Links        map[string]string // symlinks
	Distro       string            // "ubuntu:22.04"; "" is Debian 12
	Packages     []string          // further packages, NAME=VERSION
	Env          []string
	Entrypoint   []string
}

// Image is a container image of one layer, as documents and blobs. Nothing in it could run.
type Image struct {
	Manifest []byte
	Digest   string            // of the manifest
	Blobs    map[string][]byte // config and layer by digest
}

// The media types of the OCI image specification.
const (
	imageManifest = "application/vnd.oci.image.manifest.v1+json"
	imageConfig   = "application/vnd.oci.image.config.v1+json"
	imageLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	foreignLayer  = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
)

// NewImage makes an image that others can stand on: an os-release, dpkg's database, account tables, a C library and a
// Python that say their versions.
func NewImage(o ImageOptions) Image {
	if o.Architecture == "" {
		o.Architecture = "amd64"
	}
	plain := o.tar()
	return o.image(plain, Gzip(plain))
}

// NewImageOf is NewImage with another layer: stored is what is there, and plain its tar, as the image says.
func NewImageOf(stored, plain []byte) Image {
	return ImageOptions{Architecture: "amd64"}.image(plain, stored)
}

// Tar is the tar of the layer that the image has.
func (o ImageOptions) Tar() []byte { return o.tar() }

func (o ImageOptions) image(plain, layer []byte) Image {
	media := imageLayer
	if o.Foreign {
		media = foreignLayer
	}
	config := document(map[string]any{
		"created": "2026-01-02T03:04:05Z", "os": "linux", "architecture": o.Architecture,
		"config":  map[string]any{"Env": append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, o.Env...), "Entrypoint": o.Entrypoint, "Cmd": []string{"bash"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{blobDigest(plain)}},
		"history": []any{map[string]any{"created": "2026-01-02T03:04:05Z", "created_by": "a test"}},
	})
	manifest := document(map[string]any{
		"schemaVersion": 2, "mediaType": imageManifest,
		"config": map[string]any{"mediaType": imageConfig, "digest": blobDigest(config), "size": len(config)},
		"layers": []any{map[string]any{"mediaType": media, "digest": blobDigest(layer), "size": len(layer)}},
	})
	return Image{manifest, blobDigest(manifest), map[string][]byte{blobDigest(config): config, blobDigest(layer): layer}}
}

func document(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func blobDigest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func (o ImageOptions) tar() []byte {
	machine, triplet, loader := elf.EM_X86_64, "x86_64-linux-gnu", "/lib64/ld-linux-x86-64.so.2"
	if o.Architecture == "arm64" {
		machine, triplet, loader = elf.EM_AARCH64, "aarch64-linux-gnu", "/lib/ld-linux-aarch64.so.1"
	}
	release, glibc := o.release()
	files := map[string]string{
		"etc/": "", "usr/": "", "usr/bin/": "", "usr/lib/": "", "opt/": "", "home/": "", "var/": "", "var/lib/": "", "var/lib/dpkg/": "",
		"usr/lib/os-release": release,
		"etc/passwd":         "root:x:0:0:root:/root:/bin/bash\n", "etc/group": "root:x:0:\nshadow:x:42:\n", "etc/shadow": "root:*:19000:0:99999:7:::\n",
		"var/lib/dpkg/info/format": "1\n",
	}
	libc := ELF{Machine: machine, Soname: "libc.so.6"}
	if o.Musl != "" {
		loader = "/lib/ld-musl-x86_64.so.1"
		files["usr/lib/ld-musl-x86_64.so.1"] = string(ELF{Machine: machine, Soname: "libc.musl-x86_64.so.1"}.Bytes()) +
			"\x00musl libc (x86_64)\nVersion %s\n\x00" + o.Musl + "\x00"
		files["usr/lib/os-release"] = "ID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n"
	} else {
		files["usr/lib/"+triplet+"/libc.so.6"] = string(libc.Bytes()) + fmt.Sprintf("\x00GNU C Library (Debian GLIBC %s-9) stable release version %s.\n", glibc, glibc)
		files["usr/lib/"+triplet+"/ld.so"] = string(ELF{Machine: machine}.Bytes())
	}
	packages := append([]string{"libc6=" + glibc + "-9"}, o.Packages...)
	modes := map[string]uint32{"etc/shadow": 0o640}
	if o.Python != "" {
		version, threaded := strings.CutSuffix(o.Python, "t")
		minor := version[:strings.LastIndex(version, ".")]
		if threaded {
			minor += "t"
		}
		lib := "usr/lib/python" + minor + "/"
		files["usr/bin/python"+minor] = string(ELF{Machine: machine, Loader: loader}.Bytes()) + "\x00" + version + "\x00"
		modes["usr/bin/python"+minor] = 0o755
		for _, name := range []string{"os.py", "json/__init__.py", "ctypes/__init__.py", "venv/__init__.py"} {
			files[lib+name] = ""
		}
		packages = append(packages, "python"+minor+"="+o.Python+"-6")
	}
	var status strings.Builder
	for _, p := range packages {
		name, version, _ := strings.Cut(p, "=")
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: %s\nVersion: %s\nDescription: made by a test\n\n", name, o.Architecture, version)
	}
	files["var/lib/dpkg/status"] = status.String()
	if o.Musl != "" {
		delete(files, "var/lib/dpkg/status")
		delete(files, "var/lib/dpkg/info/format")
		delete(files, "var/lib/dpkg/")
	}
	maps.Copy(files, o.Files)
	maps.Copy(modes, o.Modes)

	var b bytes.Buffer
	w := tar.NewWriter(&b)
	write := func(h *tar.Header, content string) {
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			panic(err)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: p, Mode: 0o644, Size: int64(len(files[p])), Uid: o.Owners[p][0], Gid: o.Owners[p][1]}
		if strings.HasSuffix(p, "/") {
			h.Typeflag, h.Mode, h.Size = tar.TypeDir, 0o755, 0
		}
		if mode, ok := modes[p]; ok {
			h.Mode = int64(mode)
		}
		write(h, files[p][:h.Size])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Links)) {
		write(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: o.Links[name], Mode: 0o777}, "")
	}
	for _, link := range [][2]string{{"bin", "usr/bin"}, {"etc/os-release", "../usr/lib/os-release"}, {"lib", "usr/lib"}, {"lib64", "usr/lib"}} {
		write(&tar.Header{Typeflag: tar.TypeSymlink, Name: link[0], Linkname: link[1], Mode: 0o777}, "")
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// WriteLayout writes the image as an OCI layout, over an older one.
func (i Image) WriteLayout(dir string) error {
	index := document(map[string]any{"schemaVersion": 2, "manifests": []any{
		map[string]any{"mediaType": imageManifest, "digest": i.Digest, "size": len(i.Manifest)},
	}})
	files := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": index}
	for digest, data := range i.Blobs {
		files["blobs/sha256/"+strings.TrimPrefix(digest, "sha256:")] = data
	}
	files["blobs/sha256/"+strings.TrimPrefix(i.Digest, "sha256:")] = i.Manifest
	for p, data := range files {
		p = filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(p, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Push puts the image into a registry that asks for no name, under a reference of it: "127.0.0.1:5000/base/x:v1".
func (i Image) Push(reference string) error {
	host, rest, _ := strings.Cut(reference, "/")
	repository, tag, _ := strings.Cut(rest, ":")
	at := "http://" + host + "/v2/" + repository
	send := func(method, url, media string, data []byte) error {
		request, err := http.NewRequest(method, url, bytes.NewReader(data))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", media)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode/100 != 2 {
			return fmt.Errorf("%s %s: %s", method, url, response.Status)
		}
		return nil
	}
	for digest, data := range i.Blobs {
		if err := send(http.MethodPost, at+"/blobs/uploads/?digest="+digest, "application/octet-stream", data); err != nil {
			return err
		}
	}
	return send(http.MethodPut, at+"/manifests/"+tag, imageManifest, i.Manifest)
}
