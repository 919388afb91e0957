package manifest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// AsOf is the moment up to which uploads, or states of a distribution, count. The zero value means that all do. The moment
// is a whole second, all of which counts: a time of upload is to be cut to seconds before it is compared.
type AsOf struct {
	instant time.Time
	ago     time.Duration
}

// IsZero tells whether no moment was asked for.
func (a AsOf) IsZero() bool { return a.instant.IsZero() && a.ago == 0 }

// Instant is the moment, in UTC and whole seconds, for somebody who locks now.
func (a AsOf) Instant(now time.Time) time.Time {
	if a.ago > 0 {
		return now.UTC().Add(-a.ago).Truncate(time.Second)
	}
	return a.instant
}

// Ago is the duration, 0 for a fixed moment.
func (a AsOf) Ago() time.Duration { return a.ago }

// String is the canonical form: an instant, or a duration in hours.
func (a AsOf) String() string {
	switch {
	case a.ago > 0:
		return fmt.Sprintf("%d hours", a.ago/time.Hour)
	case a.instant.IsZero():
		return ""
	}
	return a.instant.Format(time.RFC3339)
}

const longestAgo = 100 * 365 * 24 * time.Hour

var spanForm = pattern.New(`^(\d{1,5}) ?(hour|day|week)s?$`)

// parseAsOf reads a date (the whole of that day counts, in UTC), an instant, or "7 days".
func parseAsOf(text string) (AsOf, error) {
	if m := spanForm().FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		unit := map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}[m[2]]
		if n == 0 || time.Duration(n) > longestAgo/unit {
			return AsOf{}, fmt.Errorf("a duration from 1 hour to 100 years is wanted")
		}
		return AsOf{ago: time.Duration(n) * unit}, nil
	}
	if t, err := time.Parse("2006-01-02", text); err == nil {
		return AsOf{instant: t.Add(24*time.Hour - time.Second)}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return AsOf{instant: t.UTC().Truncate(time.Second)}, nil
	}
	return AsOf{}, fmt.Errorf("%q is no date (2024-03-01), instant (2024-03-01T12:00:00Z) or duration (7 days)", text)
}

// AsOfPlace is where the moment stands up to which uploads of a package count; zero if all do.
func (m *Manifest) AsOfPlace(name string) diag.Position {
	for _, one := range m.Policies.Packages {
		if one.Name == name && one.OwnAsOf {
			return one.Pos
		}
	}
	return m.Places.AsOf
}
