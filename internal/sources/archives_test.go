package sources

import (
	"testing"
	"time"
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
	if url, ok := Snapshot(UbuntuSecurity, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)); !ok || url[len(url)-len("/ubuntu/20240301T000000Z"):] != "/ubuntu/20240301T000000Z" {
		t.Error(url)
	}
}
