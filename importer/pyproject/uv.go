package pyproject

import (
	"path"
	"strings"

	"github.com/envpack/envpack/importer/address"
	"github.com/envpack/envpack/importer/document"
	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/resolver/pep508"
)

// uv reads uv's table (uv's documentation, Settings and Managing dependencies).
func (r *reader) uv(t document.Table) {
	for _, item := range t.Texts("dev-dependencies") {
		r.requirement(item, "dev")
	}
	for _, i := range t.Tables("index") {
		use := address.Extra
		switch {
		case i.True("default"):
			use = address.Main
		case i.Text("format") == "flat":
			use = address.Links
		}
		r.index(i.Text("name"), i.Text("url"), use, i.From("url"), i.True("explicit"))
	}
	if url := t.Text("index-url"); url != "" {
		r.index("", url, address.Main, t.From("index-url"), false)
	}
	for _, item := range t.Texts("extra-index-url") {
		r.index("", item.Text, address.Extra, item.From, false)
	}
	for _, item := range t.Texts("find-links") {
		r.index("", item.Text, address.Links, item.From, false)
	}
	sources := t.Table("sources")
	for _, name := range sources.Sorted() {
		for _, s := range sources.Tables(name) {
			r.uvSource(name, s)
		}
	}
	for _, list := range []struct {
		key string
		to  *[]draft.Requirement
	}{{"constraint-dependencies", &r.d.Constraints}, {"override-dependencies", &r.d.Overrides}} {
		for _, item := range t.Texts(list.key) {
			got, err := requirements.List(r.file, []requirements.Entry{{Text: item.Text, Line: item.From.Line}}, r.open)
			if err != nil || len(got.Requirements) == 0 {
				r.d.Leave(item.From, item.Text, "%s: it is no requirement", list.key)
				continue
			}
			*list.to = append(*list.to, got.Requirements...)
			r.d.Note(item.From, item.Text, draft.Mapped, "[%ss]", list.key[:len(list.key)-len("-dependencies")])
		}
	}
	r.uvPolicies(t)
}

func (r *reader) uvPolicies(t document.Table) {
	if p := t.Text("prerelease"); p == "allow" {
		r.d.Policies = append(r.d.Policies, draft.Policy{Key: "prereleases", From: t.From("prerelease")})
		r.d.Note(t.From("prerelease"), `prerelease = "allow"`, draft.Mapped, "[resolver] prereleases")
	}
	for _, item := range t.Texts("no-binary-package") {
		r.d.Policies = append(r.d.Policies, draft.Policy{Key: "no-binary", Package: pep508.NormalizeName(item.Text), From: item.From})
		r.d.Note(item.From, "no-binary-package "+item.Text, draft.Mapped, "[resolver] no-binary")
	}
	if day := t.Text("exclude-newer"); day != "" {
		r.d.Note(t.From("exclude-newer"), "exclude-newer = "+day, draft.Left, "--as-of %s says the same", day)
	}
	for _, key := range []string{"resolution", "exclude-dependencies", "dependency-metadata", "no-build", "no-binary", "exclude-newer-package", "extra-build-dependencies", "no-build-isolation-package", "conflicts"} {
		if t.Has(key) {
			r.d.Note(t.From(key), "tool.uv."+key, draft.Left, "it is not read: docs/manifest.md has what says the same, if the image needs it")
		}
	}
}

// uvSource puts a package where its source is.
func (r *reader) uvSource(name string, s document.Table) {
	normal := pep508.NormalizeName(name)
	from := s.From("")
	if index := s.Text("index"); index != "" {
		r.bind(index, name)
		r.d.Note(from, name, draft.Mapped, "it comes from index %s", index)
		return
	}
	if s.True("workspace") {
		r.d.Leave(from, name, "a member of uv's workspace: write NAME @ ./FOLDER where it is required")
		return
	}
	where, ok := location(s)
	if !ok {
		r.d.Note(from, name, draft.Left, "it says nothing that is read")
		return
	}
	ref, err := address.Refer(name, where, r.dir)
	if err != nil || ref.Address == "" {
		r.d.Leave(from, name, "%s cannot be had: %v", address.Shown(where), err)
		return
	}
	found := false
	for i := range r.d.Requirements {
		q := &r.d.Requirements[i]
		req, err := pep508.Parse(q.Text)
		if err != nil || req.Name != normal || req.URL != "" {
			continue
		}
		found = true
		text := req.RawName
		if len(req.Extras) > 0 {
			text += "[" + strings.Join(req.Extras, ",") + "]"
		}
		text += " @ " + ref.Address
		if req.Marker != nil {
			text += " ; " + req.Marker.String()
		}
		if marker := s.Text("marker"); marker != "" { // the source holds where the marker does
			q.Comment = "its source is for " + marker + " alone"
		}
		q.Text = text
	}
	if !found {
		r.d.Constraints = append(r.d.Constraints, draft.Requirement{Text: name + " @ " + ref.Address, From: from})
	}
	r.d.Note(from, name, draft.Mapped, "%s @ %s", name, ref.Address)
}

// pdm reads PDM's table (PDM's documentation, Manage dependencies and Configuration).
func (r *reader) pdm(t document.Table) {
	if t.Keys == nil {
		return
	}
	dev := t.Table("dev-dependencies")
	for _, group := range dev.Sorted() {
		for _, item := range dev.Texts(group) {
			r.requirement(item, pep508.NormalizeName(group))
		}
	}
	for _, item := range t.Texts("dependencies") {
		r.requirement(item, "")
	}
	for _, s := range t.Tables("source") {
		use := address.Extra
		switch {
		case s.Text("name") == "pypi":
			use = address.Main
		case s.Text("type") == "find_links":
			use = address.Links
		}
		r.index(s.Text("name"), s.Text("url"), use, s.From("url"), false)
		for _, item := range s.Texts("include_packages") {
			r.bind(s.Text("name"), item.Text)
		}
	}
	overrides := t.Table("resolution", "overrides")
	for _, name := range overrides.Sorted() {
		value := overrides.Text(name)
		specifiers, note, err := bounds(value)
		if err != nil {
			r.d.Note(overrides.From(name), name+" = "+value, draft.Left, "%v", err)
			continue
		}
		r.d.Overrides = append(r.d.Overrides, draft.Requirement{Text: name + specifiers, From: overrides.From(name), Comment: note})
		r.d.Note(overrides.From(name), name+" = "+value, draft.Mapped, "[overrides]")
	}
	if t.True("allow_prereleases") || t.True("allow-prereleases") || t.Table("resolution").True("allow-prereleases") {
		r.d.Policies = append(r.d.Policies, draft.Policy{Key: "prereleases", From: t.From("")})
	}
	if dir := t.Text("package-dir"); dir != "" && r.root == "" {
		r.root = dir
	}
	if dir := t.Table("build").Text("package-dir"); dir != "" && r.root == "" {
		r.root = dir
	}
}

// flit reads the table of Flit before the standard one (Flit's documentation, Old style metadata).
func (r *reader) flit(t document.Table) {
	m := t.Table("metadata")
	if m.Keys == nil {
		return
	}
	if r.d.Name = m.Text("dist-name"); r.d.Name == "" {
		r.d.Name = m.Text("module")
	}
	if python := m.Text("requires-python"); python != "" {
		r.python(python, m.From("requires-python"), "requires-python = ")
	}
	for _, item := range m.Texts("requires") {
		r.requirement(item, "")
	}
	for _, item := range m.Texts("dev-requires") {
		r.requirement(item, "dev")
	}
	extras := m.Table("requires-extra")
	for _, extra := range extras.Sorted() {
		for _, item := range extras.Texts(extra) {
			r.requirement(item, pep508.NormalizeName(extra))
		}
	}
	r.scripts(t.Table("scripts"))
}

// hatch reads Hatch's environments, which are groups here (Hatch's documentation, Environments).
func (r *reader) hatch(t document.Table) {
	envs := t.Table("envs")
	for _, env := range envs.Sorted() {
		e := envs.Table(env)
		for _, key := range []string{"dependencies", "extra-dependencies"} {
			for _, item := range e.Texts(key) {
				r.requirement(item, pep508.NormalizeName(env))
			}
		}
	}
	for _, item := range t.Table("build", "targets", "wheel").Texts("packages") {
		if dir := path.Dir(item.Text); dir != "." && r.root == "" {
			r.root = dir
		}
	}
}
