package sources

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// TestUbuntu finds Ubuntu's archives on a machine of Ubuntu, on another, and by a flag.
func TestUbuntu(t *testing.T) {
	const main, ports = "http://mirror.example/ubuntu", "http://mirror.example/ubuntu-ports"
	entry := func(url, suite string) aptEntry {
		return aptEntry{setting: setting{value: url}, suites: []string{suite}, components: []string{"main", "universe"}}
	}
	for _, a := range archives {
		suite := "jammy" + a.suffix
		for url, want := range map[string]bool{main: a.keyword == "ubuntu" && a.name != UbuntuPorts, ports: a.name == UbuntuPorts} {
			if got := entry(url, suite).serves(a, suite); got != want {
				t.Errorf("%s serves %s: %v", url, a.name, got)
			}
		}
	}
	host := Host{GOOS: "linux", Env: func(string) string { return "" }, Root: t.TempDir()}
	s, err := Find(host, Options{Apt: map[string]string{Ubuntu: main + "/"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{Ubuntu: main, UbuntuSecurity: main} {
		if got := s.Archives[name]; got.URL != want || len(got.Further) != 0 || got.WellKnown {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := s.Archives[UbuntuPorts]; !got.WellKnown || len(got.Further) != 1 {
		t.Errorf("%+v", got)
	}
	if url := s.Archives[UbuntuSecurity].SnapshotAt(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)); !strings.HasSuffix(url, "/ubuntu/20240301T000000Z") {
		t.Error(url)
	}
}

// TestSnapshotMirrors: a mirror of a snapshot service is named apart from the archives' mirrors, by a flag or the
// configuration, and has the form of the service.
func TestSnapshotMirrors(t *testing.T) {
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	root := t.TempDir()
	host := Host{GOOS: "linux", Env: func(string) string { return "" }, Home: root, Root: root}
	file := host.userConfig("envpack", "config.toml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("[apt]\nubuntu-snapshot = \"https://s.example/ubuntu/\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := Find(host, Options{Apt: map[string]string{Debian: "http://mirror.example/debian", DebianSnapshot: "http://s.example/archive/"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		Debian:         "http://s.example/archive/debian/20240301T110000Z",
		DebianSecurity: "http://s.example/archive/debian-security/20240301T110000Z",
		Ubuntu:         "https://s.example/ubuntu/20240301T110000Z",
		UbuntuPorts:    "https://s.example/ubuntu/20240301T110000Z",
		PythonBuilds:   "",
	} {
		if got := s.Archives[name].SnapshotAt(at); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if from := s.Archives[Debian].SnapshotFrom; from != "--apt-mirror" {
		t.Error(from)
	}
	if _, err := Find(host, Options{Apt: map[string]string{DebianSnapshot: "ftp://s.example"}}); diag.CodeOf(err) != diag.Usage {
		t.Error(err)
	}
}
