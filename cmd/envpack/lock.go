package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver"
)

const lockLong = `Pins Python, the base's packages and every wheel in envpack.lock.

The versions of a lock that is there are kept as far as the manifest allows; --upgrade,
--upgrade-base and --upgrade-package let them move. Prints what changed. A lock that is the
manifest's is left as it is, without asking an index; --refresh asks. Conflicts that a merge left
in the lock are settled: the versions of both sides are preferred, the newer where they differ.

A version that --upgrade-package names must be allowed by the manifest. Later locks keep it, as they
keep any version. --dry-run does all but write the lock and judge the packages' scripts.

A package that has no wheel which fits is built, as long as no other version that is allowed has one:
in a sandbox, without network, in an environment that the lock records. It takes Linux of the
image's architecture; --defer-builds records such packages for another machine, --no-build refuses them.

With [gpu] in the manifest, versions are chosen that run with the drivers and on the GPUs of its hosts;
it is told which, and why. "envpack check" judges the lock for other hosts.

Where there is no solution, the error says why, and which single changes of the manifest resolve.
With --json these are edits, as "changes": file, line, column, old, new and description.

--repair makes the changes, as few and small as it finds, several where one is not enough: each was
tried, is written into the manifest with a comment that says what was asked and why something else
stands there, and is printed. --repair --dry-run prints the manifest's difference and writes nothing.`

const lockExample = `  envpack lock                              # the project in this folder
  envpack lock examples/digits
  envpack lock --upgrade-package numpy      # let one package move
  envpack lock -P numpy==2.0.1 -P scipy     # one of them to a version that is named
  envpack lock --upgrade --dry-run          # what would change?
  envpack lock --upgrade-base               # take security fixes of the distribution, nothing else
  envpack lock --prefer pylock.toml         # take over what uv or pip locked
  envpack lock --group serve --lock serve.lock   # a second lock, for other dependency groups
  envpack lock --repair                     # change the manifest where it has no solution any more
  envpack lock --check                      # in CI: is the lock up to date?`

type lockOptions struct {
	lockFlags
	upgrade     bool
	upgradeBase bool
	packages    []string
	check       bool
	dryRun      bool
	noScan      bool
	smoke       bool
	building    buildPolicy
	refresh     bool
	prefer      string // a pylock.toml; "" is none
	repair      bool
	failed      *resolver.FailedBuilds // when it was repaired before

	files  bool                                          // of [[file]] stay, also when upgrading
	silent bool                                          // nothing is warned of: it is an attempt
	untold bool                                          // how the lock came about: it is compared and not kept
	stay   bool                                          // on the lock's distribution, also when upgrading
	watch  func(resolver.BaseSource) resolver.BaseSource // looks at the base's answers; may be nil
	then   func(*lockfile.Lock, resolver.Packages) error // looks at what the lock was made from; may be nil
}

func newLock(s *session) *cobra.Command {
	var o lockOptions
	cmd := &cobra.Command{
		Use:     "lock [DIR]",
		Short:   "Pin everything that the image is made of in envpack.lock",
		Long:    lockLong,
		Example: lockExample,
		Args:    atMostOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.lock(cmd.Context(), dirOf(cmd, args), o)
		},
	}
	o.addTo(cmd)
	o.addGroups(cmd)
	cmd.Flags().BoolVarP(&o.upgrade, "upgrade", "U", false, "prefer the newest versions to those of the lock")
	cmd.Flags().BoolVar(&o.upgradeBase, "upgrade-base", false, "prefer the newest versions of the distribution's packages, and keep the rest")
	cmd.Flags().StringArrayVarP(&o.packages, "upgrade-package", "P", nil, "let this `PACKAGE` move: NAME to the newest version, NAME==VERSION to that, NAME with other bounds, as \"numpy<2\", to the newest within them; may be given several times")
	completeFlag(cmd, "upgrade-package", completePackage)
	cmd.Flags().BoolVar(&o.noScan, "no-scan", false, "do not read the wheels for the libraries that they need; what the lock knows of them stays")
	cmd.Flags().BoolVar(&o.smoke, "smoke", false, "import in the image what the requirements are for, in a sandbox; exit status 8 if something cannot be")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would change, and write nothing")
	cmd.Flags().BoolVar(&o.repair, "repair", false, "where the manifest has no solution, change it as little as possible, with a comment for each change")
	o.building.addTo(cmd)
	cmd.Flags().BoolVar(&o.refresh, "refresh", false, "ask the indexes and archives although the lock is up to date; versions stay")
	cmd.Flags().StringVar(&o.prefer, "prefer", "", "prefer the versions of this `FILE`, a pylock.toml, to those of the lock, and hold files to its hashes")
	cmd.Flags().BoolVar(&o.check, "check", false, "change nothing; exit status 5 if the lock is missing or out of date")
	return cmd
}

func (s *session) lock(ctx context.Context, dir string, o lockOptions) error {
	if o.check && (o.upgrade || o.upgradeBase || len(o.packages) > 0) {
		return diag.New(diag.Usage, "--check changes nothing, --upgrade, --upgrade-base and --upgrade-package do: give one of them")
	}
	if o.smoke && (o.check || o.dryRun) {
		return diag.New(diag.Usage, "--smoke needs the image of a lock that is there, which --check and --dry-run do not make")
	}
	if o.check && o.dryRun {
		return diag.New(diag.Usage, "--check makes no lock, and --dry-run makes one that is not written: give one of them")
	}
	if o.check && o.repair {
		return diag.New(diag.Usage, "--check changes nothing, and --repair changes the manifest: give one of them")
	}
	if err := o.building.check(); err != nil {
		return err
	}
	m, path, err := o.load(dir)
	if err != nil {
		return err
	}
	if o.check {
		if err := s.holdCurrent(ctx, m, path); err != nil {
			return err
		}
		s.ui().Printf("%s is up to date", path)
		if s.json {
			return s.printJSON(map[string]bool{"up_to_date": true})
		}
		return nil
	}
	if l := upToDate(m, path, o); l != nil {
		return s.tellTried(ctx, m, l, o.smoke, func() error { return s.nothingChanged(l, path, o.dryRun) })
	}
	if !o.dryRun {
		if err := writable(path); err != nil { // before the work, not after it
			return err
		}
	}
	st, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	old, err := s.readPrevious(path)
	if err != nil {
		return err
	}
	var wish *preferred
	if o.prefer != "" {
		if wish, err = readPreferred(o.prefer); err != nil {
			return err
		}
		old.prefer = wish.before(s, old.prefer, m)
	}
	l, m, repaired, err := s.resolveRepairing(ctx, st, dir, m, old.prefer, o)
	if err != nil {
		return err
	}
	old.repairs = repaired.asJSON()
	old.settle(s, l)
	if wish != nil {
		if err := wish.hold(s, l); err != nil {
			return err
		}
		lockfile.KeepSeals(old.compare, l)
	}
	if !o.noScan && !o.dryRun {
		if err := s.warnScripts(ctx, st, m, l); err != nil {
			return err
		}
	}
	if !o.dryRun {
		if err := s.keepLayers(ctx, st, m, l, old); err != nil {
			return err
		}
	}
	s.tellUnmoved(old.compare, l, o.packages)
	s.tellRepairs(repaired, o.dryRun)
	if o.dryRun {
		return s.tellChanges(l, old, path, true)
	}
	if err := repaired.write(); err != nil {
		return err
	}
	if err := putLock(l, path); err != nil {
		return err
	}
	return s.tellTried(ctx, m, l, o.smoke, func() error { return s.tellChanges(l, old, path, false) })
}

// resolve makes a lock for the manifest.
func (s *session) resolve(ctx context.Context, st *store.Store, m *manifest.Manifest, old *lockfile.Lock, o lockOptions) (*lockfile.Lock, error) {
	options := resolver.Options{
		Previous: old, Repair: o.repair, Failed: o.failed, Upgrade: o.upgrade, UpgradeBase: o.upgradeBase, NoScan: o.noScan, NoBuild: o.building.refuse, DeferBuilds: o.building.defers, KeepDistro: o.stay, KeepData: o.files, Now: time.Now(),
		Warn: func(text string) {
			if !o.silent {
				s.ui().Warn("%s", text)
			}
		},
		Tell: func(text string) {
			if !o.untold {
				s.ui().Printf("%s", text)
			}
		},
	}
	if err := upgrades(old, o.packages, &options); err != nil {
		return nil, err
	}
	use := locking
	if o.upgrade || len(o.packages) > 0 {
		use = upgrading
	}
	sup, err := s.supplyFor(st, m, use)
	if err != nil {
		return nil, err
	}
	defer sup.Close()
	for _, r := range m.Remarks {
		if r.Index == "" || strings.TrimRight(r.Index, "/") != strings.TrimRight(sup.Sources.Index.URL, "/") {
			s.warnOnce(r.String())
		}
	}
	phase := s.ui().Phase("locking")
	defer phase.Drop() // unless it is done
	options.Progress = func(step string) { phase.Note("%s", step) }
	var base resolver.BaseSource = sup
	if o.watch != nil {
		base = o.watch(base)
	}
	defer spareMemory()()
	l, err := resolver.Resolve(ctx, m, resolver.Sources{Packages: sup.Packages(), Base: base, Scan: sup, References: sup, Data: sup, Builder: builderBy(sup)}, options)
	if err != nil {
		return nil, againstManifest(advise(err), m, options.Require)
	}
	if o.then != nil {
		if err := o.then(l, sup.Packages()); err != nil {
			return nil, err
		}
	}
	phase.Done()
	return l, nil
}

// putLock writes the lock unless it is the same.
func putLock(l *lockfile.Lock, path string) error {
	if data, err := os.ReadFile(path); err != nil || string(data) != string(lockfile.Encode(l)) {
		if err := l.Write(path); err != nil {
			return notWritten(path, err)
		}
	}
	return nil
}

// tellChanges tells what changed, or, if the lock is not written, what would.
func (s *session) tellChanges(l *lockfile.Lock, old previous, path string, dry bool) error {
	changes := []lockfile.Change{}
	if old.compare != nil {
		changes = append(changes, lockfile.Diff(old.compare, l)...)
		s.warnMoved(old.compare, l)
	}
	s.close()
	if s.json {
		out := lockSummary(l, changes, old.compare == nil)
		out.DryRun, out.smoked, out.Repairs = dry, s.smoked, old.repairs
		return s.printJSON(out)
	}
	for _, c := range changes {
		fmt.Fprintln(s.stdout, c)
	}
	if old.compare == nil {
		for _, line := range foundLibraries(l) {
			s.ui().Printf("%s", line)
		}
	}
	for _, line := range append(decidedByGPU(old.compare, l), decidedForGPUs(old.compare, l)...) {
		s.ui().Printf("%s", line)
	}
	if old.compare != nil && !old.compare.Measured() && l.Measured() {
		s.ui().Printf("the lock says now which code for GPUs its wheels have; `envpack inspect --gpu` shows it")
	}
	if dry {
		path += " (not written)"
	}
	switch {
	case old.compare == nil:
		s.ui().Printf("%s: %s", path, lockCounts(l))
	case old.sides[0] != nil:
		s.ui().Printf("%s: conflicts settled, %s", path, lockCounts(l))
	case len(changes) == 0:
		s.ui().Printf("%s: nothing changed (%s)", path, lockCounts(l))
	default:
		s.ui().Printf("%s: %s, %s", path, plural(len(changes), "change"), lockCounts(l))
	}
	return nil
}

// decidedByGPU says which packages are older than they would be without [gpu], and why: a line for each, unless the lock that
// was there, which may be nil, says the same.
func decidedByGPU(old, l *lockfile.Lock) []string {
	var lines []string
	for _, c := range l.Choices {
		if c.Kind != lockfile.CUDAChoice || old != nil && slices.Contains(old.Choices, c) {
			continue
		}
		on := ""
		if len(l.Targets) > 1 {
			on = " on " + c.Target
		}
		lines = append(lines, fmt.Sprintf("%s %s%s: %s", c.Name, c.Value, on, c.Reason))
	}
	return lines
}

// foundLibraries says which packages were added for the wheels, and why: a line for each.
func foundLibraries(l *lockfile.Lock) []string {
	reasons := map[string]string{}
	for _, c := range l.Choices {
		if c.Kind == lockfile.LibraryChoice && reasons[c.Value] == "" {
			reasons[c.Value] = c.Reason
		}
	}
	var lines []string
	for _, pkg := range slices.Sorted(maps.Keys(reasons)) {
		lines = append(lines, fmt.Sprintf("+ system package %s: %s", pkg, reasons[pkg]))
	}
	return lines
}

func lockCounts(l *lockfile.Lock) string {
	files := ""
	if n := len(l.Data); n > 0 {
		files = " and " + plural(n, "file")
	}
	base, debs := "", plural(len(l.Base.Debs), "package")
	switch none := len(l.Base.Debs) == 0; {
	case l.Base.Reference != "" && none:
		base = fmt.Sprintf(", on %s (%s)", l.Base.Reference, l.Base.Distro)
	case l.Base.Reference != "":
		base = fmt.Sprintf(", on %s (%s) with %s", l.Base.Reference, l.Base.Distro, debs)
	case !none:
		base = fmt.Sprintf(", on %s of %s", debs, l.Base.Distro)
	}
	return fmt.Sprintf("%s%s for %s%s", plural(len(l.Packages), "Python package"), files, platformsOf(l), base)
}

type summary struct {
	Packages  int               `json:"packages"`
	Platforms []string          `json:"platforms"`
	Base      string            `json:"base"`
	Debs      int               `json:"base_packages"`
	Files     int               `json:"files,omitempty"` // of [[file]]
	New       bool              `json:"new"`
	DryRun    bool              `json:"dry_run,omitempty"` // nothing was written
	GPUs      []gpuSummary      `json:"gpus,omitempty"`    // with [gpu]
	Repairs   []repairJSON      `json:"repairs,omitempty"` // of the manifest
	Changes   []lockfile.Change `json:"changes"`

	*smoked // with --smoke
}

func lockSummary(l *lockfile.Lock, changes []lockfile.Change, isNew bool) summary {
	out := summary{Packages: len(l.Packages), Base: l.Base.Distro, Debs: len(l.Base.Debs), Files: len(l.Data), New: isNew, GPUs: gpuSummaries(l), Changes: changes}
	for _, t := range l.Targets {
		out.Platforms = append(out.Platforms, t.Platform)
	}
	return out
}
