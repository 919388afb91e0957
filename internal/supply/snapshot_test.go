package supply

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/lockfile"
)

// TestSnapshot: the snapshot service is asked last, as of the release of the lock, and not where somebody gave an address:
// requests then go to no other place.
func TestSnapshot(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	snapshot, ok := sources.Snapshot("debian", at)
	if !ok {
		t.Fatal("Debian has no snapshot service")
	}
	d := lockfile.Deb{Archive: "debian", Path: "pool/x.deb"}
	for name, c := range map[string]struct {
		source   sources.Source
		released time.Time
		want     []string
	}{
		"well known":  {sources.Source{URL: "http://a.example", WellKnown: true, Further: []string{"http://b.example"}}, at, []string{"http://a.example/pool/x.deb", "http://b.example/pool/x.deb", snapshot + "/pool/x.deb"}},
		"no date":     {sources.Source{URL: "http://a.example", WellKnown: true}, time.Time{}, []string{"http://a.example/pool/x.deb"}},
		"of the user": {sources.Source{URL: "http://a.example"}, at, []string{"http://a.example/pool/x.deb"}},
	} {
		s := &Supply{Options: Options{
			Sources: &sources.Sources{Archives: map[string]sources.Source{"debian": c.source}}, Released: map[string]time.Time{"debian": c.released},
		}}
		got, err := s.places(d)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
