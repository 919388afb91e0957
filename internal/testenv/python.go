package testenv

import (
	"archive/tar"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PythonArchive makes an archive of a relocatable interpreter for linux/amd64 with little in it, of the form of
// python-build-standalone's. A t behind the version makes it a free-threaded build. needed are sonames that its program needs besides the C library.
func PythonArchive(version string, needed ...string) []byte {
	version, threaded := strings.CutSuffix(version, "t")
	parts := strings.SplitN(version, ".", 3)
	minor := parts[0] + "." + parts[1]
	if threaded {
		minor += "t"
	}
	program := ELF{Loader: "/lib64/ld-linux-x86-64.so.2", Needed: append([]string{"libc.so.6"}, needed...)}
	files := map[string]string{
		"bin/python" + minor:                                                string(program.Bytes()),
		"include/python" + minor + "/patchlevel.h":                          fmt.Sprintf("#define PY_VERSION      \t%q\n", version),
		"lib/python" + minor + "/os.py":                                     "# os of " + version + "\n",
		"lib/python" + minor + "/_sysconfigdata__linux_x86_64-linux-gnu.py": "build_time_vars = {'CC': 'clang -pthread',\n 'LIBDIR': '/install/lib',\n 'prefix': '/install'}\n",
	}
	var headers []*tar.Header
	for _, p := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o644)
		if strings.HasPrefix(p, "bin/") {
			mode = 0o755
		}
		headers = append(headers, &tar.Header{Name: "python/" + p, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(files[p]))})
	}
	return Gzip(tarball(headers, func(p string) string { return files[strings.TrimPrefix(p, "python/")] }))
}
