package manifest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/resolver/cuda"
)

// Template is an index that is known by name: that of a framework, with a part for each variant that it is built in. Where it is
// says package sources.
type Template struct {
	Name     string
	Packages []string // that it is the home of, if the manifest names none
	Variants []string // for CUDA, the newest first; there may be others
}

// NoCUDA is the variant of builds that bring no CUDA.
const NoCUDA = "cpu"

// Templates are those that there are, by name.
//
// PyTorch: the wheels that link with libtorch and are built for each CUDA. What else its index has (nvidia-*, numpy) are copies of what
// the default index has, some of them other builds under the same names (pytorch/pytorch issue 16784).
var Templates = []Template{{
	Name:     "pytorch",
	Packages: []string{"torch", "torchvision", "torchaudio", "pytorch-triton", "pytorch-triton-rocm", "pytorch-triton-xpu"},
	Variants: []string{"cu132", "cu130", "cu129", "cu128", "cu126", "cu124", "cu121", "cu118", "cu117", "cu116", "cu115", "cu113", "cu111", "cu110", "cu102", "cu101", "cu100", "cu92"},
}}

// variantForm is what a variant is called: cpu, cu126, rocm6.4.
var variantForm = pattern.New(`^[a-z][a-z0-9.]*$`)

// TemplateOf finds a template by its name, nil for none.
func TemplateOf(name string) *Template {
	for i := range Templates {
		if Templates[i].Name == name {
			return &Templates[i]
		}
	}
	return nil
}

// TemplateFor finds the template that is the home of all of some packages, nil for none.
func TemplateFor(packages []string) *Template {
	for i := range Templates {
		if !slices.ContainsFunc(packages, func(p string) bool { return !slices.Contains(Templates[i].Packages, p) }) {
			return &Templates[i]
		}
	}
	return nil
}

// TemplateAt tells of which template, and which variant of it, an address is, by its form: that of PyTorch's own index and of mirrors of it
// is …/whl/cu126, and that of its page for find-links …/whl/cu113/torch_stable.html, or without a variant. nil for any other.
func TemplateAt(address string) (t *Template, variant string) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, ""
	}
	dir, page := strings.CutSuffix(strings.Trim(u.Path, "/"), "/torch_stable.html")
	parts := strings.Split(dir, "/")
	n := len(parts)
	switch {
	case n >= 2 && parts[n-2] == "whl" && IsVariant(parts[n-1]):
		return TemplateOf("pytorch"), parts[n-1]
	case page && parts[n-1] == "whl":
		return TemplateOf("pytorch"), ""
	}
	return nil, ""
}

// names tells whether an index of the manifest is the template that an address is of, in the one variant that the address says.
func (m *Manifest) names(address string) bool {
	t, variant := TemplateAt(address)
	return t != nil && slices.ContainsFunc(m.Indexes, func(i Index) bool {
		variants := m.VariantsOf(i)
		return i.Name == t.Name && len(variants) == 1 && (variant == "" || variants[0] == variant)
	})
}

// Lines are those of an [[index]] that names the template; table is what the manifest calls that. A variant that is "" is left open.
func (t *Template) Lines(table, variant string) string {
	text := fmt.Sprintf("    [[%s]]\n    name = %q\n    ", table, t.Name)
	if variant == "" {
		return text + fmt.Sprintf("variant = \"…\"  # the label of the versions, such as %s", t.Variants[0])
	}
	return text + fmt.Sprintf("variant = %q", variant)
}

// IsVariant tells whether a local label is what an index calls a variant.
func IsVariant(label string) bool {
	_, isCUDA := CUDAOf(label)
	return label == NoCUDA || isCUDA && variantForm().MatchString(label)
}

// readTemplate reads what an index without address says, which has to be one that is known by name.
func (d *document) readTemplate(at string, table map[string]any, index *Index) error {
	t := TemplateOf(index.Name)
	if t == nil {
		return nil // whoever reads the place will say that there is none
	}
	index.Template = true
	index.Place = d.value(join(at, "name"))
	if index.Default {
		return d.fail(d.key(join(at, "default")), "index %s has only some packages, so it cannot be the default index", index.Name)
	}
	if index.Variant, _ = table["variant"].(string); index.Variant != "" && !variantForm().MatchString(index.Variant) {
		return d.fail(d.value(join(at, "variant")), "index.variant %q is none", index.Variant).
			Hint("it is what the index calls a build: %q, or such as %q", NoCUDA, t.Variants[0])
	}
	return nil
}

// VariantsOf are the variants of an index that come into question, the best first; none for an index that is no template. One
// is what the manifest says, or what its cuda says; without [gpu] it is the one that brings no CUDA.
func (m *Manifest) VariantsOf(i Index) []string {
	switch {
	case !i.Template:
		return nil
	case i.Variant != "":
		return []string{i.Variant}
	case m.GPU == nil:
		return []string{NoCUDA}
	}
	var out []string
	for _, variant := range TemplateOf(i.Name).Variants {
		v, known := CUDAOf(variant)
		floor, _ := cuda.Floor(v)
		if known && m.GPU.CUDA.Contains(v) && (m.GPU.MinDriver.IsZero() || m.GPU.MinDriver.Meets(floor)) {
			out = append(out, variant)
		}
	}
	if len(out) == 0 {
		if v, err := cuda.ParseVersion(m.GPU.CUDA.String()); err == nil && v.Minor >= 0 { // newer than the list
			return []string{"cu" + strings.ReplaceAll(v.String(), ".", "")}
		}
	}
	return out
}

// CUDAOf is the version of CUDA that a variant is built for; not ok for one that is for none.
func CUDAOf(variant string) (cuda.Version, bool) {
	b := cuda.Brings(cuda.Package{Version: "1+" + variant})
	return b.Version, b.Role == cuda.Framework
}

// templateHint proposes what was perhaps meant by an index without an address.
func templateHint(e *diag.Error, name string) *diag.Error {
	var names []string
	for _, t := range Templates {
		names = append(names, t.Name)
	}
	if near := diag.Nearest(strings.ToLower(name), names); near != "" || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(name, n) }) {
		return e.Hint("without an address an index is one that envpack knows by name: %s, with its build in variant", strings.Join(names, ", "))
	}
	return e
}
