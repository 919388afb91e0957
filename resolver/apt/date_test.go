package apt

import (
	"testing"
	"time"
)

// TestParseDate reads dates in another zone than the host's tests usually have: the host must not matter.
func TestParseDate(t *testing.T) {
	host := time.Local
	defer func() { time.Local = host }()
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("CET", 3600)} {
		time.Local = zone
		for _, good := range []string{"Sat, 11 Jul 2026 10:16:37 UTC", "Sat, 11 Jul 2026 10:16:37 GMT", "Sat, 11 Jul 2026 10:16:37 +0000",
			"Sat, 11 Jul 2026 11:16:37 +0100"} {
			got, err := parseDate(good)
			if err != nil || !got.Equal(time.Date(2026, 7, 11, 10, 16, 37, 0, time.UTC)) {
				t.Errorf("in %s: %s is %v, %v", zone, good, got, err)
			}
		}
		for _, bad := range []string{"", "Sat, 11 Jul 2026 10:16:37", "Sat, 11 Jul 2026 10:16:37 CET", "2026-07-11T10:16:37Z"} {
			if got, err := parseDate(bad); err == nil {
				t.Errorf("in %s: %q is %v", zone, bad, got)
			}
		}
	}
}
