package requirements

import (
	"errors"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/resolver/pep508"
)

var variableForm = pattern.New(`\$\{[A-Z0-9_]+\}`)

// passed are options that mean nothing for an image, and why.
var passed = map[string]string{
	"--prefer-binary": "wheels go first anyway", "--require-hashes": "the lock has a hash of every file", "--no-require-hashes": "the lock has a hash of every file",
	"--trusted-host": "certificates are the machine's affair", "--use-feature": "it is about pip itself",
	"--always-unzip": gone, "--use-wheel": gone, "--no-use-wheel": gone, "--allow-external": gone, "--allow-unverified": gone, "--process-dependency-links": gone,
	"--only-final": "pre-releases are taken only where nothing else will do",
}

const gone = "pip has the option no more"

// options reads a line of options.
func (r *reader) options(name string, l reqfile.Line, from draft.Origin, shift int, constraints bool) error {
	shown := address.Shown(l.Text)
	options, err := reqfile.Options(name, l, 0)
	var old *reqfile.GoneError
	switch {
	case errors.As(err, &old) && passed[old.Name] != "":
		r.d.Note(from, shown, draft.Passed, "%s", passed[old.Name])
		return nil
	case errors.As(err, &old):
		r.d.Note(from, shown, draft.Left, "it is about building from source")
		return nil
	case err != nil:
		var e *diag.Error
		if errors.As(err, &e) {
			r.d.Leave(from, shown, "%s", e.What)
			return nil
		}
		return err
	}
	for _, o := range options {
		text := address.Shown(l.Text[o.From : o.From+o.Size])
		if variableForm().MatchString(o.Value) {
			r.d.Leave(from, text, "a variable of the machine: write its value, without credentials")
			continue
		}
		if err := r.option(name, o, from, text, at(name, l, shift), constraints); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) option(name string, o reqfile.Option, from draft.Origin, text string, where diag.Position, constraints bool) error {
	switch o.Name {
	case "--requirement", "--constraint":
		return r.include(name, o.Value, where, from, text, o.Name == "--constraint") // also in a file of constraints, as pip has it
	case "--editable":
		r.requirement(item{text: o.Value, shown: text, from: from, editable: true, constraint: constraints})
	case "--index-url", "--pypi-url":
		r.index(o.Value, address.Main, from, text)
	case "--extra-index-url":
		r.index(o.Value, address.Extra, from, text)
	case "--find-links":
		r.index(o.Value, address.Links, from, text)
	case "--no-index":
		r.noIndex(from, text)
	case "--pre":
		r.policy("prereleases", "", from, text, "[resolver] prereleases = \"allow\"")
	case "--all-releases":
		for p := range strings.SplitSeq(o.Value, ",") {
			r.policy("prereleases", strings.Trim(p, ":"), from, text, "prereleases = \"allow\"")
		}
	case "--no-binary", "--only-binary":
		r.formats(o, from, text)
	case "--hash":
		r.d.Leave(from, text, "a hash without a requirement before it")
	default:
		if why := passed[o.Name]; why != "" {
			r.d.Note(from, text, draft.Passed, "%s", why)
			return nil
		}
		r.d.Note(from, text, draft.Left, "it is about building from source")
	}
	return nil
}

func (r *reader) policy(key, name string, from draft.Origin, text, note string) {
	if name == "all" {
		name = ""
	}
	r.d.Policies = append(r.d.Policies, draft.Policy{Key: key, Package: name, From: from})
	r.d.Note(from, text, draft.Mapped, "%s", note)
}

// formats reads --no-binary and --only-binary.
func (r *reader) formats(o reqfile.Option, from draft.Origin, text string) {
	if o.Name == "--only-binary" || strings.Contains(o.Value, ":none:") {
		r.d.Note(from, text, draft.Passed, "wheels go first anyway")
		return
	}
	if strings.Contains(o.Value, ":all:") {
		r.d.Note(from, text, draft.Left, "that every package is to be built from source cannot be said; name the packages below [resolver] no-binary")
		return
	}
	for p := range strings.SplitSeq(o.Value, ",") {
		if p = pep508.NormalizeName(strings.TrimSpace(p)); pep508.IsNormal(p) {
			r.d.Policies = append(r.d.Policies, draft.Policy{Key: "no-binary", Package: p, From: from})
		}
	}
	r.d.Note(from, text, draft.Mapped, "[resolver] no-binary")
}

// index reads an option that names an index.
func (r *reader) index(value string, use address.Use, from draft.Origin, text string) {
	ix, note, ok, err := address.Index(value, use, from, r.labels)
	switch {
	case err != nil:
		r.d.Leave(from, text, "%s", err.Error())
	case !ok:
		r.d.Note(from, text, draft.Passed, "%s", note)
	default:
		if r.onlyLinks && ix.Flat {
			ix.Main, r.onlyLinks, ix.Packages, ix.Comment = true, false, nil, ""
		}
		r.d.Indexes = append(r.d.Indexes, ix)
		if note == "" {
			note = "[[index]] " + ix.Name
		}
		r.d.Note(from, text, draft.Mapped, "%s", note)
	}
}

// noIndex makes the links that were named the only place of packages.
func (r *reader) noIndex(from draft.Origin, text string) {
	for i := range r.d.Indexes {
		if r.d.Indexes[i].Flat {
			r.d.Indexes[i].Main = true
			r.d.Note(from, text, draft.Mapped, "[[index]] %s is the only one", r.d.Indexes[i].Name)
			return
		}
	}
	r.onlyLinks = true
	r.d.Note(from, text, draft.Mapped, "the --find-links that follows is the only index")
}
