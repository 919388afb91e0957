package sources

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
)

// findAdditions warns of what the machine's configuration would add.
func (f *finder) findAdditions() {
	for _, name := range []string{"PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"} {
		f.extraIndexes(f.env(name))
	}
	f.extraIndexes(f.pip.get("extra-index-url"))
	for _, name := range slices.Sorted(maps.Keys(f.uv.named)) {
		f.extraIndex(name, f.uv.named[name])
	}
	for _, s := range f.uv.extra {
		f.extraIndex("", s)
	}
	links := append([]setting{f.env("PIP_FIND_LINKS"), f.env("UV_FIND_LINKS"), f.pip.get("find-links")}, f.uv.findLinks...)
	for _, s := range links {
		if known := slices.ContainsFunc(f.o.Indexes, func(i manifest.Index) bool { return s.value == i.URL || s.value == i.Path }); s.value != "" && !known {
			f.warn(s, "find-links is not used, since the lock must not depend on the machine", flatLines(s.value))
		}
	}
	for _, s := range []setting{f.env("PIP_NO_INDEX"), f.env("UV_NO_INDEX"), f.pip.get("no-index")} {
		if v := strings.ToLower(s.value); v != "" && !slices.Contains([]string{"0", "false", "no", "off", "n", "f"}, v) {
			f.warn(s, "no-index is not used: a lock takes every package from an index", "")
		}
	}
	for _, s := range []setting{f.env("PIP_NO_BINARY"), f.env("PIP_ONLY_BINARY"), f.pip.get("no-binary"), f.pip.get("only-binary")} {
		if s.value != "" && s.value != ":none:" {
			f.warn(s, "this is not used: a lock takes wheels, of whatever package, and builds none", "")
		}
	}
	f.findChoices()
	for _, s := range []setting{f.env("PIP_CLIENT_CERT"), f.pip.get("client-cert")} {
		if s.value != "" {
			f.warn(s, "client certificates are not supported yet, so this one is not used", "")
		}
	}
}

// extraIndexes takes a list, separated by white space, of addresses or of uv's name=address.
func (f *finder) extraIndexes(s setting) {
	for _, item := range strings.Fields(s.value) {
		one := s
		var name string
		name, one.value = splitName(item)
		f.extraIndex(name, one)
	}
}

func (f *finder) extraIndex(name string, s setting) {
	u, err := parseAddress(s)
	if err != nil {
		f.warn(s, "an extra index is not used: packages come from the indexes of the manifest only", "")
		return
	}
	if f.isKnown(name, u) {
		return
	}
	if name == "" {
		name = "extra"
	}
	lines := fmt.Sprintf("    [[index]]\n    name = %q\n    url = %q\n    packages = [\"…\"]  # those that come from it", name, bare(u))
	if t, variant := manifest.TemplateAt(bare(u)); t != nil {
		lines = t.Lines("index", variant)
	}
	f.warn(s, fmt.Sprintf("the extra index %s is not used, since the lock must not depend on the machine", bare(u)),
		"if the project needs it, write into the manifest:\n"+lines)
}

// isKnown tells whether an index that the configuration adds is one that counts already. The
// credentials of its address are then used.
func (f *finder) isKnown(name string, u *url.URL) bool {
	same := func(other string) bool { return strings.TrimRight(other, "/") == strings.TrimRight(bare(u), "/") }
	known := same(f.out.Index.URL)
	t, variant := manifest.TemplateAt(bare(u))
	for _, i := range f.o.Indexes {
		known = known || same(i.URL) || t != nil && i.Template && i.Name == t.Name && (i.Variant == "" || i.Variant == variant)
	}
	if known {
		f.out.credentials.addURL(u)
	}
	return known
}

func (f *finder) warn(s setting, text, hint string) {
	w := Warning{What: s.origin + ": " + text, Hint: hint}
	for _, have := range f.out.Warnings {
		if have == w {
			return
		}
	}
	f.out.Warnings = append(f.out.Warnings, w)
}

// flatLines are the lines of a manifest for find-links. An address that may hold a password is not shown.
func flatLines(value string) string {
	place, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	key := "path"
	if u, err := url.Parse(place); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		key, place = "url", bare(u)
	} else if rest, ok := strings.CutPrefix(place, "file://"); ok {
		place = rest
	}
	return fmt.Sprintf("if the project needs it, write into the manifest:\n    [[index]]\n    name = \"links\"\n    %s = %q\n    format = \"flat\"\n    packages = [\"…\"]  # those that come from it", key, place)
}
