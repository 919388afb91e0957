package manifest

import (
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// Owner says whose files are installed where several packages have different ones.
type Owner struct {
	// Path is that of a file or folder in its shortest form, relative to site-packages, or with a slash before it in the
	// image, below /opt/env.
	Path    string
	Package string // normalised
	Pos     diag.Position
}

func (d *document) readOwnership(p *Policies) error {
	content := d.table("ownership")
	for _, key := range slices.Sorted(maps.Keys(content)) {
		at := d.path("ownership", key)
		clean := path.Clean(key)
		switch {
		case key == "" || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsFunc(key, unicode.IsControl) || strings.Contains(key, `\`):
			return d.fail(d.key(at), "ownership of %q: a file or folder in site-packages is wanted", key).
				Hint(`as in "cv2/__init__.py", or "cv2" for all in it; what lies elsewhere has its path in the image, as "/opt/env/bin/tool"`)
		case strings.ContainsAny(key, "*?["):
			return d.fail(d.key(at), "ownership of %q: there are no patterns", key).Hint("a folder stands for all in it")
		case path.IsAbs(key) && !strings.HasPrefix(clean, "/opt/env/"):
			return d.fail(d.key(at), "ownership of %q: packages have no files outside of /opt/env", key)
		}
		if i := strings.Index(clean, "/site-packages/"); path.IsAbs(clean) && i >= 0 {
			return d.fail(d.key(at), "ownership of %q: paths in site-packages are relative to it", key).
				Hint("write %q", clean[i+len("/site-packages/"):])
		}
		name := content[key].(string)
		if !nameForm().MatchString(name) {
			return d.fail(d.value(at), "ownership of %s: %q is no package name", key, name)
		}
		p.Ownership = append(p.Ownership, Owner{Path: clean, Package: pep508.NormalizeName(name), Pos: d.key(at)})
	}
	slices.SortStableFunc(p.Ownership, func(a, b Owner) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(p.Ownership); i++ {
		if a, b := p.Ownership[i-1], p.Ownership[i]; a.Path == b.Path {
			return d.fail(second(a.Pos, b.Pos), "the ownership of %s stands twice, in two spellings", a.Path)
		}
	}
	return nil
}
