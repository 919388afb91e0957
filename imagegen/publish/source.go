package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/envpack/envpack/internal/diag"
)

// sourceForms is the hint of every source that makes no sense.
const sourceForms = "an image is a folder (oci:DIR), a file (oci-archive:FILE, docker-archive:FILE), each with :NAME behind it where it holds several, one of Docker's engine (docker-daemon:NAME), or a reference in a registry (REGISTRY/REPOSITORY:TAG)"

// OpenOptions say how a source is opened.
type OpenOptions struct {
	Client
	Platform string // only the images for it: "linux/arm64" means every variant of it; "": all
	Offline  bool   // do not ask registries
	// Tolerant opens what is damaged as well, as far as it can be read: images come with the documents that are there,
	// whatever digests these have, layers are not looked for, and all else that is wrong is in [Source].Troubles.
	Tolerant bool
	// Engine finds Docker's engine, and Spool makes the file that its images are read through; nil: they are not.
	Engine func() (Engine, error)
	Spool  func() (*os.File, error)
	// Task is told of bytes that come from an engine; see imagegen.Builder. May be nil.
	Task func(name string, total int64) func(n int64)
}

// Source is what was found at a place that holds images. Its images read from it, until Close.
type Source struct {
	Images []Found // at least one, but where Troubles say why there is none
	// Absent are the platforms that an index names and the place does not hold, as in an archive that an
	// engine saved with only its own platform.
	Absent   []string
	Troubles []Trouble // of a tolerant opening
	Indexes  [][]byte  // the indexes of several images, as they are there, without a layout's index.json
	close    func() error
	place    place
}

// Found is one image of a source.
type Found struct {
	PlatformImage
	Name string // by which the place knows it: a tag, a whole reference, several with ", " between; "": none
	// NoManifest tells that the place holds no manifest, as Docker's own archives do not. The image's is
	// then made up, and its digest is not one that a registry would give it.
	NoManifest bool
}

// Close frees the source.
func (s *Source) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Open finds images for reading. The spec is oci:DIR, oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME, docker://REF, a
// folder or file that exists, or else a reference in a registry, by tag or digest. Behind the path of the first three
// there may be a colon and the name or tag of one image of several. Manifests and configs are
// checked against their digests; of local layers, that they are there with the size that the manifest says.
// Layers are read only when asked for, and whoever reads them has to check them.
//
// Errors are diag errors: 2 for a spec that makes no sense or a platform that is not there, 6 where a digest
// or size is not what was promised, 7 for everything that a registry may answer, else 1.
func Open(ctx context.Context, spec string, opts OpenOptions) (*Source, error) {
	p, err := parseSource(spec)
	if err != nil {
		return nil, err
	}
	var src *Source
	switch p.form {
	case Layout:
		src, err = openLayout(ctx, p.path, opts)
	case LayoutArchive, DockerArchive, anyArchive:
		src, err = openArchive(ctx, p.path, p.form, opts)
	case DockerDaemon:
		src, err = openEngine(ctx, p, opts)
	default:
		src, err = openRemote(ctx, p, opts)
	}
	if err != nil {
		return nil, err
	}
	src.place = p
	if err := src.pick(p.tag); err != nil {
		_ = src.Close() // the error is the one to tell
		return nil, err
	}
	return src, nil
}

// pick leaves the images of one name, if one is asked for: the whole, what is behind the last slash, or the tag.
func (s *Source) pick(tag string) error {
	if tag == "" || len(s.Images) == 0 {
		return nil
	}
	var found []Found
	var names []string
	for _, f := range s.Images {
		for name := range strings.SplitSeq(f.Name, ", ") {
			if name == tag || strings.HasSuffix(name, "/"+tag) || strings.HasSuffix(name, ":"+tag) {
				found = append(found, f)
				break
			}
		}
		names = append(names, fmt.Sprintf("%q", f.Name))
	}
	if len(found) == 0 {
		return diag.New(diag.Usage, "%s has no image called %q", s.place.given, tag).Hint("it has %s", strings.Join(names, ", "))
	}
	s.Images = found
	return nil
}

// Explain says what an error of reading one of the source's images means: of a registry's, a diag error with
// the exit code 7, save for what is known to be otherwise.
func (s *Source) Explain(ctx context.Context, err error) error {
	var own *diag.Error
	switch {
	case err == nil:
		return nil
	case s.place.form != inRegistry || errors.As(err, &own):
		return fmt.Errorf("reading %s: %w", s.place.given, err)
	}
	found := s.place
	found.guess = false
	return pullError(ctx, found, err)
}

// Remote tells whether the images are in a registry, so that reading them fetches them.
func (s *Source) Remote() bool { return s.place.form == inRegistry }

const (
	anyArchive Form = "archive" // a file of which only its content tells what it is
	inRegistry Form = "registry"
)

// place is where a spec says that images are.
type place struct {
	form  Form
	path  string         // of a folder or file
	tag   string         // of the image in it that is meant; "": all
	ref   name.Reference // in a registry
	given string         // as it was given; of a reference without its prefix
	guess bool           // it names no registry, and was taken for a reference because there is no such file
}

func parseSource(spec string) (place, error) {
	wrong := func(format string, args ...any) (place, error) {
		return place{}, diag.New(diag.Usage, format, args...).Hint(sourceForms)
	}
	if spec == "" {
		return wrong("the image has no name")
	}
	if ref, ok := strings.CutPrefix(spec, "docker://"); ok {
		return parseRemote(ref, false)
	}
	scheme, rest, cut := strings.Cut(spec, ":")
	if cut {
		switch form := Form(scheme); form {
		case Layout, LayoutArchive, DockerArchive:
			if rest == "" {
				return wrong("image %q has no path", spec)
			}
			path, tag := existing(rest)
			return place{form: form, path: path, tag: tag, given: spec}, nil
		case DockerDaemon:
			return parseEngine(spec, rest)
		case "containers-storage":
			return wrong("image %q: reading from %s is not supported", spec, scheme)
		}
	}
	switch info, err := os.Stat(spec); {
	case err == nil && info.IsDir():
		return place{form: Layout, path: spec, given: spec}, nil
	case err == nil:
		return place{form: anyArchive, path: spec, given: spec}, nil
	case !errors.Is(err, fs.ErrNotExist) && looksLikePath(spec):
		return place{}, diag.Wrap(err, diag.Failure, "reading the image")
	case looksLikePath(spec):
		return place{}, diag.New(diag.Failure, "there is no file or folder %s", spec).Hint(sourceForms)
	}
	return parseRemote(spec, true)
}

// existing parts what stands behind a form into the path of what exists and the name behind it, as skopeo writes it. A
// path may have colons of its own.
func existing(s string) (path, tag string) {
	if _, err := os.Stat(s); err == nil {
		return s, ""
	}
	for i, c := range s {
		if c == ':' && i > 0 && i+1 < len(s) {
			if _, err := os.Stat(s[:i]); err == nil {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// looksLikePath tells a path from a reference, when nothing is there.
func looksLikePath(s string) bool {
	if strings.HasPrefix(s, ".") || filepath.IsAbs(s) || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~") || strings.Contains(s, `\`) {
		return true
	}
	switch strings.ToLower(filepath.Ext(s)) {
	case ".tar", ".gz", ".tgz", ".zst", ".zip", ".oci", ".json", ".toml", ".lock":
		return true
	}
	return false
}

func parseRemote(s string, guess bool) (place, error) {
	ref, err := name.ParseReference(s)
	if err != nil {
		e := diag.New(diag.Usage, "%q is not a valid image reference: %s", s, strings.TrimSuffix(err.Error(), "\n"))
		if guess {
			e = diag.New(diag.Usage, "%q is neither a file or folder that exists nor a valid image reference", s)
		}
		return place{}, e.Hint(sourceForms)
	}
	guess = guess && !strings.HasPrefix(s, ref.Context().RegistryStr()+"/")
	return place{form: inRegistry, ref: ref, given: s, guess: guess}, nil
}

// onPlatform tells whether an image for have is one for want, of which the variant may be left out.
func onPlatform(have, want string) bool {
	return want == "" || have == want || strings.HasPrefix(have, want+"/")
}

// choose ends the search: what was found, or why nothing was.
func choose(what string, found []Found, platform string, others, absent []string, n noted) (*Source, error) {
	if len(found) > 0 || len(n.troubles) > 0 {
		return &Source{Images: found, Absent: absent, Troubles: n.troubles, Indexes: n.indexes}, nil
	}
	if len(absent) > 0 {
		return nil, diag.New(diag.Failure, "%s lacks the images that its index names, for %s", what, strings.Join(absent, ", ")).
			Hint("it was not written completely; write or copy it again")
	}
	if platform != "" && len(others) > 0 {
		return nil, diag.New(diag.Usage, "%s has no image for %s", what, platform).Hint("it has %s", strings.Join(others, ", "))
	}
	return nil, diag.New(diag.Failure, "%s holds no image", what).Hint(sourceForms)
}
