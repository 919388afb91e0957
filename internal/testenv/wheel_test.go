package testenv_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
)

// TestWheelIsFrozen pins a wheel's bytes: tests elsewhere pin digests of what is made of such wheels.
func TestWheelIsFrozen(t *testing.T) {
	name, data := testenv.Wheel("Some-Name", "1.0", testenv.WheelOptions{
		Tag: "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", Build: "1", Requires: []string{"a", "b>1"}, RequiresPython: ">=3.8",
		Extras: []string{"x"}, Metadata: "Summary: ü\n", Scripts: map[string]string{"s": "#!python\n"}, Executable: []string{"a.so"},
		Files: map[string]string{"a.so": strings.Repeat("a", 1000), "ü.py": ""}, Data: map[string]string{"data/d": "d"},
		EntryPoints: "[console_scripts]\nrun = a:b\n",
	})
	if name != "Some_Name-1.0-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl" {
		t.Errorf("file name %s", name)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != frozenWheel {
		t.Errorf("digest %s", got)
	}
	if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil || len(z.File) != 8 {
		t.Errorf("archive/zip: %v", err)
	}
	f, err := wheelfile.Open(name, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.WheelInfo()
	if err != nil || len(w.Tags) != 2 || w.Build != "1" || w.Purelib {
		t.Errorf("%+v, %v", w, err)
	}
}

const frozenWheel = "8d3ba80676d9cefcea4321dc184e0b78e5cee663e0cc6df11edda87f067b6a0c"
