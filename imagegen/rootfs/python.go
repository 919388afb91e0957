package rootfs

import "path"

// python gives the interpreter its usual names and the folder for local packages, as python3's
// and pythonX.Y's postinst do; `python` itself is the link of Debian's python-is-python3.
func (t *tree) python(version string) {
	name := "python" + version
	if version == "" || !t.exists(path.Join("usr/bin", name)) {
		return
	}
	t.symlink("usr/bin/python3", name)
	t.symlink("usr/bin/python", "python3")
	t.dir(path.Join("usr/local/lib", name), 0o755, 0)
	t.dir(path.Join("usr/local/lib", name, "dist-packages"), 0o755, 0)
}
