package imagegen

import (
	"fmt"
	"path"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/lockfile"
)

// Prefix is the folder of the Python environment, relative to the root.
const Prefix = "opt/env"

// appIDs are the user and group ids of the image's own user, for the config.
var appIDs = fmt.Sprintf("%d:%d", rootfs.AppID, rootfs.AppID)

// EnvironmentFormat names the rules for the environment's skeleton.
const EnvironmentFormat = "environment/1"

// skeleton is the virtual environment without packages, as `python -m venv --without-pip` makes
// it (PEP 405): a pyvenv.cfg beside bin/python is what makes sys.prefix point here.
//
// at is the path of the interpreter, /usr/bin/python3.11 for the distribution's. A free-threaded one has a folder of its own
// for packages, lib/python3.14t, and is called by both names.
func skeleton(t lockfile.Target, at string) []layer.Entry {
	minor := lockfile.MinorOf(t.Python)
	cfg := "home = " + path.Dir(at) + "\n" +
		"include-system-site-packages = false\n" +
		"version = " + t.Python + "\n" +
		"executable = " + at + "\n"
	link := func(p, target string) layer.Entry {
		return layer.Entry{Path: Prefix + "/" + p, Kind: layer.Symlink, Mode: 0o777, Link: target}
	}
	list := []layer.Entry{
		{Path: Prefix + "/pyvenv.cfg", Kind: layer.File, Mode: 0o644, Content: layer.Bytes(cfg)},
		link("bin/python", at),
		link("bin/python3", "python"),
		link("bin/python"+minor, "python"),
		link("lib64", "lib"),
		{Path: Prefix + "/lib/python" + t.Minor() + "/site-packages", Kind: layer.Dir, Mode: 0o755},
	}
	if t.FreeThreaded() {
		list = append(list, link("bin/python"+t.Minor(), "python"))
	}
	return list
}
