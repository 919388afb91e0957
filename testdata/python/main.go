// Command python stands for an image's Python in scripts. It builds wheels as the file build.rules of a source says: see build.go. And as smoke's driver does, it "imports" modules and writes notes of it. What a
// module does says its file, a line each: "needs LIBRARY", "imports MODULE", "from MODULE NAME", "has NAME", "prints TEXT", "writes FILE", "crashes", "hangs".
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"time"
)

const site = "/opt/env/lib/python3.11/site-packages"

type raised struct {
	Type    string   `json:"type"`
	Message string   `json:"message"`
	Bases   []string `json:"bases"`
	Frames  []frame  `json:"frames"`
}

type frame struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

func main() {
	if len(os.Args) == 5 && os.Args[3] == "/build/driver.py" {
		build(os.Args[4])
		return
	}
	if len(os.Args) < 6 || os.Args[1] != "-c" {
		fmt.Fprintln(os.Stderr, "this Python builds wheels and imports modules, and does nothing else")
		os.Exit(2)
	}
	for _, name := range os.Args[5:] {
		note(map[string]any{"begin": name})
		chain := []*raised{}
		if r := load(name); r != nil {
			chain = append(chain, r)
		}
		note(map[string]any{"end": name, "seconds": 0.1, "chain": chain})
	}
	note(map[string]any{"done": true})
}

func note(what any) {
	text, err := json.Marshal(what)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(os.Args[3], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			_, err = f.Write(append(text, '\n'))
			f.Close()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func find(name string) (file, text string) {
	at := strings.ReplaceAll(name, ".", "/")
	for _, folder := range []string{site, "."} {
		for _, file := range []string{path.Join(folder, at, "__init__.py"), path.Join(folder, at+".py")} {
			if data, err := os.ReadFile(file); err == nil {
				return file, string(data)
			}
		}
	}
	return "", ""
}

func load(name string) *raised {
	file, text := find(name)
	if file == "" {
		return &raised{Type: "ModuleNotFoundError", Message: "No module named '" + name + "'", Bases: []string{"ModuleNotFoundError", "ImportError"}}
	}
	line := 0
	for rule := range strings.Lines(text) {
		line++
		failed := func(what string) *raised {
			return &raised{Type: "ImportError", Message: what, Bases: []string{"ImportError"}, Frames: []frame{{file, line}}}
		}
		words := append(strings.Fields(rule), "", "", "")
		switch words[0] {
		case "needs":
			if _, err := os.Stat("/usr/lib/" + words[1]); err != nil {
				return failed(words[1] + ": cannot open shared object file: No such file or directory")
			}
		case "imports":
			if r := load(words[1]); r != nil {
				return r
			}
		case "from":
			if r := load(words[1]); r != nil {
				return r
			}
			if from, text := find(words[1]); !strings.Contains(text, "has "+words[2]) {
				return failed(fmt.Sprintf("cannot import name '%s' from '%s' (%s)", words[2], words[1], from))
			}
		case "prints":
			fmt.Println(strings.TrimSpace(strings.TrimPrefix(rule, "prints ")), os.Getenv("SECRET"))
		case "writes":
			if err := os.WriteFile(words[1], []byte("x"), 0o644); err != nil {
				return failed(err.Error())
			}
		case "crashes":
			fmt.Println("about to crash")
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			time.Sleep(time.Second)
		case "hangs":
			time.Sleep(time.Hour)
		case "runs":
			if err := exec.Command(words[1]).Start(); err != nil {
				return failed(err.Error())
			}
		}
	}
	return nil
}
