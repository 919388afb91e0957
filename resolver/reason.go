package resolver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/tags"
)

// reason is why a version cannot be used. Versions with equal reasons make one fact of a proof.
type reason struct {
	kind   reasonKind
	detail string
}

type reasonKind int

const (
	usable         reasonKind = iota
	noFiles                   // none whose name makes sense
	noUploadTime              // as-of is asked for, the index does not say when, and such files are skipped
	undated                   // so, and nobody has decided what then; detail: the file
	onlyVariants              // no file but wheel variants
	afterAsOf                 // detail: as-of
	needsPython               // detail: Requires-Python
	onlySdist                 // no wheels at all
	onlySource                // and --only-binary refuses them
	onlyWheels                // and no-binary refuses them
	noWheel                   // none for the target
	otherHash                 // the requirements give hashes, and no file has one
	wasYanked                 //
	isPrerelease              // and the policy does not want it
	badMetadata               // detail: the mistake
	needsAddress              // detail: the requirement, which is a direct reference
	badRequirement            // detail: the requirement and the mistake
	quarantined               // detail: the index's reason
	needsDriver               // of CUDA: detail says which, and which is wanted
	noGPUCode                 // detail: how that is known
	noExtra                   // detail: the extra, which is of CUDA
	noKernels                 // detail: for which GPU, and what there is
	otherCUDA                 // detail: what gpu.cuda says, and where
	cannotBuild               // detail: what failed
)

// noProject is the solver's reason for a project that no index has.
type noProject struct {
	text      string
	bound     bool     // to one index
	addresses []string // of the indexes that were asked
}

// missing words that no index has a project. The default index has no name that people know.
func missing(name string, err error) *noProject {
	var e *index.NoProjectError
	if !errors.As(err, &e) {
		return &noProject{text: "there is no package " + name}
	}
	n := &noProject{text: e.Error(), bound: e.Bound, addresses: e.Addresses}
	if !e.Bound && len(e.Indexes) == 1 && e.Indexes[0] == DefaultIndex {
		n.text = "there is no package " + name
		if len(e.Addresses) == 1 {
			n.text += " on the default index (" + e.Addresses[0] + ")"
		}
	}
	return n
}

// clause words the reason as a sentence about versions of a project; all tells whether these are
// all that there are, and versions names them.
func (r reason) clause(project, versions string, all bool) string {
	subject := versions
	if all {
		subject = "every version of " + project
	}
	switch r.kind {
	case noFiles:
		return subject + " has no file with a name that makes sense"
	case noUploadTime:
		return subject + " is left out by as-of, because the index does not say when it was uploaded"
	case undated:
		return subject + " may have been uploaded after as-of; the index does not say when"
	case onlyVariants:
		return subject + " has only wheel variants (PEP 825), which envpack does not install"
	case afterAsOf:
		return subject + " was uploaded after " + r.detail + " (as-of)"
	case needsPython:
		return subject + " needs Python " + r.detail
	case onlySdist:
		return subject + " has only a source distribution"
	case onlySource:
		return subject + " has only a source distribution, which --only-binary refuses"
	case onlyWheels:
		return subject + " has only wheels, which resolver.no-binary refuses"
	case otherHash:
		return subject + " has no file whose hash the requirements allow"
	case wasYanked:
		return subject + " was yanked by its authors"
	case isPrerelease:
		return subject + " is a pre-release"
	case badMetadata:
		return subject + " has metadata that cannot be used (" + r.detail + ")"
	case needsAddress:
		return subject + " depends on a file by its address, which only the manifest and what it names by address may do (" + r.detail + ")"
	case badRequirement:
		return subject + " has a dependency that cannot be understood (" + r.detail + ")"
	case quarantined:
		text := project + " is quarantined by the index, which offers none of its files"
		if r.detail != "" {
			text += " (" + strings.Join(strings.Fields(r.detail), " ") + ")"
		}
		return text
	case cannotBuild:
		return subject + " cannot be built (" + r.detail + ")"
	case noGPUCode:
		return subject + " has no code for GPUs (" + r.detail + ")"
	case noExtra:
		return subject + " has no extra " + r.detail
	case needsDriver, otherCUDA, noKernels:
		return subject + " " + r.detail
	}
	return subject + " cannot be used"
}

// hint is what a person can do about the reason, "" for nothing in general.
func (r reason) hint() string {
	switch r.kind {
	case noUploadTime:
		return `undated = "use" in the [[index]] takes files without a time of upload as if they had been uploaded in time`
	case afterAsOf:
		return "as-of hides what was uploaded later; a later date may have an answer"
	case wasYanked:
		return "an exact requirement (==) in the manifest takes a yanked version all the same"
	case isPrerelease:
		return "[resolver] prereleases decides whether pre-releases are taken"
	case needsAddress:
		return "name that address in the manifest as well, if you trust it: " + r.detail
	case otherHash:
		return "the hashes in the requirements may be of another platform's files, or of a source distribution"
	}
	return ""
}

// noWheelClause words reason noWheel with the nearest version's wheels.
func (c *catalogue) noWheelClause(project, versions string, all bool, r *release, newest *candidate) string {
	on := fmt.Sprintf("Python %s on %s", c.target.Minor(), c.target.Platform)
	if c.target.Musl != "" {
		on += " with musl"
	}
	wheels := c.wheelsOf(r, newest)
	// The right platform for another Python says more than all the wrong ones, and the right machine with glibc more than others.
	families := []string{"manylinux"}
	if c.target.Musl != "" {
		families = []string{"musllinux", "manylinux"}
	}
	for _, family := range families {
		if near := slices.DeleteFunc(slices.Clone(wheels), func(w tags.Wheel) bool { return !c.samePlatform(w, family) }); len(near) > 0 {
			wheels = near
			break
		}
	}
	why := c.target.ranking.Explain(wheels)
	if all {
		if len(r.candidates) > 1 {
			return fmt.Sprintf("no version of %s has a wheel for %s (%s: %s)", project, on, newest.version, why)
		}
		versions = project + " " + newest.version.String()
	}
	if versions != project+" "+newest.version.String() {
		why = newest.version.String() + ": " + why
	}
	return fmt.Sprintf("%s has no wheel for %s (%s)", versions, on, why)
}

func (c *catalogue) samePlatform(w tags.Wheel, family string) bool {
	machine := "_" + c.target.ranking.Target().Machine()
	return slices.ContainsFunc(w.Platforms, func(p string) bool {
		return p == "any" || strings.Contains(p, family) && strings.HasSuffix(p, machine)
	})
}
