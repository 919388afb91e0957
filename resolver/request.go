package resolver

import (
	"fmt"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/apt"
)

// request is what is asked of the distribution for a platform; more are packages that were found to be needed.
func (b *bases) request(c baseCandidate, platform string, more []string) apt.Options {
	_, arch, _ := strings.Cut(platform, "/")
	m := b.manifest
	want := apt.Options{
		Distro: c.distro, Python: c.python, OmitPython: c.archive, Architecture: arch, Pockets: m.Pockets,
		Prefer: b.preferredDebs(arch), AcceptExpired: m.System.AcceptExpired, AsOf: b.asOf,
	}
	if image := b.images[platform]; image != nil {
		want.OmitBase, want.Installed = true, image.Status
	}
	for _, p := range m.System.Packages {
		want.System = append(want.System, relation(p.Text))
		if name, version, exact := strings.Cut(p.Text, "="); exact {
			want.Prefer[name] = version // else the newest that the archives have hides it
		}
	}
	if old := b.options.Previous; old != nil {
		want.NotBefore = map[string]time.Time{}
		for _, r := range old.Base.Releases {
			if !b.moved(r.Archive) && (b.asOf.IsZero() || !r.Date.After(b.asOf)) {
				want.NotBefore[r.Archive+" "+r.Suite] = r.Date
			}
		}
	}
	want.System = append(want.System, more...)
	for _, a := range m.System.Archives {
		extra := apt.Archive{Name: a.Name, URL: a.URL, Suite: a.Suite, Components: a.Components, Fingerprints: a.Fingerprints}
		if a.Key != nil {
			extra.Keys = [][]byte{a.Key}
		}
		want.Extra = append(want.Extra, extra)
	}
	return want
}

// moved tells whether an archive of the manifest is at another address than when the lock was made: it may be another
// archive, whose dates say nothing about the former's.
func (b *bases) moved(name string) bool {
	for _, was := range b.options.Previous.Base.Archives {
		for _, is := range b.manifest.System.Archives {
			if was.Name == name && is.Name == name {
				return was.URL != is.URL
			}
		}
	}
	return false
}

// relation is a package of the manifest as a relation of Debian's: apt's "name=version" is "name (= version)".
func relation(text string) string {
	name, version, exact := strings.Cut(text, "=")
	if !exact {
		return text
	}
	return fmt.Sprintf("%s (= %s)", name, version)
}

// asOfBase is the instant whose state of the distribution's archives the base is of. One that is counted back from now
// stays where the lock has it, as versions do, as long as it is far enough back: locking again must not move it.
func asOfBase(m *manifest.Manifest, o Options) time.Time {
	asked := m.System.AsOf.Instant(o.Now)
	if old := o.Previous; old != nil && !o.Upgrade && !o.UpgradeBase && m.System.AsOf.Ago() > 0 {
		if was := old.Base.AsOf; !was.IsZero() && was.Before(asked) {
			return was
		}
	}
	return asked
}

// warnAsOf tells what system.as-of does not reach.
func (b *bases) warnAsOf() {
	if b.asOf.IsZero() {
		return
	}
	at := b.asOf.Format(time.RFC3339)
	if b.asOf.After(b.options.Now) {
		b.options.Warn(fmt.Sprintf("system.as-of is %s, which is still to come: what is published until then will change what is chosen", at))
	}
	for _, a := range b.manifest.System.Archives {
		b.options.Warn(fmt.Sprintf("the archive %s is taken as it is now: of archives of [[apt]] there are no snapshots of %s", a.Name, at))
	}
}

// preferredDebs are the versions of the previous lock for an architecture. A base of another instant is wanted as it was
// then.
func (b *bases) preferredDebs(arch string) map[string]string {
	o := b.options
	prefer := map[string]string{}
	if o.Previous == nil || o.Upgrade || o.UpgradeBase || !b.asOf.IsZero() && !b.asOf.Equal(o.Previous.Base.AsOf) {
		return prefer
	}
	for _, d := range o.Previous.Base.Debs {
		if d.Architecture == arch || d.Architecture == "all" {
			prefer[d.Name] = d.Version
		}
	}
	return prefer
}
