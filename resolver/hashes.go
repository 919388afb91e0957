package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/index"
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

// hold reads a chosen file, whose SHA-256 is known, for the hashes that the requirements give of it.
func (s *solved) hold(ctx context.Context, name string, r *release, f index.File) error {
	hashes := s.provider.hashes[name]
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
		if slices.Contains(hashes, algorithm+":"+sum) {
			return nil
		}
	}
	return diag.New(diag.Mismatch, "%s has the SHA-256 %s, and no hash that the requirements allow", f.Filename, f.SHA256).
		Hint("index %s does not give hashes of the kind that the requirements have, so that they were looked for in the file", r.project.IndexName)
}
