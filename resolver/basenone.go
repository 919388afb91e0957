package resolver

import (
	"cmp"
	"context"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// noneLibc is the C library that an environment without a base is made for, unless system.libc says otherwise: that of
// manylinux_2_28, which distributions of the last years have.
var noneLibc = manifest.Libc{Kind: "glibc", Version: "2.28"}

// none makes the targets of an environment without a base. Its Python is stated in full, as nothing is there
// to read it from, or comes from an archive.
func (b *bases) none(ctx context.Context) ([]*target, error) {
	m := b.manifest
	b.lock.Base = lockfile.Base{Distro: lockfile.NoDistro}
	libc := cmp.Or(m.System.Libc, noneLibc)
	glibc, musl := libc.Version, ""
	if libc.Kind == "musl" {
		glibc, musl = "", libc.Version
	}
	var targets []*target
	for _, platform := range m.Platforms {
		version := m.Python.Full()
		switch {
		case len(m.System.Pythons) > 0:
			i, err := b.interpreter(ctx, platform)
			if err != nil {
				return nil, err
			}
			if err := b.onLibc(i, glibc, musl); err != nil {
				return nil, err
			}
			version = i.Version
			b.lock.Base.Interpreters = append(b.lock.Base.Interpreters, i.Interpreter)
		case version == "":
			return nil, diag.New(diag.Manifest, "without a distribution, Python is to be given in full, and %q is not", m.Python.Text).
				At(m.Python.Pos).Hint(`as in python = "3.12.4", for markers depend on it; or name a system.python-archive`)
		}
		t, err := newTarget(lockfile.Target{Platform: platform, Python: version, ABI: abiOf(version, m.Python.FreeThreaded), Glibc: glibc, Musl: musl})
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
		b.lock.Targets = append(b.lock.Targets, t.Target)
	}
	return targets, nil
}

// onLibc checks that an interpreter's C library is the one that wheels are chosen for. How new a glibc it needs is checked
// where the manifest says what there will be.
func (b *bases) onLibc(i *Interpreter, glibc, musl string) error {
	switch stated := b.manifest.System.Libc; {
	case stated.Kind != "":
		return b.runsOn(i, "system.libc", glibc, musl)
	case i.Musl:
		return diag.New(diag.Manifest, "the interpreter %s is linked to musl, and wheels are chosen for %s", i.Path, noneLibc.Text()).
			At(b.archivePos()).Hint(`libc = "musl 1.2" in [system] takes wheels for musl`)
	}
	return nil
}
