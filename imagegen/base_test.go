package imagegen_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/lockfile"
)

// systemDeb adds a package that is wanted besides the base.
func (w *world) systemDeb(name string, files map[string]string, platforms ...string) {
	w.deb(name, "1.0", "amd64", testenv.DebOptions{Files: files}, platforms...)
	w.lock.Base.Debs[len(w.lock.Base.Debs)-1].System = true
}

// TestSystemLayer: what is wanted besides the base is a layer over it, and leaves it what it is.
func TestSystemLayer(t *testing.T) {
	w := newWorld()
	plain := w.build(t, openStore(t), nil)
	if d := cmp.Diff([]string{"base", "environment", "lock"}, names(plain)); d != "" {
		t.Error(d)
	}
	w.systemDeb("tool", map[string]string{"usr/bin/tool": "tool", "usr/share/a": "a"}, amd64)
	w.systemDeb("other", map[string]string{"usr/share/arm": "arm"}, arm64)
	st := openStore(t)
	image := w.build(t, st, nil)
	if d := cmp.Diff([]string{"base", "system", "environment", "lock"}, names(image)); d != "" {
		t.Fatal(d)
	}
	base, system := layerOf(t, image, "base"), layerOf(t, image, "system")
	if was := layerOf(t, plain, "base"); base.Digest != was.Digest || base.Inputs != was.Inputs {
		t.Error("the base is another")
	}
	files := contents(t, system)
	if files["usr/bin/tool"] != "tool" || files["usr/share/a"] != "a" || files["usr/share/arm"] != "" {
		t.Errorf("the layer has %v", files)
	}
	below := contents(t, base)
	for p, text := range files {
		if below[p] == text && p != "var/lib/dpkg/status" {
			t.Errorf("%s is in the layer although the base has it alike", p)
		}
	}
	if files["usr/bin/python3.11"] != "" {
		t.Error("the interpreter is in the layer")
	}

	// Both are remembered, and either is made again if the store has lost it.
	w.asked = nil
	again := w.build(t, st, nil)
	if again.Digest != image.Digest || len(w.asked) != 0 {
		t.Errorf("%s is not %s, or asked for %v", again.Digest, image.Digest, w.asked)
	}
	for _, l := range []string{"base", "system"} {
		if !layerOf(t, again, l).Remembered {
			t.Errorf("layer %s was not remembered", l)
		}
		damage(t, st, layerOf(t, image, l).Digest[len("sha256:"):])
		if n, err := w.builder(st).Repair(t.Context(), w.plan(t, nil)); n != 1 || err != nil {
			t.Errorf("%s: %d repaired, %v", l, n, err)
		}
		if made := w.build(t, st, nil); made.Digest != image.Digest {
			t.Errorf("%s made anew is another", l)
		}
	}

	// What the base is made of belongs to the layer's inputs: it is a difference.
	w.deb("aaa", "1.0", "all", testenv.DebOptions{Files: map[string]string{"usr/share/b": "b"}}, amd64)
	if other := layerOf(t, w.build(t, st, nil), "system"); other.Inputs == system.Inputs {
		t.Error("the inputs are the same over another base")
	}
}

// archived gives a world an interpreter from an archive.
func (w *world) archived(version string) {
	data := testenv.PythonArchive(version)
	w.files[hash(data)] = data
	w.lock.Base.Interpreters = []lockfile.Interpreter{{
		Target: amd64, Version: version, Path: "python.tar.gz", SHA256: hash(data), Size: int64(len(data)),
	}}
	w.lock.Targets[0].Python, w.lock.Targets[0].ABI = version, "cp312"
}

// TestInterpreterLayer: an interpreter from an archive has a layer between the base and what is added to it.
func TestInterpreterLayer(t *testing.T) {
	w := newWorld()
	w.archived("3.12.4")
	w.systemDeb("tool", map[string]string{"usr/bin/tool": "tool"}, amd64)
	st := openStore(t)
	image := w.build(t, st, nil)
	if d := cmp.Diff([]string{"base", "python", "system", "environment", "lock"}, names(image)); d != "" {
		t.Fatal(d)
	}
	files := contents(t, layerOf(t, image, "python"))
	for p, want := range map[string]string{
		"usr/local/bin/python": "-> /opt/python/bin/python3.12", "usr/local/bin/python3": "-> /opt/python/bin/python3.12",
		"usr/local/bin/python3.12": "-> /opt/python/bin/python3.12", "opt/python/lib/python3.12/os.py": "# os of 3.12.4\n",
	} {
		if files[p] != want {
			t.Errorf("%s is %q", p, files[p])
		}
	}
	env := contents(t, layerOf(t, image, "environment"))
	if env["opt/env/bin/python"] != "-> /opt/python/bin/python3.12" || env["opt/env/pyvenv.cfg"] == "" {
		t.Errorf("the environment is %v", env)
	}
	w.asked = nil
	if again := w.build(t, st, nil); again.Digest != image.Digest || len(w.asked) != 0 {
		t.Errorf("%s is not %s, or asked for %v", again.Digest, image.Digest, w.asked)
	}
	if other := w.build(t, openStore(t), nil); other.Digest != image.Digest {
		t.Error("another store comes to another image")
	}

	// An archive of another Python than the lock says is refused.
	w.lock.Base.Interpreters[0].Version = "3.12.5"
	if _, err := w.builder(openStore(t)).Build(t.Context(), w.plan(t, nil)); err == nil {
		t.Error("an archive with another version was taken")
	}
}

// TestNoDistribution: without one the environment is all, or stands on an interpreter from an archive.
func TestNoDistribution(t *testing.T) {
	w := newWorld()
	w.lock.Base = lockfile.Base{Distro: lockfile.NoDistro}
	if d := cmp.Diff([]string{"environment", "lock"}, names(w.build(t, openStore(t), nil))); d != "" {
		t.Error(d)
	}
	w.archived("3.12.4")
	if d := cmp.Diff([]string{"python", "environment", "lock"}, names(w.build(t, openStore(t), nil))); d != "" {
		t.Error(d)
	}
}
