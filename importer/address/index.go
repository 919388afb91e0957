// Package address takes apart the addresses that dependency files name: of package indexes, files, folders and repositories.
//
// It asks nobody. Credentials are taken out and told of, and what is of a machine that is not this one is told from what is a
// part of the project.
package address

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/sources"
)

// Use is what an index is named for.
type Use int

// The uses, as pip's options have them.
const (
	Main  Use = iota // --index-url: in place of the usual one
	Extra            // --extra-index-url: beside it
	Links            // --find-links: a page or folder of files
)

// homes are pages and indexes of single projects, by the ends of their addresses, and the packages that they are made for.
var homes = []struct {
	form     func() *regexp.Regexp
	name     string
	packages []string
}{
	// PyTorch: wheels of nightly builds and release candidates have an index each.
	{pattern.New(`/whl/(nightly|test)(/[a-z0-9.]+)?$`), "pytorch-nightly", []string{"torch", "torchvision", "torchaudio", "torchtext", "pytorch-triton"}},
	// PyTorch Geometric, Installation from Wheels: …/whl/torch-1.10.0+cu113.html.
	{pattern.New(`/whl/(nightly/)?torch-[0-9][^/]*$`), "pyg", []string{"torch-scatter", "torch-sparse", "torch-cluster", "torch-spline-conv", "pyg-lib"}},
	// DGL, Getting Started: …/wheels/cu113/repo.html, …/wheels/torch-2.1/cu121/repo.html.
	{pattern.New(`/wheels(-test)?/(torch-[0-9.]+/)?([a-z0-9]+/)?repo\.html$`), "dgl", []string{"dgl", "dgl-*", "dglgo"}},
	// JAX, Installation: …/jax_releases.html, …/jax_cuda_releases.html.
	{pattern.New(`/jax(_[a-z0-9]+)*_releases\.html$`), "jax", []string{"jaxlib", "jax-cuda*"}},
	// MMCV, Installation: …/mmcv/dist/cu113/torch1.10.0/index.html.
	{pattern.New(`/mmcv/dist/[^/]+/torch[^/]+/index\.html$`), "mmcv", []string{"mmcv", "mmcv-full"}},
	// Detectron2, Installation: …/detectron2/wheels/cu113/torch1.10/index.html.
	{pattern.New(`/detectron2/wheels/[^/]+/torch[^/]+/index\.html$`), "detectron2", []string{"detectron2"}},
	// Paddle, Installation: …/whl/linux/mkl/avx/stable.html.
	{pattern.New(`/whl/(linux|windows|mac)/[a-z0-9./-]*stable\.html$`), "paddle", []string{"paddlepaddle", "paddlepaddle-gpu"}},
}

// Index is the index that an address names, and what to say of it. ok is false where nothing is to be written, since it is the usual
// index; then note says why. labels are local labels of versions that are asked for ("cu113"), which say what is meant
// where an address of PyTorch's does not.
//
// It fails for what is no address.
func Index(text string, use Use, from draft.Origin, labels []string) (ix draft.Index, note string, ok bool, err error) {
	ix = draft.Index{Flat: use == Links, Main: use == Main, From: from}
	if !strings.Contains(text, "://") {
		if use != Links || text == "" || strings.ContainsAny(text, "\\\x00") {
			return ix, "", false, fmt.Errorf("%q is no address", text)
		}
		ix.Path = path.Clean(strings.TrimPrefix(text, "file:"))
		ix.Name = Slug(path.Base(ix.Path), "wheels")
		return ix, "", true, nil
	}
	u, bad := url.Parse(text)
	if bad != nil || u.Host == "" && u.Scheme != "file" {
		return ix, "", false, fmt.Errorf("that is no address")
	}
	if u.Scheme == "file" {
		ix.Path = path.Clean(u.Path)
		ix.Name = Slug(path.Base(ix.Path), "wheels")
		return ix, "", true, nil
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return ix, "", false, fmt.Errorf("nothing is known to be fetched by %s", u.Scheme)
	}
	if u.User != nil || u.RawQuery != "" {
		note = "; credentials are taken from ~/.netrc"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if sources.IsDefaultIndex(u.String()) {
		return ix, "the usual index, or a mirror of it: which one is asked is the machine's to say", false, nil
	}
	if t, variant := manifest.TemplateAt(u.String()); t != nil {
		if variant == "" && len(labels) > 0 {
			variant = labels[0]
		}
		ix.Name, ix.Variant, ix.Packages, ix.Flat, ix.Main = t.Name, variant, nil, false, false
		said := "index " + t.Name
		if variant != "" {
			said += ", variant " + variant
		}
		return ix, said + ", for " + strings.Join(t.Packages[:3], ", ") + note, true, nil
	}
	ix.URL = u.String()
	ix.Name = nameOf(u)
	for _, h := range homes {
		if h.form().MatchString(strings.TrimRight(u.Path, "/")) {
			ix.Name, ix.Packages, ix.Main = h.name, slices.Clone(h.packages), false
		}
	}
	if u.Hostname() != "" && strings.Contains(u.Hostname(), "nvidia") && use != Links {
		ix.Packages, ix.Main = []string{"nvidia-*"}, false
	}
	switch {
	case len(ix.Packages) > 0:
		ix.Comment = ""
		note = "[[index]] " + ix.Name + ", for " + strings.Join(ix.Packages, ", ") + note
	case ix.Main:
		note = "[[index]] " + ix.Name + ", in place of the usual one" + note
	default:
		ix.Comment = "asked first, for every package: name those that come from here in packages = [\"…\"]"
		note = "[[index]] " + ix.Name + ", asked before the usual one for every package" + note
	}
	return ix, note, true, nil
}

// generic are labels of hosts that say nothing of whose they are.
var generic = []string{"www", "download", "downloads", "data", "pypi", "pip", "files", "wheels", "index", "packages", "storage", "com", "org", "io", "ai", "net", "co", "dev"}

// nameOf is what to call an index: by the label of its host that says most.
func nameOf(u *url.URL) string {
	labels := strings.Split(u.Hostname(), ".")
	for i := len(labels) - 2; i >= 0; i-- {
		if !slices.Contains(generic, labels[i]) && len(labels[i]) > 2 {
			return Slug(labels[i], "other")
		}
	}
	return Slug(u.Hostname(), "other")
}

var notInName = pattern.New(`[^a-z0-9]+`)

// Slug is a text as a name of letters, digits and hyphens; instead is taken where nothing is left.
func Slug(text, instead string) string {
	if s := strings.Trim(notInName().ReplaceAllString(strings.ToLower(text), "-"), "-"); s != "" {
		return s
	}
	return instead
}

// Shown is a text of a file as reports have it: without credentials.
func Shown(text string) string { return diag.Redact(text) }
