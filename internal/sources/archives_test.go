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

// TestFormerPlaces: where files are that an archive once had is known for the well-known archives, also where the machine's
// own sources name these, and is asked beside a mirror only if somebody names it.
func TestFormerPlaces(t *testing.T) {
	service := strings.TrimSuffix(archives[0].snapshot.url(), "/archive/debian")
	const mirror = "http://mirror.example/debian"
	for name, c := range map[string]struct {
		line           string // of apt's sources
		flags          map[string]string
		archive        string
		service, files string
		further        int
	}{
		"nothing said":         {archive: Debian, service: service, further: 1},
		"security":             {archive: DebianSecurity, service: service, further: 1},
		"ubuntu":               {archive: UbuntuPorts, files: ubuntuFiles.url(), further: 1},
		"as installed":         {line: "deb " + archives[0].at.url() + "/ bookworm main", archive: Debian, service: service, further: 1},
		"as installed, secure": {line: "deb " + strings.Replace(archives[0].at.url(), "http:", "https:", 1) + " bookworm main", archive: Debian, service: service, further: 1},
		"a mirror":             {line: "deb " + mirror + " bookworm main", archive: Debian},
		"a mirror of both":     {line: "deb " + mirror + " bookworm main", flags: map[string]string{DebianSnapshot: "http://s.example/snapshots/archive/"}, archive: Debian, service: "http://s.example/snapshots"},
		"of states alone":      {flags: map[string]string{DebianSnapshot: "http://s.example/snapshots/"}, archive: Debian, further: 1},
		"of the library":       {flags: map[string]string{Ubuntu: "http://mirror.example/ubuntu", UbuntuFiles: "http://f.example/files/"}, archive: UbuntuSecurity, files: "http://f.example/files"},
		"of Ubuntu alone":      {flags: map[string]string{Ubuntu: "http://mirror.example/ubuntu"}, archive: Ubuntu},
	} {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc", "apt"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "etc", "apt", "sources.list"), []byte(c.line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Find(Host{GOOS: "linux", Env: func(string) string { return "" }, Root: root}, Options{Apt: c.flags, Codename: "bookworm"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := s.Archives[c.archive]; got.Service != c.service || got.Files != c.files || len(got.Further) != c.further {
			t.Errorf("%s: service %q, files %q, further %q", name, got.Service, got.Files, got.Further)
		}
	}
}
