package apt_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// TestRealArchive resolves with the mirror that this machine's apt is configured for, and compares with apt.
func TestRealArchive(t *testing.T) {
	testenv.Real(t, "a mirror")
	archives := configuredArchives(t)
	memo := &memo{}
	for _, c := range []struct {
		distro, codename, python string
		roots                    []string
	}{
		{"debian:12", "bookworm", "3.11", nil},
		{"debian:12", "bookworm", "3.11", []string{"ffmpeg", "libgl1", "libsndfile1", "git"}},
		{"debian:11", "bullseye", "3.9", nil},
		{"debian:13", "trixie", "3.13", []string{"ffmpeg"}},
	} {
		t.Run(c.distro+" "+strings.Join(c.roots, " "), func(t *testing.T) {
			o := apt.Options{Distro: c.distro, Architecture: "amd64", Archives: archives, Fetcher: httpFetcher{},
				Now: time.Now(), AcceptExpired: true, Memo: memo, Roots: c.roots}
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
			var ours []string
			var wanted []string
			var size int64
			for _, d := range r.Debs {
				ours = append(ours, d.Name+" "+d.Version)
				size += d.Size
				if !strings.Contains(d.Why, " depends on ") {
					wanted = append(wanted, d.Name)
				}
			}
			t.Logf("%d packages, %d bytes, %v, with memo %v, Python %s, glibc %s", len(r.Debs), size, first, time.Since(start), r.PythonFull, r.Glibc)
			if r.Python != c.python || r.Codename != c.codename || len(r.Releases) != 3 {
				t.Errorf("Python %s, codename %s, %d releases", r.Python, r.Codename, len(r.Releases))
			}
			if diff := cmp.Diff(aptClosure(t, archives, c.codename, wanted), ours); diff != "" {
				t.Errorf("apt chooses otherwise (-apt +ours):\n%s", diff)
			}
		})
	}
}

// configuredArchives reads the base URLs from deb822 source files.
func configuredArchives(t *testing.T) map[string]string {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*.sources")
	archives := map[string]string{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n") {
			if uri, ok := strings.CutPrefix(line, "URIs: "); ok {
				for _, archive := range []string{"debian", "debian-security"} {
					if strings.HasSuffix(strings.TrimSuffix(uri, "/"), "/"+archive) {
						archives[archive] = uri
					}
				}
			}
		}
	}
	if len(archives) != 2 {
		t.Fatal("apt's sources name no mirror of debian and debian-security")
	}
	return archives
}

// aptClosure is what apt would install into an empty system, sorted, each "name version".
func aptClosure(t *testing.T, archives map[string]string, codename string, wanted []string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "parts"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	signed := "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no]"
	lists := fmt.Sprintf("deb %[1]s %[2]s %[4]s main\ndeb %[1]s %[2]s %[4]s-updates main\ndeb %[1]s %[3]s %[4]s-security main\n",
		signed, archives["debian"], archives["debian-security"], codename)
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
	for name, text := range map[string]string{"list": lists, "apt.conf": config, "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		cmd := exec.Command("apt-get", append([]string{"-c", filepath.Join(dir, "apt.conf")}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("apt-get %s: %v\n%s", args[0], err, stderr.String())
		}
		return string(out)
	}
	run("update")
	out := run(append([]string{"install", "--simulate", "--no-install-recommends"}, wanted...)...)
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

type httpFetcher struct{}

func (httpFetcher) Get(ctx context.Context, url string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", url, limit)
	}
	return data, err
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
