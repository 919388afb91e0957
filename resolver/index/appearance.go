package index

import (
	"bytes"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// appearance is what tells a page of a simple index from whatever else answers with HTML and status
// 200: login pages, captive portals, the web pages of an index whose address lacks /simple/. PEP 503
// permits a page without files, and does not say how that looks; those of the servers in use have a
// title, a heading or a meta element that says what they are, and hand-written ones have nothing.
type appearance struct {
	marked bool // it says what it is
	markup bool // it is HTML at all
	other  bool // it has what a page of files has no use for: text, scripts, forms
	title  string
}

// indexTitle matches titles and headings of project pages: "Links for NAME" (the default index,
// Nexus, pypiserver, GitLab, and devpi after its own name), "Simple Index" (Artifactory), "Index of /path/"
// (folders that a web server lists).
var indexTitle = pattern.New(`(?i)\b(links for|simple index|index of)\b`)

// text is told what stands between two tags. That may begin with the rest of an end tag or of a
// declaration, which nextTag does not pass over.
func (a *appearance) text(b []byte) {
	if len(b) > 0 && (b[0] == '/' || b[0] == '!' || b[0] == '?') {
		_, b, _ = bytes.Cut(b, []byte(">"))
	}
	a.other = a.other || len(bytes.TrimSpace(b)) > 0
}

// tag is told a tag and what comes after it.
func (a *appearance) tag(t tag, rest []byte) {
	switch t.name {
	case "html", "head", "body":
		a.markup = true
	case "title", "h1", "h2":
		a.markup = true
		text, _, _ := bytes.Cut(rest[:min(len(rest), 500)], []byte("<"))
		said := strings.Join(strings.Fields(html.UnescapeString(string(text))), " ")
		a.marked = a.marked || indexTitle().MatchString(said)
		if t.name == "title" && a.title == "" {
			a.title = said
		}
	case "meta":
		name, _ := t.attr("name")
		name = strings.ToLower(name)
		a.marked = a.marked || strings.HasPrefix(name, "pypi:") || name == "api-version"
		does, _ := t.attr("http-equiv")
		a.other = a.other || strings.EqualFold(does, "refresh")
	case "script", "form", "input", "iframe", "frame", "object", "embed":
		a.other = true
	}
}

// distribution matches the ends of names of files that an index may hold, installable or not.
var distribution = pattern.New(`(?i)\.(whl|zip|tar|tgz|tbz|tbz2|txz|gz|bz2|xz|z|lzma|zst|egg|exe|msi|rpm|deb|dmg|pyz|metadata|asc|sig)$`)

// isIndex judges the whole page.
func (a *appearance) isIndex(p *page) bool {
	if a.marked || a.markup && !a.other {
		return true
	}
	files, _ := p.files.List() // they are in memory
	return slices.ContainsFunc(files, func(f File) bool { return distribution().MatchString(f.Filename) })
}

func (a *appearance) refuse() error {
	title := ""
	if a.title != "" {
		title = fmt.Sprintf(", with the title %.80q", a.title)
	}
	return diag.New(diag.Fetch, "this is not the page of a project in a simple index, but another HTML page%s", title).
		Hint("a login page or a captive portal may have answered in the index's place; open the address in a browser")
}
