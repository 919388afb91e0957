package main

import (
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/testenv"
)

// image makes an image to stand on, in the folder oci:DIR or under the name REPOSITORY:TAG in the registry, and sets
// $DIGEST to its digest. Keys: python=VERSION, arch=, package=NAME_VERSION, env=NAME_VALUE, file=PATH (with a line of
// text; a folder ends in a slash), os=DISTRO:VERSION, cuda=VERSION:LIBRARY,… (as NVIDIA's images have it), owned=PACKAGE:PATH,
// folder=PATH:MODE:UID:GID, user=NAME:ID, musl=VERSION, foreign=.
func (w *world) image(ts *testscript.TestScript, args []string) {
	if len(args) == 0 {
		ts.Fatalf("want NAME [KEY=VALUE]...")
	}
	o := testenv.ImageOptions{Files: map[string]string{}, Modes: map[string]uint32{}, Owners: map[string][2]int{}}
	for _, arg := range args[1:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			ts.Fatalf("%q is not KEY=VALUE", arg)
		}
		switch key {
		case "python":
			o.Python = value
		case "arch":
			o.Architecture = value
		case "package":
			o.Packages = append(o.Packages, strings.Replace(value, "_", "=", 1))
		case "env":
			o.Env = append(o.Env, strings.Replace(value, "_", "=", 1))
		case "file":
			o.Files[value] = "a file of the image\n"
		case "owned":
			name, path, _ := strings.Cut(value, ":")
			o.Files[path] = "a file of " + name + "\n"
			o.Files["var/lib/dpkg/info/"+name+".list"] = "/.\n/" + path + "\n"
		case "folder":
			f := strings.Split(value, ":")
			if len(f) != 4 {
				ts.Fatalf("want folder=PATH:MODE:UID:GID")
			}
			mode, err := strconv.ParseUint(f[1], 8, 32)
			ts.Check(err)
			o.Files[f[0]+"/"], o.Modes[f[0]+"/"] = "", uint32(mode)
			o.Owners[f[0]+"/"] = [2]int{number(ts, f[2]), number(ts, f[3])}
		case "user":
			name, id, _ := strings.Cut(value, ":")
			o.Files["etc/passwd"] = "root:x:0:0:root:/root:/bin/bash\n" + name + ":x:" + id + ":" + id + "::/home/" + name + ":/bin/sh\n"
		case "os":
			o.Distro = value
		case "cuda":
			version, libraries, _ := strings.Cut(value, ":")
			o.CUDA(version, strings.Split(libraries, ",")...)
		case "musl":
			o.Musl = value
		case "foreign":
			o.Foreign = true
		default:
			ts.Fatalf("no key %s", key)
		}
	}
	made := testenv.NewImage(o)
	ts.Setenv("DIGEST", made.Digest)
	if dir, ok := strings.CutPrefix(args[0], "oci:"); ok {
		ts.Check(made.WriteLayout(ts.MkAbs(dir)))
		return
	}
	ts.Check(made.Push(ts.Getenv("REGISTRY") + "/" + args[0]))
}
