// Package imagefile recognises images in files and folders: OCI image layouts, and tar archives of the forms
// that envpack, skopeo and Docker write. It reads a few headers, follows no link, checks no digest and
// writes nothing; what it recognises may still be damaged.
package imagefile

import (
	"archive/tar"
	"os"
	"path"
	"path/filepath"

	"github.com/envpack/envpack/internal/pattern"
)

// headers is how many members of an archive are looked at: more than an image of the most layers that
// engines mount (127) has in Docker's old form, which has four members for each.
const headers = 1024

var (
	// blob is a member of an image layout (OCI image layout, Blobs).
	blob = pattern.New(`^blobs/[a-z0-9]+/[0-9a-f]{32,}$`)
	// dockerPart is a config or layer as Docker's archives without a layout name it.
	dockerPart = pattern.New(`^(sha256:)?[0-9a-f]{64}(\.json|\.tar|\.tar\.gz|/layer\.tar)?$`)
)

// IsLayout tells whether the folder is an OCI image layout: it holds the files oci-layout and index.json.
func IsLayout(dir string) bool {
	for _, name := range []string{"oci-layout", "index.json"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// IsArchive tells whether the regular file is a tar of an image layout or what `docker save` writes, whole or
// cut off. A manifest.json or index.json alone does not make one: other archives have such files too.
func IsArchive(file string) (bool, error) {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := tar.NewReader(f) // seeks over what is not a header
	manifest, part := false, false
	for range headers {
		h, err := r.Next()
		if err != nil { // its end, or no tar at all
			return false, nil
		}
		name := path.Clean(h.Name)
		switch {
		case name == "oci-layout", blob().MatchString(name):
			return true, nil
		case name == "manifest.json":
			manifest = true
		case dockerPart().MatchString(name):
			part = true
		}
		if manifest && part {
			return true, nil
		}
	}
	return false, nil
}
