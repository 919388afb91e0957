package main

import (
	"os"
	"testing"

	"github.com/envpack/envpack/internal/sources"
)

// TestFoundOnce finds the sources once for all steps of a command, and fetches with one client, which knows the credentials of
// all of them.
func TestFoundOnce(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"} {
		t.Setenv(name, home)
	}
	t.Setenv("PIP_CONFIG_FILE", os.DevNull)
	t.Setenv("PIP_INDEX_URL", "https://me:secret@packages.example/simple/")
	s := &session{indexURL: "https://you:other@index.example/simple/"}
	first, err := s.sources(sources.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.sources(sources.Options{})
	if err != nil || again != first {
		t.Errorf("found twice: %v", err)
	}
	s.indexURL = ""
	if other, err := s.sources(sources.Options{Codename: "bookworm"}); err != nil || other == first {
		t.Errorf("not found anew: %v", err)
	}
	one, err := s.fetcher()
	if two, err2 := s.fetcher(); err != nil || err2 != nil || one != two {
		t.Errorf("two clients: %v %v", err, err2)
	}
	for host, want := range map[string]string{"index.example": "you other", "packages.example": "me secret"} {
		if user, password, ok := s.places.credentials(host); !ok || user+" "+password != want {
			t.Errorf("%s: %q %q %t", host, user, password, ok)
		}
	}
	if _, _, ok := s.places.credentials("nobody.example"); ok {
		t.Error("credentials for a host of which there are none")
	}
}
