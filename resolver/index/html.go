package index

import (
	"bytes"
	"html"
	"net/url"
	"path"
	"strings"
)

// parseHTML reads a project's page (PEP 503, 592, 629, 658, 714, 792): anchors, the base element and
// two meta elements. Everything else is passed over. A page that is not of a simple index is an error.
func parseHTML(raw []byte, base *url.URL, project string) (*page, error) {
	p, files := &page{}, packer{project: project}
	var looks appearance
	based := false
	for len(raw) > 0 {
		text, _, _ := bytes.Cut(raw, []byte("<"))
		t, rest := nextTag(raw)
		looks.text(text)
		looks.tag(t, rest)
		raw = rest
		switch t.name {
		case "base":
			if href, ok := t.attr("href"); ok && !based { // the first one counts
				// Of a page from elsewhere it leads to no file of this machine.
				if u, err := base.Parse(strings.TrimSpace(href)); err == nil && len(u.Path) <= maxBase && (u.Scheme != "file" || base.Scheme == "file") {
					base, based = u, true
				}
			}
		case "meta":
			content, _ := t.attr("content")
			switch name, _ := t.attr("name"); strings.ToLower(name) {
			case "pypi:repository-version":
				newer, err := checkVersion(strings.TrimSpace(content))
				if err != nil {
					return nil, err
				}
				p.version = newer
			case "pypi:project-status":
				p.status = strings.TrimSpace(content)
			case "pypi:project-status-reason":
				p.reason = strings.TrimSpace(content)
			}
		case "a":
			if href, ok := t.attr("href"); ok {
				if p.anchor(&files, t, strings.TrimSpace(href), base); files.over != nil {
					return nil, files.over
				}
			}
		case "script", "style", "title", "textarea": // content that is text, whatever it looks like
			raw = after(raw, "</"+t.name)
		}
	}
	p.files = files.files()
	if !looks.isIndex(p) {
		return nil, looks.refuse()
	}
	return p, nil
}

func (p *page) anchor(to *packer, t tag, href string, base *url.URL) {
	f := File{URL: href, Size: -1}
	u, err := base.Parse(href)
	if err != nil {
		p.unusable(href, "its address makes no sense")
		return
	}
	// PEP 503 wants the anchor's text to be the last part of the path, which is what pip uses.
	if f.Filename = path.Base(u.Path); u.Path == "" || strings.HasSuffix(u.Path, "/") {
		return // it leads around the index, and to no file
	}
	f.RequiresPython, _ = t.attr("data-requires-python")
	f.YankedReason, f.Yanked = t.attr("data-yanked")
	if v, ok := t.attr("data-upload-time"); ok { // of no PEP, but of some indexes that have no JSON
		f.Uploaded = uploadTime(strings.TrimSpace(v))
	}
	for _, name := range []string{"data-core-metadata", "data-dist-info-metadata"} {
		if v, ok := t.attr(name); ok {
			f.HasMetadata = v != "false"
			f.MetadataSHA256, _ = strings.CutPrefix(v, "sha256=")
			break
		}
	}
	p.addFile(to, f, base)
}

// tag is a start tag.
type tag struct {
	name  string // lower case; "": an end tag, a comment, or something else
	attrs [][2]string
}

// attr is the value of the first attribute of that name, as HTML has it.
func (t tag) attr(name string) (string, bool) {
	for _, a := range t.attrs {
		if a[0] == name {
			return a[1], true
		}
	}
	return "", false
}

// maxAttrs is how many attributes of a tag are read.
const maxAttrs = 100

// nextTag finds the next tag and gives what comes after it.
func nextTag(b []byte) (tag, []byte) {
	i := bytes.IndexByte(b, '<')
	if i < 0 {
		return tag{}, nil
	}
	b = b[i+1:]
	if bytes.HasPrefix(b, []byte("!--")) {
		if i := bytes.Index(b[3:], []byte("-->")); i >= 0 {
			return tag{}, b[3+i+3:]
		}
		return tag{}, nil
	}
	n := 0
	for n < len(b) && isLetter(b[n]) {
		n++
	}
	if n == 0 {
		return tag{}, b
	}
	t := tag{name: strings.ToLower(string(b[:n]))}
	b = b[n:]
	for {
		b = bytes.TrimLeft(b, " \t\r\n\f/")
		if len(b) == 0 {
			return tag{}, nil // the page ends within a tag
		}
		if b[0] == '>' {
			return t, b[1:]
		}
		n := 1 // HTML lets a name begin with an equals sign
		for n < len(b) && !bytes.ContainsRune([]byte(" \t\r\n\f/>="), rune(b[n])) {
			n++
		}
		name := strings.ToLower(string(b[:n]))
		b = bytes.TrimLeft(b[n:], " \t\r\n\f")
		value := []byte(nil)
		if len(b) > 0 && b[0] == '=' {
			b = bytes.TrimLeft(b[1:], " \t\r\n\f")
			var ok bool
			if value, b, ok = attrValue(b); !ok {
				return tag{}, nil
			}
		}
		if len(t.attrs) < maxAttrs {
			t.attrs = append(t.attrs, [2]string{name, html.UnescapeString(string(value))})
		}
	}
}

func attrValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	if q := b[0]; q == '"' || q == '\'' {
		end := bytes.IndexByte(b[1:], q)
		if end < 0 {
			return nil, nil, false
		}
		return b[1 : 1+end], b[end+2:], true
	}
	n := bytes.IndexAny(b, " \t\r\n\f>")
	if n < 0 {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// after is what comes after the first occurrence of a text in ASCII, in any case.
func after(b []byte, text string) []byte {
	for i := 0; i+len(text) <= len(b); i++ {
		if b[i] == text[0] && strings.EqualFold(string(b[i:i+len(text)]), text) {
			return b[i+len(text):]
		}
	}
	return nil
}
