package main

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// base is the distributions' archives that all scripts begin with.
type base struct {
	archives []*testenv.AptRepo
	key      string
}

// newBase makes Debian 12 and 13 and Ubuntu 22.04 as far as a base needs them: packages of little more than their names.
func newBase(t *testing.T) base {
	t.Helper()
	var b base
	for _, d := range []struct{ name, archive, codename, libc, python, version string }{
		{"debian:12", "debian", "bookworm", "2.36-9", "python3.11", "3.11.2-6"},
		{"debian:13", "debian", "trixie", "2.41-12", "python3.13", "3.13.5-2"},
		{"ubuntu:22.04", "ubuntu", "jammy", "2.35-0ubuntu3", "python3.10", "3.10.12-1~22.04"},
	} {
		repo := testenv.NewAptRepo()
		repo.Archive, repo.Codename = d.archive, d.codename
		roots, err := apt.Roots(d.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, root := range roots {
			switch root.Name {
			case d.python:
			case "libc-bin":
				repo.AddDeb(root.Name, "1.0", "all", testenv.DebOptions{Fields: map[string]string{"Depends": "libc6"}})
			default:
				repo.AddEmpty(root.Name)
			}
		}
		for _, arch := range []string{"amd64", "arm64"} {
			repo.AddDeb("libc6", d.libc, arch, testenv.DebOptions{Files: map[string]string{"usr/lib/libc.so.6": "libc for " + arch}})
			repo.AddDeb(d.python, d.version, arch, testenv.DebOptions{
				Fields: map[string]string{"Depends": "libc6 (>= 2.34)"},
				Files:  map[string]string{"usr/bin/" + d.python: "python for " + arch}, Modes: map[string]uint32{"usr/bin/" + d.python: 0o755},
			})
		}
		b.archives, b.key = append(b.archives, repo), repo.ArmoredKey()
	}
	return b
}

type worldKey struct{}

// world is what one script sees of the network.
type world struct {
	mu       sync.Mutex // of what handlers read and commands change
	dir      string     // the script's
	packages *testenv.Index
	server   *httptest.Server
	stall    string // path that ends in the middle and does not go on
	corrupt  string // path whose middle byte is another
	stalled  atomic.Bool
	flipping *flipping // nil: nothing

	archives  []*testenv.AptRepo
	snapshots testenv.AptSnapshots // below /snapshot of the archives' server
	owned     map[string]bool      // codenames of those that are not shared with other scripts
	files     map[string][]byte    // by path, that the archives' server has besides
	asked     []string             // paths that it was asked for

	registry  registryWorld
	engine    engineWorld
	signalled *exec.Cmd
}

// newWorld serves it, and writes the configuration that leads there.
func newWorld(env *testscript.Env, b base) error {
	w := &world{
		dir: env.WorkDir, packages: &testenv.Index{Metadata: true}, archives: slices.Clone(b.archives), owned: map[string]bool{}, files: map[string][]byte{},
	}
	w.server = httptest.NewServer(w.flip(w.serveIndex))
	registryServer := httptest.NewServer(w.flip(w.serveRegistry))
	w.registry.next = registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	archives := httptest.NewServer(w.flip(w.serveArchives))
	w.engine.images = map[string]bool{}
	engine := httptest.NewServer(&w.engine)
	env.Defer(func() {
		engine.Close()
		archives.Close()
		w.server.CloseClientConnections()
		w.server.Close()
		registryServer.Close()
	})
	env.Values[worldKey{}] = w

	home := filepath.Join(env.WorkDir, ".home")
	config := filepath.Join(home, ".config", "envpack")
	if err := os.MkdirAll(config, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf("[index]\nurl = %q\n[templates]\npytorch = %q\n[interpreters]\nurl = %q\n[apt]\ndebian = %q\ndebian-security = %q\nubuntu = %q\nubuntu-security = %q\nubuntu-ports = %q\ndebian-snapshot = %q\nubuntu-snapshot = %q\nkeyrings = [\"archive.asc\"]\n[images]\n\"nvidia/cuda\" = %q\n",
		w.server.URL+"/simple/", w.server.URL+"/whl", archives.URL+"/interpreters", archives.URL+"/debian", archives.URL+"/debian-security", archives.URL+"/ubuntu", archives.URL+"/ubuntu", archives.URL+"/ubuntu",
		archives.URL+"/snapshot", archives.URL+"/snapshot", strings.TrimPrefix(registryServer.URL, "http://")+"/nvidia/cuda")
	for name, text := range map[string]string{"config.toml": text, "archive.asc": b.key} {
		if err := os.WriteFile(filepath.Join(config, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	env.Setenv("HOME", home)
	env.Setenv("USERPROFILE", home)
	env.Setenv("APPDATA", filepath.Join(home, ".config"))
	env.Setenv("XDG_CONFIG_DIRS", filepath.Join(home, "none")) // not this machine's pip and uv
	env.Setenv("PIP_CONFIG_FILE", os.DevNull)
	env.Setenv("ENVPACK_CACHE", filepath.Join(env.WorkDir, ".store"))
	env.Setenv("ADDRESS", strings.TrimPrefix(w.server.URL, "http://"))                                              // of the index
	env.Setenv("MIRROR", strings.Replace(strings.TrimPrefix(w.server.URL, "http://"), "127.0.0.1", "localhost", 1)) // the same by another address
	env.Setenv("ARCHIVES", archives.URL)
	env.Setenv("REGISTRY", strings.TrimPrefix(registryServer.URL, "http://"))
	env.Setenv("PORT", registryServer.URL[strings.LastIndexByte(registryServer.URL, ':')+1:])
	env.Setenv("DOCKER_HOST", "tcp://"+strings.TrimPrefix(engine.URL, "http://"))
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	return nil
}

// serveIndex serves the index, but for the paths that stall after their first half, or are corrupt.
func (w *world) serveIndex(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	stall := w.stall != "" && strings.HasPrefix(r.URL.Path, w.stall)
	corrupt := w.corrupt != "" && strings.HasPrefix(r.URL.Path, w.corrupt)
	w.mu.Unlock()
	if stall || corrupt {
		whole := httptest.NewRecorder()
		w.packages.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			rw.Header()[name] = values
		}
		body := whole.Body.Bytes()
		rw.WriteHeader(whole.Code)
		if corrupt {
			body[len(body)/2] ^= 1
			rw.Write(body)
			return
		}
		rw.Write(body[:len(body)/2])
		rw.(http.Flusher).Flush()
		w.stalled.Store(true)
		<-r.Context().Done()
		return
	}
	if strings.HasPrefix(r.URL.Path, "/whl/") {
		w.serveTemplate(rw, r)
		return
	}
	w.packages.ServeHTTP(rw, r)
	w.mu.Lock() // what commands change later was not read later
	defer w.mu.Unlock()
}

// wheel puts a wheel into the index. requires, extra and file may be given several times; a file is
// PATH:TEXT, an elf PATH:SONAME,…, a library that needs others, with @PATH behind if it looks for them there from its own folder, and a code PATH:CODE,…;CODE,… one with containers of such code for GPUs, behind ! with a malformed one. size adds a file of so many bytes that do not compress; cut leaves so many bytes of the wheel; format is
// its Wheel-Version; metadata adds so many bytes to METADATA, and claims is what the index says that it requires. With to=DIR it is written into that folder instead.
func (w *world) wheel(ts *testscript.TestScript, args []string) {
	if len(args) < 2 {
		ts.Fatalf("want NAME VERSION [KEY=VALUE]...")
	}
	o := testenv.WheelOptions{}
	file := testenv.IndexFile{}
	cut, format, to := -1, "", ""
	add := func(path, text string) {
		if o.Files == nil {
			o.Files = map[string]string{}
		}
		o.Files[path] = text
	}
	for _, arg := range args[2:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "requires":
			o.Requires = append(o.Requires, value)
		case "extra":
			o.Extras = append(o.Extras, value)
		case "python":
			o.RequiresPython, file.RequiresPython = value, value
		case "tag":
			o.Tag = value
		case "script":
			o.EntryPoints = "[console_scripts]\n" + value + "\n"
		case "file":
			path, text, _ := strings.Cut(value, ":")
			add(path, textOrFile(ts, text))
		case "elf":
			path, needed, _ := strings.Cut(value, ":")
			needed, runpath, led := strings.Cut(needed, "@")
			if led {
				runpath = "$ORIGIN/" + runpath
			}
			add(path, string(testenv.ELF{Needed: strings.Split(needed, ","), Runpath: runpath}.Bytes()))
		case "code":
			path, text, _ := strings.Cut(value, ":")
			text, spoiled := strings.CutPrefix(text, "!")
			sections := testenv.FatBinarySections(".nv_fatbin", testenv.FatBinaries(text)...)
			if spoiled {
				sections[0].Data[18] = 9 // the version of the first entry
			}
			add(path, string(testenv.ELF{Needed: []string{"libc.so.6"}, Sections: sections}.Bytes()))
		case "size":
			add(args[0]+"/data.bin", string(noise(number(ts, value))))
		case "cut":
			cut = number(ts, value)
		case "to":
			to = value
		case "format":
			format = value
		case "yanked":
			file.Yanked, file.YankedReason = true, value
		case "claims": // the index says that it requires this
			_, other := testenv.Wheel(args[0], args[1], testenv.WheelOptions{Requires: []string{value}})
			file.Metadata = testenv.MetadataOf(other)
		case "metadata": // so many bytes more
			o.Metadata = "X-More: " + strings.Repeat("x", number(ts, value)) + "\n"
		case "uploaded":
			at, err := time.Parse(time.DateOnly, value)
			ts.Check(err)
			file.Uploaded = at
		default:
			ts.Fatalf("a wheel has no %s", key)
		}
	}
	name, content := testenv.Wheel(args[0], args[1], o)
	if format != "" {
		var err error
		content, err = replaced(content, ".dist-info/WHEEL", "Wheel-Version: 1.0", "Wheel-Version: "+format)
		ts.Check(err)
	}
	if cut >= 0 {
		content = content[:cut]
	}
	ts.Setenv("SHA512", fmt.Sprintf("%x", sha512.Sum512(content)))
	ts.Setenv("MD5", fmt.Sprintf("%x", md5.Sum(content)))
	if to != "" {
		ts.Check(os.MkdirAll(ts.MkAbs(to), 0o755))
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(to), name), content, 0o644))
		return
	}
	w.packages.AddWheel(name, content, file)
}

// behave makes the index "down", promise a "wrong-hash", promise "no-hashes", serve "html" without metadata files, "fail PATH STATUS",
// "truncate PATH BYTES", "stall PATH", "corrupt PATH", answer a PATH in an "endless", "inflating" or "redirecting" way, have secrets in addresses ("signed SECRET"), or be "well" again, but not after down, fail and truncate.
// "forget" forgets what was requested.
func (w *world) behave(ts *testscript.TestScript, args []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(args) == 1 && args[0] == "down":
		w.server.CloseClientConnections()
		w.server.Listener.Close()
	case len(args) == 1 && args[0] == "wrong-hash":
		w.packages.WrongHash = true
	case len(args) == 1 && args[0] == "no-hashes":
		w.packages.NoHashes = true
	case len(args) == 1 && args[0] == "forget":
		w.packages.Forget()
	case len(args) == 1 && args[0] == "html":
		w.packages.HTMLOnly, w.packages.Metadata = true, false
	case len(args) == 1 && args[0] == "well":
		w.packages.WrongHash, w.packages.NoHashes, w.packages.Signed, w.stall, w.corrupt = false, false, "", "", ""
		w.stalled.Store(false)
	case len(args) == 2 && args[0] == "signed":
		w.packages.Signed = args[1]
	case len(args) == 2 && args[0] == "stall":
		w.stall = args[1]
		w.stalled.Store(false)
	case len(args) == 2 && (args[0] == "endless" || args[0] == "inflating" || args[0] == "redirecting"):
		answer := map[string]http.HandlerFunc{"endless": testenv.Endless, "inflating": testenv.Inflating, "redirecting": testenv.Redirecting}[args[0]]
		w.packages.Fail(args[1], testenv.IndexFailure{Answer: answer})
	case len(args) == 2 && args[0] == "corrupt":
		w.corrupt = args[1]
	case len(args) == 3 && args[0] == "fail":
		w.packages.Fail(args[1], testenv.IndexFailure{Status: number(ts, args[2])})
	case len(args) == 3 && args[0] == "truncate":
		w.packages.Fail(args[1], testenv.IndexFailure{Truncate: number(ts, args[2])})
	default:
		ts.Fatalf("the index cannot be %s", strings.Join(args, " "))
	}
}

func (w *world) data(ts *testscript.TestScript, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("want NAME BYTES [TEXT]")
	}
	content := noise(number(ts, args[1]))
	if len(args) == 3 {
		copy(content, args[2])
	}
	w.packages.AddFile("data", args[0], content, testenv.IndexFile{})
	sum := sha256.Sum256(content)
	ts.Setenv("SHA256", hex.EncodeToString(sum[:]))
}

// requested counts the requests for paths that begin with PREFIX since it was asked last: N, or from N to M as "N-M".
func (w *world) requested(ts *testscript.TestScript, args []string) {
	arguments(ts, args, "PREFIX", "N")
	from, to, ok := strings.Cut(args[1], "-")
	if !ok {
		to = from
	}
	if got := w.packages.Count(args[0]); got < number(ts, from) || got > number(ts, to) {
		for _, r := range w.packages.Requests() {
			ts.Logf("%d %s %s", r.Status, r.Path, r.Range)
		}
		ts.Fatalf("%d requests for %s, want %s", got, args[0], args[1])
	}
	w.packages.Forget()
}

// noise is n bytes that do not compress, the same each time.
func noise(n int) []byte {
	out := make([]byte, n)
	state := uint64(88172645463325252)
	for i := range out { // xorshift64
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		out[i] = byte(state)
	}
	return out
}

// replaced is a zip archive with a text replaced in one member.
func replaced(archive []byte, suffix, old, text string) ([]byte, error) {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, suffix) {
			if err := w.Copy(f); err != nil {
				return nil, err
			}
			continue
		}
		member, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(member)
		if err != nil {
			return nil, err
		}
		to, err := w.Create(f.Name)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(bytes.ReplaceAll(data, []byte(old), []byte(text))); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return b.Bytes(), err
}
