package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/testenv"
)

// sdist puts a source distribution into the index. It has a PKG-INFO of metadata version 2.2, or of the
// version that metadata=VERSION says; requires=REQUIREMENT may be given several times. With
// egg=TEXT it has an egg-info folder with that requires.txt, in which / ends a line, and with pyproject=TEXT
// a pyproject.toml of that text, likewise, and with rules=TEXT the build.rules of testdata/python. With to=FILE it is written there instead.
func (w *world) sdist(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("want NAME VERSION [KEY=VALUE]...")
	}
	name, version := args[0], args[1]
	file := testenv.IndexFile{}
	metadata, requires, to := "2.2", "", ""
	files := map[string]string{"setup.py": "raise SystemExit('it is not run')\n"}
	lines := func(text string) string { return strings.ReplaceAll(text, "/", "\n") + "\n" }
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "metadata":
			metadata = value
		case "requires":
			requires += "Requires-Dist: " + value + "\n"
		case "python":
			file.RequiresPython = value
		case "egg":
			files[name+".egg-info/PKG-INFO"] = fmt.Sprintf("Metadata-Version: 1.1\nName: %s\nVersion: %s\n", name, version)
			files[name+".egg-info/requires.txt"] = lines(value)
		case "pyproject":
			files["pyproject.toml"] = lines(value)
		case "rules":
			files["build.rules"] = lines(value)
		case "to":
			to = value
		case "uploaded":
			at, err := time.Parse(time.DateOnly, value)
			ts.Check(err)
			file.Uploaded = at
		default:
			ts.Fatalf("a source distribution has no %s", key)
		}
	}
	files["PKG-INFO"] = fmt.Sprintf("Metadata-Version: %s\nName: %s\nVersion: %s\n%s", metadata, name, version, requires)
	filename, content := testenv.Sdist(name, version, files)
	if to != "" {
		ts.Check(os.WriteFile(ts.MkAbs(to), content, 0o644))
		return
	}
	w.packages.AddFile(name, filename, content, file)
}
