package apt_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// TestRealArchives resolves with the archives that this machine reaches, and compares with apt.
func TestRealArchives(t *testing.T) {
	testenv.Real(t, "mirrors of Debian and Ubuntu")
	media := []string{"git", "ffmpeg", "libsndfile1", "libgl1", "libglib2.0-0", "build-essential"}
	daemons := []string{"openssh-server", "cron"}
	memo := &memo{}
	type question struct {
		distro, python string
		system         []string
	}
	var questions []question
	for _, d := range apt.Distributions() {
		for _, python := range d.Pythons {
			questions = append(questions, question{d.Name, python, nil})
		}
		if !d.Testing {
			questions = append(questions, question{d.Name, "", media}, question{d.Name, "", daemons})
		}
	}
	compared := map[string]*aptRoot{}
	temp := t.TempDir()
	chosen := testenv.Chosen("debian:12", "debian:13", "ubuntu:22.04", "ubuntu:18.04")
	for _, q := range questions {
		if !chosen(q.distro) {
			continue
		}
		t.Run(q.distro+" "+q.python+" "+strings.Join(q.system, " "), func(t *testing.T) {
			codename := codenameOf(q.distro)
			found, err := sources.Find(sources.ThisHost("linux"), sources.Options{Codename: codename})
			if err != nil {
				t.Fatal(err)
			}
			archives, further := map[string]string{}, map[string][]string{}
			for name, s := range found.Archives {
				archives[name], further[name] = s.URL, s.Further
			}
			o := apt.Options{Distro: q.distro, Python: q.python, Architecture: "amd64", Archives: archives, Further: further, Fetcher: testenv.Fetcher{},
				Now: time.Now(), AcceptExpired: q.distro == "debian:14", Memo: memo, System: q.system}
			start := time.Now()
			r, err := apt.Resolve(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			first := time.Since(start)
			start = time.Now()
			again, err := apt.Resolve(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, again); diff != "" {
				t.Errorf("the memo changes the result: %s", diff)
			}
			var ours, wanted []string
			var size int64
			for _, d := range r.Debs {
				ours = append(ours, d.Name+" "+d.Version)
				size += d.Size
				if !strings.Contains(d.Why, " depends on ") {
					wanted = append(wanted, d.Name)
				}
			}
			t.Logf("%d packages, %d bytes, %v, again %v, Python %s, glibc %s", len(r.Debs), size, first, time.Since(start), r.PythonFull, r.Glibc)
			if q.python != "" && r.Python != q.python || r.Codename != codename || len(r.Releases) != 3 {
				t.Errorf("Python %s, codename %s, %d releases", r.Python, r.Codename, len(r.Releases))
			}
			if compared[q.distro] == nil {
				compared[q.distro] = newAptRoot(t, temp, archives, q.distro)
			}
			if diff := cmp.Diff(compared[q.distro].closure(t, wanted), ours); diff != "" {
				t.Errorf("apt chooses otherwise (-apt +ours):\n%s", diff)
			}
		})
	}
}

func codenameOf(distro string) string {
	for _, d := range apt.Distributions() {
		if d.Name == distro {
			return d.Codename
		}
	}
	return ""
}

// aptRoot is apt's configuration for an empty system.
type aptRoot struct{ dir string }

func newAptRoot(t *testing.T, temp string, archives map[string]string, distro string) *aptRoot {
	t.Helper()
	dir, err := os.MkdirTemp(temp, "apt") // outlives the subtest that makes it
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "parts"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	family, _, _ := strings.Cut(distro, ":")
	keys, err := filepath.Glob("keys/" + family + "-*.asc")
	if err != nil || len(keys) == 0 {
		t.Fatal(keys, err)
	}
	var ring []byte
	for _, k := range keys {
		data, err := os.ReadFile(k)
		if err != nil {
			t.Fatal(err)
		}
		ring = append(ring, data...)
	}
	components := map[string]string{"debian": "main", "ubuntu": "main universe"}[family]
	lists := fmt.Sprintf("deb %[1]s %[2]s %[4]s %[5]s\ndeb %[1]s %[2]s %[4]s-updates %[5]s\ndeb %[1]s %[3]s %[4]s-security %[5]s\n",
		"[signed-by="+dir+"/keys.asc check-valid-until=no]", archives[family], archives[family+"-security"], codenameOf(distro), components)
	config := fmt.Sprintf(`Dir::Etc::sourcelist "%[1]s/list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
`, dir)
	for name, text := range map[string]string{"list": lists, "apt.conf": config, "status": "", "keys.asc": string(ring)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := &aptRoot{dir}
	a.run(t, "update")
	return a
}

func (a *aptRoot) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("apt-get", append([]string{"-c", filepath.Join(a.dir, "apt.conf")}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("apt-get %s: %v\n%s\n%s", args[0], err, stderr.String(), out)
	}
	return string(out)
}

// closure is what apt would install into an empty system, sorted, each "name version".
func (a *aptRoot) closure(t *testing.T, wanted []string) []string {
	t.Helper()
	out := a.run(t, append([]string{"install", "--simulate", "--no-install-recommends"}, wanted...)...)
	var all []string
	scanner := bufio.NewScanner(strings.NewReader(out))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) > 2 && fields[0] == "Inst" {
			all = append(all, fields[1]+" "+strings.TrimPrefix(fields[2], "("))
		}
	}
	sort.Strings(all)
	return all
}

type memo struct {
	mu   sync.Mutex
	data map[string][]byte
}

func (m *memo) Memo(kind, key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.data[kind+" "+key]
	return data, ok
}

func (m *memo) PutMemo(kind, key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		m.data = map[string][]byte{}
	}
	m.data[kind+" "+key] = data
	return nil
}
