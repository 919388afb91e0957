package testenv

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"strings"
	"time"
)

// Sdist makes a source distribution (PEP 625) of files by their paths below its folder, such as
// PKG-INFO and pyproject.toml.
func Sdist(name, version string, files map[string]string) (filename string, content []byte) {
	stem := strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToLower(name)) + "-" + version
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{
			Name: stem + "/" + path, Size: int64(len(files[path])), Mode: 0o644, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0),
		}
		if err := t.WriteHeader(header); err != nil {
			panic(err) // a test's mistake; a buffer takes everything
		}
		t.Write([]byte(files[path]))
	}
	t.Close()
	z.Close()
	return stem + ".tar.gz", b.Bytes()
}
