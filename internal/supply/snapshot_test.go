package supply

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/lockfile"
)

// TestSnapshot: the snapshot service is asked last, as of the release of the lock, and not where somebody gave an address:
// requests then go to no other place, unless the lock is of an instant, or somebody gave the service's address as well.
func TestSnapshot(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const service, snapshot, earlier = "http://s.example/debian", "http://s.example/debian/20260304T050607Z", "http://s.example/debian/20260102T000000Z"
	asOf := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	d := lockfile.Deb{Archive: "debian", Path: "pool/x.deb"}
	for name, c := range map[string]struct {
		source   sources.Source
		released time.Time
		asOf     time.Time
		want     []string
	}{
		"well known":  {sources.Source{URL: "http://a.example", WellKnown: true, Further: []string{"http://b.example"}, Snapshot: service}, at, time.Time{}, []string{"http://a.example/pool/x.deb", "http://b.example/pool/x.deb", snapshot + "/pool/x.deb"}},
		"no date":     {sources.Source{URL: "http://a.example", WellKnown: true, Snapshot: service}, time.Time{}, time.Time{}, []string{"http://a.example/pool/x.deb"}},
		"of the user": {sources.Source{URL: "http://a.example", Snapshot: service}, at, time.Time{}, []string{"http://a.example/pool/x.deb"}},
		"both named":  {sources.Source{URL: "http://a.example", Snapshot: service, SnapshotFrom: "--apt-mirror"}, at, time.Time{}, []string{"http://a.example/pool/x.deb", snapshot + "/pool/x.deb"}},
		"as of":       {sources.Source{URL: "http://a.example", Snapshot: service}, at, asOf, []string{"http://a.example/pool/x.deb", earlier + "/pool/x.deb"}},
	} {
		s := &Supply{Options: Options{
			Sources: &sources.Sources{Archives: map[string]sources.Source{"debian": c.source}}, Released: map[string]time.Time{"debian": c.released}, AsOf: c.asOf,
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
