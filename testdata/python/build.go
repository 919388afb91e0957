package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// build does one hook of a build as the rules of the source in the working directory say, a line each: "is NAME VERSION", "needs
// REQUIREMENT" of the wheel, "asks REQUIREMENT" of the build, "imports MODULE", "includes HEADER", "reaches ADDRESS", "writes FILE", "varies",
// "floods", "sleeps". The wheel has the text of source.txt.
func build(folder string) {
	var job struct{ Hook string }
	data, err := os.ReadFile(filepath.Join(folder, "job.json"))
	check(err)
	check(json.Unmarshal(data, &job))
	rules, err := os.ReadFile("build.rules")
	check(err)
	name, version, more := "", "", ""
	var asks, needs []string
	for rule := range strings.Lines(string(rules)) {
		words := append(strings.Fields(rule), "", "", "")
		switch words[0] {
		case "is":
			name, version = words[1], words[2]
		case "needs":
			needs = append(needs, words[1])
		case "asks":
			asks = append(asks, words[1])
		}
		if job.Hook == "requires" {
			continue
		}
		switch words[0] {
		case "imports":
			if file, _ := find(words[1]); file == "" {
				fail(folder, "ModuleNotFoundError", "No module named '"+words[1]+"'", words[1])
			}
		case "includes":
			if _, err := os.Stat("/usr/include/" + words[1]); err != nil {
				fmt.Printf("x.c:1:10: fatal error: %s: No such file or directory\ncompilation terminated.\n", words[1])
				fail(folder, "CompileError", "command 'gcc' failed with exit status 1", "")
			}
		case "reaches":
			if _, err := net.DialTimeout("tcp", words[1], time.Second); err != nil {
				fmt.Println("OSError: [Errno 101] Network is unreachable:", words[1])
				fail(folder, "OSError", "it is not there", "")
			}
		case "writes":
			if err := os.WriteFile(words[1], []byte("x"), 0o644); err != nil {
				fmt.Println("PermissionError:", err)
				fail(folder, "PermissionError", err.Error(), "")
			}
		case "varies":
			more = fmt.Sprint(time.Now().UnixNano())
		case "floods":
			for line := []byte(strings.Repeat("x", 1<<20) + "\n"); ; {
				os.Stdout.Write(line)
			}
		}
	}
	answer := map[string]any{"requires": asks}
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	for _, n := range needs {
		metadata += "Requires-Dist: " + n + "\n"
	}
	info := name + "-" + version + ".dist-info"
	switch job.Hook {
	case "metadata":
		check(os.Mkdir(filepath.Join(folder, "out", info), 0o755))
		check(os.WriteFile(filepath.Join(folder, "out", info, "METADATA"), []byte(metadata), 0o644))
		answer = map[string]any{"folder": info}
	case "wheel":
		text, _ := os.ReadFile("source.txt")
		file := name + "-" + version + "-py3-none-any.whl"
		f, err := os.Create(filepath.Join(folder, "out", file))
		check(err)
		z := zip.NewWriter(f)
		for _, member := range [][2]string{
			{info + "/METADATA", metadata}, {info + "/WHEEL", "Wheel-Version: 1.0\nGenerator: rules\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
			{info + "/RECORD", ""}, {name + "/__init__.py", string(text) + more},
		} {
			w, err := z.Create(member[0])
			check(err)
			_, err = w.Write([]byte(member[1]))
			check(err)
		}
		check(z.Close())
		check(f.Close())
		answer = map[string]any{"wheel": file}
	}
	done(folder, answer)
}

func fail(folder, kind, text, module string) {
	done(folder, map[string]any{"failure": map[string]string{"kind": kind, "text": text, "module": module}})
	os.Exit(1)
}

func done(folder string, answer map[string]any) {
	data, err := json.Marshal(answer)
	check(err)
	check(os.WriteFile(filepath.Join(folder, "result.json"), data, 0o644))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}
