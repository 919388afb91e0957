package resolver

import (
	"fmt"
	"strings"
	"time"

	"github.com/envpack/envpack/resolver/apt"
)

// request is what is asked of the distribution for a platform; more are packages that were found to be needed.
func (b *bases) request(c baseCandidate, platform string, more []string) apt.Options {
	_, arch, _ := strings.Cut(platform, "/")
	m := b.manifest
	want := apt.Options{
		Distro: c.distro, Python: c.python, OmitPython: c.archive, Architecture: arch, Pockets: m.Pockets,
		Prefer: preferredDebs(b.options, arch), AcceptExpired: m.System.AcceptExpired,
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
			if !b.moved(r.Archive) {
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

// preferredDebs are the versions of the previous lock for an architecture.
func preferredDebs(o Options, arch string) map[string]string {
	prefer := map[string]string{}
	if o.Previous == nil || o.Upgrade || o.UpgradeBase {
		return prefer
	}
	for _, d := range o.Previous.Base.Debs {
		if d.Architecture == arch || d.Architecture == "all" {
			prefer[d.Name] = d.Version
		}
	}
	return prefer
}
