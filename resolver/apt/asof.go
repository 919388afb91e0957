package apt

import (
	"context"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// SnapshotError is about a state of a distribution's archive as of an instant: it is not to be had, or not of then.
type SnapshotError struct{ Err error }

// Error implements error.
func (e *SnapshotError) Error() string { return e.Err.Error() }

func (e *SnapshotError) Unwrap() error { return e.Err }

// signing is how long after the date that a release states it is signed at most.
const signing = time.Hour

// releaseAsOf reads the release file of AsOf. An archive whose release is not of a later date has published nothing
// since, so that it is that of AsOf, and no snapshot is asked for. Else it is the snapshot's, whatever may be wrong with what
// the archive has now, unless its signature is.
func (l *loader) releaseAsOf(ctx context.Context) (*release, error) {
	now, other, err := l.unchanged(ctx)
	if err != nil || now != nil {
		return now, err
	}
	fail := func(err error) error { return &SnapshotError{err} }
	l.base = strings.TrimSuffix(l.Snapshots[l.archive], "/")
	if l.base == "" {
		return nil, fail(diag.New(diag.Fetch, "of its states before now no address is known"))
	}
	data, err := l.get(ctx, l.pocket.folder()+"InRelease", maxInRelease)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		return nil, &noSnapshot{pocket: l.pocket, asOf: l.AsOf, family: family(l.Distro), err: err, now: other}
	}
	wrap := func(err error) error {
		return fail(diag.Wrap(err, 0, "verifying the snapshot of %s", l.AsOf.Format(timeForm)))
	}
	r, err := l.genuine(data)
	if err != nil {
		return nil, wrap(err)
	}
	if r.date.After(l.AsOf) {
		return nil, fail(diag.New(diag.Mismatch, "the snapshot of %s has a release of %s, which is later", l.AsOf.Format(timeForm), r.date.Format(timeForm)).
			Hint("the snapshot service, or a mirror of it, serves another state than it was asked for"))
	}
	if r, err = l.judged(data); err != nil {
		return nil, wrap(err)
	}
	return r, nil
}

// present is what an archive has now that is not the state of AsOf.
type present struct {
	since time.Time // when it came to be; zero if it is none
	err   error     // why it has none
}

// unchanged reads the release that the archive has now, nil if it is not that of AsOf.
func (l *loader) unchanged(ctx context.Context) (r *release, other present, err error) {
	for _, place := range append([]string{l.Archives[l.archive]}, l.Further[l.archive]...) {
		if place == "" {
			continue
		}
		l.base = strings.TrimSuffix(place, "/")
		data, err := l.get(ctx, l.pocket.folder()+"InRelease", maxInRelease)
		if ctx.Err() != nil {
			return nil, other, err
		}
		if err != nil {
			if other.err == nil {
				other.err = err
			}
			continue
		}
		if r, err = l.genuine(data); err != nil {
			return nil, other, diag.Wrap(err, 0, "verifying InRelease")
		}
		if r.date.After(l.AsOf) {
			return nil, present{since: r.date}, nil
		}
		if err := r.inForce(l.at(), l.AcceptExpired); err != nil { // by AsOf another was published, which this place lacks
			return nil, present{err: diag.Wrap(err, 0, "its release of %s", r.date.Format(timeForm))}, nil
		}
		if r, err = l.judged(data); err != nil {
			return nil, other, diag.Wrap(err, 0, "verifying InRelease")
		}
		return r, other, nil
	}
	return nil, other, nil
}

// at is the instant at which validity is judged: an AsOf that is still to come tells nothing of today's.
func (l *loader) at() time.Time { return earlier(l.AsOf, l.Now) }

// genuine reads a release that a trusted key signed, be it in force or not: of when it is must be known before it can
// be judged.
func (l *loader) genuine(data []byte) (*release, error) {
	text, _, err := verify(data, l.keys, l.Now, true)
	if err != nil {
		return nil, err
	}
	return parseRelease(text, l.pocket)
}

// judged verifies and reads a release as of AsOf.
func (l *loader) judged(data []byte) (*release, error) {
	text, signers, err := verify(data, l.keys, earlier(l.AsOf.Add(signing), l.Now), l.AcceptExpired)
	if err != nil {
		return nil, err
	}
	r, err := parseRelease(text, l.pocket)
	if err != nil {
		return nil, err
	}
	r.sum, r.signers = hexSum(data), signers
	return r, r.inForce(l.at(), l.AcceptExpired)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
