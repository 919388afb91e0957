package pylock

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/tomltext"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// Document is what a pylock.toml says of its packages.
type Document struct {
	RequiresPython string
	Packages       []Package
}

// Package is an entry of a pylock.toml.
type Package struct {
	Name    string         // normalised
	Version string         // canonical; "" for source trees that state none
	Marker  *pep508.Marker // nil: always
	Index   string
	Source  string // "vcs", "directory" or "archive"; "" where it has an sdist or wheels
	Files   []File // the sdist and the wheels
	Pos     diag.Position
}

// File is a source distribution or a wheel.
type File struct {
	Name   string
	SHA256 string // in lower case; "" if the document has only other hashes
}

// Parse reads a pylock.toml and holds it to PEP 751 (lock-version 1.x), as packaging.pylock does: types, needed keys, names
// in normal form, versions, specifiers and markers that can be read, exactly one source, file names that fit name and version.
// Unknown keys are allowed, as the PEP wants of minor versions. The name is that of the file, for errors, which are
// *diag.Error with the place.
func Parse(name string, data []byte) (*Document, error) {
	var root map[string]any
	text := string(data)
	if _, err := toml.Decode(text, &root); err != nil {
		e := diag.New(diag.Failure, "not TOML: %v", err).At(diag.Position{File: name})
		if p := (toml.ParseError{}); errors.As(err, &p) {
			e = diag.New(diag.Failure, "not TOML: %s", p.Message).At(tomltext.Lines(name, text).At(p.Position.Start, p.Position.Start+max(p.Position.Len, 1)))
		}
		return nil, e
	}
	r := &reader{places: tomltext.Find(name, text)}
	doc := r.document(root)
	if r.err != nil {
		return nil, r.err
	}
	return doc, nil
}

// reader notes the first thing that is wrong.
type reader struct {
	places *tomltext.Places
	err    *diag.Error
}

func (r *reader) fail(at, format string, args ...any) {
	if r.err != nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if at != "" { // else it is about the file
		text = at + ": " + text
	}
	r.err = diag.New(diag.Failure, "%s", text).At(r.places.Value(at))
}

// get reads a key that may be missing.
func get[T any](r *reader, in map[string]any, at, key string) (value T, ok bool) {
	raw, there := in[key]
	if !there {
		return value, false
	}
	if value, ok = raw.(T); !ok {
		r.fail(tomltext.Join(at, key), "it must be %s", typeName(value))
	}
	return value, ok
}

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "a number"
	case bool:
		return "true or false"
	}
	return "a table"
}

func (r *reader) needed(in map[string]any, at, key string) string {
	if _, there := in[key]; !there {
		r.fail(at, "%s is missing", key)
	}
	value, _ := get[string](r, in, at, key)
	return value
}

// list reads a list whose items are strings or tables; missing is empty.
func list[T any](r *reader, in map[string]any, at, key string) []T {
	at = tomltext.Join(at, key)
	var out []T
	switch raw := in[key].(type) {
	case nil:
	case []map[string]any:
		for i := range raw {
			item, ok := any(raw[i]).(T)
			if !ok {
				r.fail(tomltext.ItemPath(at, i), "it must be %s", typeName(item))
			}
			out = append(out, item)
		}
	case []any:
		for i := range raw {
			item, ok := raw[i].(T)
			if !ok {
				r.fail(tomltext.ItemPath(at, i), "it must be %s", typeName(item))
			}
			out = append(out, item)
		}
	default:
		r.fail(at, "it must be a list")
	}
	return out
}

func (r *reader) document(root map[string]any) *Document {
	d := &Document{}
	r.lockVersion(r.needed(root, "", "lock-version"))
	for i, m := range list[string](r, root, "", "environments") {
		if _, err := pep508.ParseMarker(m); err != nil {
			r.fail(tomltext.ItemPath("environments", i), "%v", err)
		}
	}
	d.RequiresPython = r.specifiers(root, "")
	for i, x := range list[string](r, root, "", "extras") {
		if !pep508.IsNormal(x) {
			r.fail(tomltext.ItemPath("extras", i), "%q is no normalised name", x)
		}
	}
	list[string](r, root, "", "dependency-groups")
	list[string](r, root, "", "default-groups")
	r.needed(root, "", "created-by")
	get[map[string]any](r, root, "", "tool")
	if _, there := root["packages"]; !there {
		r.fail("packages", "it is missing")
	}
	for i, p := range list[map[string]any](r, root, "", "packages") {
		d.Packages = append(d.Packages, r.pkg(p, tomltext.ItemPath("packages", i)))
	}
	return d
}

func (r *reader) lockVersion(text string) {
	v, err := pep440.Parse(text)
	one, two := pep440.MustParse("1"), pep440.MustParse("2")
	switch {
	case err != nil:
		r.fail("lock-version", "%v", err)
	case v.Compare(one) < 0 || v.Compare(two) >= 0:
		r.fail("lock-version", "version %s is not known; there is 1.0", text)
	}
}

func (r *reader) specifiers(in map[string]any, at string) string {
	text, ok := get[string](r, in, at, "requires-python")
	if !ok {
		return ""
	}
	if _, err := pep440.ParseSpecifiers(text); err != nil {
		r.fail(tomltext.Join(at, "requires-python"), "%v", err)
	}
	return text
}

func (r *reader) pkg(in map[string]any, at string) Package {
	p := Package{Name: r.needed(in, at, "name"), Pos: r.places.Key(at)}
	if !pep508.IsNormal(p.Name) {
		r.fail(tomltext.Join(at, "name"), "%q is no normalised name", p.Name)
	}
	var version *pep440.Version
	if text, ok := get[string](r, in, at, "version"); ok {
		v, err := pep440.Parse(text)
		if err != nil {
			r.fail(tomltext.Join(at, "version"), "%v", err)
		}
		p.Version, version = v.String(), &v
	}
	r.specifiers(in, at)
	list[map[string]any](r, in, at, "dependencies")
	if text, ok := get[string](r, in, at, "marker"); ok {
		m, err := pep508.ParseMarker(text)
		if err != nil {
			r.fail(tomltext.Join(at, "marker"), "%v", err)
		}
		p.Marker = m
	}
	p.Index, _ = get[string](r, in, at, "index")
	for _, key := range []string{"vcs", "directory", "archive"} {
		source, ok := get[map[string]any](r, in, at, key)
		if !ok {
			continue
		}
		if p.Source != "" {
			r.fail(at, "there are both %s and %s, and one source is wanted", p.Source, key)
		}
		p.Source = key
		r.source(source, tomltext.Join(at, key), key)
	}
	if sdist, ok := get[map[string]any](r, in, at, "sdist"); ok {
		p.Files = append(p.Files, r.file(sdist, tomltext.Join(at, "sdist")))
		r.sdistName(p, version, tomltext.Join(at, "sdist"))
	}
	for i, wheel := range list[map[string]any](r, in, at, "wheels") {
		here := tomltext.ItemPath(tomltext.Join(at, "wheels"), i)
		p.Files = append(p.Files, r.file(wheel, here))
		r.wheelName(p, version, here)
	}
	switch {
	case len(p.Files) > 0 && p.Source != "":
		r.fail(at, "there are both %s and files of an index, and one source is wanted", p.Source)
	case len(p.Files) == 0 && p.Source == "":
		r.fail(at, "there is no source: one of vcs, directory, archive, sdist and wheels is wanted")
	}
	for i, identity := range list[map[string]any](r, in, at, "attestation-identities") {
		r.needed(identity, tomltext.ItemPath(tomltext.Join(at, "attestation-identities"), i), "kind")
	}
	get[map[string]any](r, in, at, "tool")
	return p
}

// source checks a source that is no file of an index.
func (r *reader) source(in map[string]any, at, kind string) {
	get[string](r, in, at, "subdirectory")
	switch kind {
	case "directory":
		r.needed(in, at, "path")
		get[bool](r, in, at, "editable")
		return
	case "vcs":
		r.needed(in, at, "type")
		r.needed(in, at, "commit-id")
		get[string](r, in, at, "requested-revision")
		r.place(in, at)
		return
	}
	r.file(in, at)
}

// place wants an address or a path.
func (r *reader) place(in map[string]any, at string) (address, file string) {
	address, _ = get[string](r, in, at, "url")
	file, _ = get[string](r, in, at, "path")
	if address == "" && file == "" {
		r.fail(at, "neither url nor path")
	}
	return address, file
}

// file reads what sdists, wheels and archives have in common. Its name is the key, or the last part of path or
// address (PEP 751, packages.wheels.name).
func (r *reader) file(in map[string]any, at string) File {
	f := File{}
	f.Name, _ = get[string](r, in, at, "name")
	address, file := r.place(in, at)
	if f.Name == "" {
		switch {
		case strings.Contains(file, "/"):
			f.Name = path.Base(file)
		case file != "":
			f.Name = file[strings.LastIndexByte(file, '\\')+1:]
		default:
			if u, err := url.Parse(address); err == nil {
				f.Name = u.Path[strings.LastIndexByte(u.Path, '/')+1:]
			}
		}
	}
	get[int64](r, in, at, "size")
	if when, there := in["upload-time"]; there && !isInstant(when) {
		r.fail(tomltext.Join(at, "upload-time"), "it must be a date with a time")
	}
	hashes, ok := get[map[string]any](r, in, at, "hashes")
	if len(hashes) == 0 {
		if ok || in["hashes"] == nil {
			r.fail(at, "it has no hashes")
		}
	}
	for _, algorithm := range slices.Sorted(maps.Keys(hashes)) {
		value, isText := hashes[algorithm].(string)
		if !isText {
			r.fail(tomltext.Join(at, "hashes"), "%s must be a string", algorithm)
		}
		if algorithm == "sha256" {
			f.SHA256 = strings.ToLower(value)
		}
	}
	return f
}

func (r *reader) wheelName(p Package, version *pep440.Version, at string) {
	f := p.Files[len(p.Files)-1]
	w, err := tags.ParseWheel(f.Name)
	switch {
	case err != nil:
		r.fail(at, "%v", err)
	case w.Name != p.Name || version != nil && !w.Version.Equal(*version):
		r.fail(at, "%s is no file of %s %s", f.Name, p.Name, p.Version)
	}
}

func (r *reader) sdistName(p Package, version *pep440.Version, at string) {
	f := p.Files[len(p.Files)-1]
	name, v, err := tags.ParseSdist(f.Name)
	switch {
	case err != nil:
		r.fail(at, "%v", err)
	case name != p.Name || version != nil && !v.Equal(*version):
		r.fail(at, "%s is no file of %s %s", f.Name, p.Name, p.Version)
	}
}

// isInstant tells a date with a time from a date or a time alone, which the decoder gives as the same type.
func isInstant(v any) bool {
	t, ok := v.(time.Time)
	name := ""
	if ok {
		name = t.Location().String()
	}
	return ok && name != "date-local" && name != "time-local"
}
