package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/index"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pubgrub"
	"github.com/envpack/envpack/resolver/tags"
)

// digester is what Packages may be besides: it reads a file for a hash of which the index gives none.
type digester interface {
	Digest(ctx context.Context, p *index.Project, f index.File, algorithm string) (string, error)
}

// verdict is what can be told of a file before it is read.
type verdict int

const (
	refused verdict = iota
	allowed
	unread // the requirements have hashes of a kind that the index does not give
)

// judge holds a file to the hashes that requirements give, "sha256:…", "sha384:…" or "sha512:…": one must be its own
// (pip's documentation, Secure installs). No hashes allow any file.
func judge(hashes []string, f index.File) verdict {
	if len(hashes) == 0 {
		return allowed
	}
	known := map[string]string{}
	if f.SHA256 != "" {
		known["sha256"] = f.SHA256
	}
	if algorithm, sum, ok := strings.Cut(f.Sum, "="); ok {
		known[algorithm] = sum
	}
	out := refused
	for _, h := range hashes {
		algorithm, sum, _ := strings.Cut(h, ":")
		switch own, ok := known[algorithm]; {
		case ok && own == sum:
			return allowed
		case !ok:
			out = unread
		}
	}
	return out
}

// algorithms are those, beside SHA-256, of the hashes that the manifest gives of a project.
func algorithms(m *manifest.Manifest, project string) []string {
	var out []string
	for _, r := range slices.Concat(m.Requirements, m.Constraints) {
		for _, h := range r.Hashes {
			if algorithm, _, _ := strings.Cut(h, ":"); r.Name == project && algorithm != "sha256" && !slices.Contains(out, algorithm) {
				out = append(out, algorithm)
			}
		}
	}
	return out
}

// hold notes the hashes that the manifest's requirements give. It is called before anything is read.
func (c *catalogue) hold(m *manifest.Manifest) error {
	for _, r := range slices.Concat(m.Requirements, m.Constraints) {
		ok, err := c.target.applies(r.Marker, "")
		if err != nil {
			return manifestError(r, err)
		}
		if !ok {
			continue
		}
		if c.hashes[r.Name] = append(c.hashes[r.Name], r.Hashes...); c.hashPos[r.Name].IsZero() {
			c.hashPos[r.Name] = r.HashPos
		}
	}
	return nil
}

// wrongHash is the error of a file that has none of the hashes that the requirements give, and nothing to choose in its
// place. sums are hashes of the file beside its SHA-256, as "sha512:…".
func (c *catalogue) wrongHash(name string, f index.File, sums []string) *diag.Error {
	own := append([]string{"sha256:" + f.SHA256}, sums...)
	wanted := c.hashes[name]
	// Of what nobody asks for nothing is said, unless there is no other.
	if same := slices.DeleteFunc(slices.Clone(own), func(sum string) bool {
		kind, _, _ := strings.Cut(sum, ":")
		return !slices.ContainsFunc(wanted, func(w string) bool { return strings.HasPrefix(w, kind+":") })
	}); len(same) > 0 {
		own = same
	}
	expected := wanted[0]
	if n := len(wanted) - 1; n > 0 {
		expected = fmt.Sprintf("%s or one of %d more", expected, n)
	}
	return diag.New(diag.Mismatch, "%s: %s is not the file whose hash the requirements have: expected %s, got %s", name, f.Filename, expected, strings.Join(own, " and ")).
		At(c.hashPos[name]).Hint("if it is the right file, write --hash=%s; if not, it was replaced, or something between alters it", own[0])
}

// hold reads a chosen file, whose SHA-256 is known, for the hashes that the requirements give of it.
func (s *solved) hold(ctx context.Context, name string, r *release, f index.File) error {
	hashes := s.provider.hashes[name]
	var sums []string
	if judge(hashes, f) == allowed {
		return nil
	}
	for _, algorithm := range algorithms(s.provider.m, name) {
		from, ok := s.provider.packages.(digester)
		if !ok {
			return diag.New(diag.Fetch, "index %s gives no %s of %s", r.project.IndexName, algorithm, f.Filename)
		}
		sum, err := from.Digest(ctx, r.project, f, algorithm)
		if err != nil {
			return diag.Wrap(err, 0, "reading %s for its %s, which the requirements give", f.Filename, algorithm)
		}
		if sums = append(sums, algorithm+":"+sum); slices.Contains(hashes, sums[len(sums)-1]) {
			return nil
		}
	}
	return s.provider.wrongHash(name, f, sums).
		Hint("index %s does not give hashes of the kind that the requirements have, so that they were looked for in the file", r.project.IndexName)
}

// refusedByHash tells whether the hashes of the requirements rule out versions of a project that take part in a failure.
func (p *provider) refusedByHash(facts []*step, name string) bool {
	return slices.ContainsFunc(facts, func(f *step) bool {
		why, _ := f.Reason.(reason)
		return f.Kind == pubgrub.Unavailable && f.Package.name == name && why.kind == otherHash
	})
}

// ownHashes says of the only version in a set, ruled out by its hashes, which files of the target have which, in
// parentheses; "" of others.
func (p *provider) ownHashes(why reason, name string, s pep440.Set) string {
	r := p.met[name]
	if why.kind != otherHash || r == nil || r.project == nil {
		return ""
	}
	var only *candidate
	for _, c := range r.candidates {
		if !s.Contains(c.version) {
			continue
		}
		if only != nil {
			return ""
		}
		only = c
	}
	if only == nil {
		return ""
	}
	var found []string
	for _, f := range p.filesOf(r, only) {
		w, err := tags.ParseWheel(f.Filename)
		if err != nil {
			continue
		}
		if _, fits := p.target.ranking.Rank(w); fits && f.SHA256 != "" {
			found = append(found, f.Filename+" has sha256:"+f.SHA256)
		}
	}
	if len(found) != 1 { // of many nobody knows which was meant
		return ""
	}
	return " (" + found[0] + ")"
}
