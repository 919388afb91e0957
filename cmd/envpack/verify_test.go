package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// flip changes a bit of the byte behind a text in a file, as a disk would.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "FILE", "TEXT")
	file := ts.MkAbs(args[0])
	data, err := os.ReadFile(file)
	ts.Check(err)
	i := bytes.Index(data, []byte(args[1]))
	if i < 0 || i+len(args[1]) >= len(data) {
		ts.Fatalf("%s has no byte behind %s", args[0], args[1])
	}
	data[i+len(args[1])] ^= 1
	ts.Check(os.WriteFile(file, data, 0o644))
}

// blob sets NAME to the path of a blob in a layout: "index", "manifest", "config", or the layer whose name begins so.
func blob(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "DIR", "KIND", "NAME")
	path, err := blobOf(ts.MkAbs(args[0]), args[1])
	ts.Check(err)
	ts.Setenv(args[2], path)
}

// tamper replaces a text in the config of the image in a layout, with digests that fit.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, args, "DIR", "OLD", "NEW")
	dir := ts.MkAbs(args[0])
	replace := func(kind, file, old, now string) (was, is string) {
		data, err := os.ReadFile(file)
		ts.Check(err)
		if strings.Count(string(data), old) != 1 {
			ts.Fatalf("the %s does not have %s once", kind, old)
		}
		text := strings.Replace(string(data), old, now, 1)
		describe := func(s string) string {
			return fmt.Sprintf(`"digest":"sha256:%x","size":%d`, sha256.Sum256([]byte(s)), len(s))
		}
		if kind != "index.json" {
			file = filepath.Join(dir, "blobs", "sha256", fmt.Sprintf("%x", sha256.Sum256([]byte(text))))
		}
		ts.Check(os.WriteFile(file, []byte(text), 0o644))
		return describe(string(data)), describe(text)
	}
	config, err := blobOf(dir, "config")
	ts.Check(err)
	manifest, err := blobOf(dir, "manifest")
	ts.Check(err)
	was, is := replace("config", config, args[1], args[2])
	was, is = replace("manifest", manifest, was, is)
	replace("index.json", filepath.Join(dir, "index.json"), was, is)
}

type names struct {
	MediaType string
	Digest    string
	Manifests []names
	Config    *names
	Layers    []names
}

func blobOf(dir, kind string) (string, error) {
	at := func(digest string) string {
		return filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
	}
	read := func(file string) (d names, err error) {
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &d)
		}
		return d, err
	}
	top, err := read(filepath.Join(dir, "index.json"))
	if err != nil {
		return "", err
	}
	for strings.Contains(top.Manifests[0].MediaType, "index") {
		file := at(top.Manifests[0].Digest)
		if kind == "index" {
			return file, nil
		}
		if top, err = read(file); err != nil {
			return "", err
		}
	}
	if kind == "manifest" {
		return at(top.Manifests[0].Digest), nil
	}
	m, err := read(at(top.Manifests[0].Digest))
	if err != nil {
		return "", err
	}
	if kind == "config" {
		return at(m.Config.Digest), nil
	}
	data, err := os.ReadFile(at(m.Config.Digest))
	if err != nil {
		return "", err
	}
	var config struct {
		History []struct {
			By string `json:"created_by"`
		}
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return "", err
	}
	for i, h := range config.History {
		if strings.HasPrefix(h.By, "envpack: "+kind) {
			return at(m.Layers[i].Digest), nil
		}
	}
	return "", fmt.Errorf("no layer %s", kind)
}
