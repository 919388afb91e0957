package parent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/lockfile"
)

// Reason is why an image cannot be stood upon.
type Reason string

// The reasons.
const (
	OtherPlatform Reason = "platform"    // it is for another, or its binaries are
	ForeignLayer  Reason = "foreign"     // a layer may not be passed on
	UnknownLayer  Reason = "layer"       // a layer is of an unknown kind
	NoLibc        Reason = "no-libc"     // there is no C library to run Python with
	OtherLibc     Reason = "libc"        // its C library is not the interpreter's, or of an unknown version
	NoPython      Reason = "no-python"   // none of the wanted version; one can be added
	UnsurePython  Reason = "unsure"      // there is one, but its full version cannot be told
	PartPython    Reason = "part-python" // there is one, without all of its standard library
	InTheWay      Reason = "in-the-way"  // the environment's place is taken
)

// Refusal is the cause of the diag errors that say why an image cannot be stood upon.
type Refusal struct {
	Reason Reason
	Have   []string // of NoPython: the full versions of the image's interpreters, a t behind those of free-threaded builds
	why    string
}

func (r *Refusal) Error() string { return r.why }

func refuse(reason Reason, format string, args ...any) *diag.Error {
	return diag.Wrap(&Refusal{Reason: reason, why: fmt.Sprintf(format, args...)}, diag.Manifest, "the image cannot be stood upon")
}

func (p *Parent) checkPlatform(want string) error {
	if want == "" || p.Platform == want || strings.HasPrefix(p.Platform, want+"/") || strings.HasPrefix(want, p.Platform+"/") {
		return nil
	}
	return refuse(OtherPlatform, "it is for %s, and %s is wanted", p.Platform, want).
		Hint("name an image that has %s, or choose the platforms of the manifest to suit", want)
}

func (p *Parent) checkLayers() error {
	for i, l := range p.Layers {
		if t := types.MediaType(l.MediaType); !t.IsDistributable() {
			return refuse(ForeignLayer, "its layer %d (%s) may not be passed on (%s), so no registry or archive would have it", i+1, l.Digest, t).
				Hint("such layers are known from Windows; choose an image without them")
		}
		if _, err := l.OCIMediaType(); err != nil {
			return refuse(UnknownLayer, "its layer %d (%s): %v", i+1, l.Digest, err).
				Hint("is it encrypted, or no container image at all?")
		}
	}
	return nil
}

// Choose says on which of the image's interpreters an environment can stand. wanted accepts interpreters of full versions,
// and is called in words what (of the manifest's python: "3.11"). prefix is where the environment will be: "opt/env"; what is
// there is in the way. "" asks nothing of the kind.
//
// Errors are diag errors of code 3 that wrap a [*Refusal]. With NoPython, UnsurePython and PartPython the image can
// still be stood upon if an interpreter is added: what [Parent.Foundation] refuses is no reason of theirs.
func (p *Parent) Choose(wanted func(Python) bool, what, prefix string) (Python, error) {
	if err := p.Foundation(prefix); err != nil {
		return Python{}, err
	}
	const add = "or let an interpreter be added to the image: python-archive under [system]"
	var have []string
	var doubt error
	for _, py := range p.Pythons {
		switch {
		case py.Version == "":
			if doubt == nil {
				doubt = refuse(UnsurePython, "the version of its %s cannot be told: %s", py.Path, py.Doubt).
					Hint("choose another image, %s", add)
			}
			continue
		case py.Machine != machines[p.architecture()]:
			return Python{}, refuse(OtherPlatform, "it says that it is for %s, and its %s is for another machine", p.Platform, py.Path).
				Hint("the image was made wrongly; choose another")
		case !wanted(py):
			if name := py.name(py.Version); !slices.Contains(have, name) { // one build may have several programs
				have = append(have, name)
			}
			continue
		case py.Libc != "" && py.Libc != p.Libc.Kind:
			return Python{}, refuse(OtherLibc, "its %s is linked to %s, and its C library is %s (%s)", py.Path, py.Libc, p.Libc.Kind, p.Libc.Path).
				Hint("choose another image, %s", add)
		case py.Reduced:
			if doubt == nil {
				doubt = refuse(PartPython, "its %s lacks parts of the standard library", py.Path).
					Hint("choose an image that has all of Python %s, %s", py.Minor, add)
			}
			continue
		}
		return py, nil
	}
	if doubt != nil {
		return Python{}, doubt
	}
	why := fmt.Sprintf("it has no Python %s", what)
	e := diag.New(diag.Manifest, "the image cannot be stood upon")
	if len(have) > 0 {
		minor := lockfile.MinorOf(have[0])
		if strings.HasSuffix(have[0], "t") {
			minor += "t"
		}
		why += ", only " + strings.Join(have, ", ")
		e.Hint("choose a Python that it has, python = %q, %s", minor, add)
	} else {
		e.Hint("choose an image that has it, %s", add)
	}
	e.Err = &Refusal{Reason: NoPython, Have: have, why: why}
	return Python{}, e
}

// Foundation says whether wheels for manylinux or musllinux can run on the image, whichever its Python, in an environment at
// prefix. Errors are diag errors of code 3 that wrap a [*Refusal].
func (p *Parent) Foundation(prefix string) error {
	machine, known := machines[p.architecture()]
	switch {
	case !strings.HasPrefix(p.Platform, "linux/"):
		return refuse(OtherPlatform, "it is for %s", p.Platform)
	case !known:
		return refuse(OtherPlatform, "it is for %s, of which nothing is known", p.Platform)
	case p.Libc.Kind == "":
		return refuse(NoLibc, "it has no C library where programs look for one, so no Python runs in it").
			Hint(`choose an image of a distribution, or distro = "none" for the environment alone`)
	case p.Libc.Version == "":
		return refuse(OtherLibc, "its C library is musl (%s), which does not say its version", p.Libc.Path).
			Hint("choose an image of Alpine Linux, or one of a distribution with glibc")
	case p.Libc.Machine != machine:
		return refuse(OtherPlatform, "it says that it is for %s, and its C library is for another machine", p.Platform).
			Hint("the image was made wrongly; choose another")
	}
	if clean(prefix) == "" {
		return nil
	}
	if err := p.CheckFolder(prefix); err != nil {
		return err
	}
	if len(p.Tree.List(prefix)) > 0 {
		return refuse(InTheWay, "it has files in /%s, where the environment goes", clean(prefix)).
			Hint("if envpack made the image, name the one that it stands on instead")
	}
	return nil
}

// CheckFolder refuses an image in which the path leads over anything but folders: layers name the folders that their
// files are in, and one that replaced a symlink would hide what is behind it. What is not there is no hindrance.
// Errors are diag errors of code 3 that wrap a [*Refusal].
func (p *Parent) CheckFolder(folder string) error {
	at := ""
	for name := range strings.SplitSeq(clean(folder), "/") {
		at += "/" + name
		e, ok := p.Tree.Lstat(at)
		if !ok {
			return nil
		}
		if e.Kind != layer.Dir {
			return refuse(InTheWay, "its %s is no folder, and files are to go into /%s", at, clean(folder)).
				Hint("choose another image")
		}
	}
	return nil
}

// name is a version as people write it: "3.11.2", of a free-threaded build "3.14.4t".
func (py *Python) name(version string) string {
	if py.FreeThreaded {
		return version + "t"
	}
	return version
}
