package manifest

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// Index is a package index of the manifest's own.
type Index struct {
	Name string
	// Either is set: an address, or a folder or file, relative to the project if it is not absolute, with
	// slashes and in its shortest form.
	URL  string
	Path string
	// Template: it is one that is known by its name, see [Templates], and has neither. Its variant may be left to [gpu]; "".
	Template    bool
	Variant     string
	Flat        bool // all files of all packages are in one page or folder
	Undated     Undated
	Default     bool            // replaces the default index
	Packages    []string        // patterns of the packages that come from it, and only from it; none: any
	PackagesPos []diag.Position // the places of the patterns
	Pos         diag.Position   // of the table
	Place       diag.Position   // of url or path
}

// Binds tells whether a package, by its normalised name, comes from the index and from no other.
func (i Index) Binds(name string) bool {
	return slices.ContainsFunc(i.Packages, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// Undated says what as-of does with a file of which the index does not say when it was uploaded.
type Undated string

// The policies. An error is the default, since each of the others is a guess.
const (
	UndatedError Undated = "error"
	UndatedUse   Undated = "use"  // as if it had been uploaded in time
	UndatedSkip  Undated = "skip" // as if it had been uploaded too late
)

func (d *document) readIndexes(m *Manifest) error {
	list, _ := tables(d.root["index"])
	for i, table := range list {
		at := fmt.Sprintf("%s[%d]", d.path("index"), i)
		index, err := d.readIndex(at, table)
		if err != nil {
			return err
		}
		for _, other := range m.Indexes {
			if other.Name == index.Name || other.Default && index.Default {
				return d.fail(d.key(at), "index %s: its name, or default = true, stands twice", index.Name)
			}
		}
		if index.Name != "" {
			m.Indexes = append(m.Indexes, index)
			continue
		}
		if m.Undated != "" {
			return d.fail(d.key(at), "the default index stands twice")
		}
		m.Undated = index.Undated
	}
	for _, i := range m.Indexes {
		if i.Default && m.Undated != "" {
			return d.fail(i.Pos, "index %s: default = true stands twice", i.Name).Hint("say what to do with undated files in its own table")
		}
	}
	return nil
}

// readIndex reads one table. The result has no name where the table is about the default index, wherever that is.
func (d *document) readIndex(at string, table map[string]any) (Index, error) {
	index := Index{Pos: d.key(at)}
	none := index
	text := func(key string) string {
		v, _ := table[key].(string)
		return v
	}
	index.Name, index.URL, index.Path, index.Undated = text("name"), text("url"), text("path"), Undated(text("undated"))
	index.Default, _ = table["default"].(bool)
	policies := []string{string(UndatedError), string(UndatedUse), string(UndatedSkip)}
	if index.Undated != "" && !known(policies, string(index.Undated)) {
		return none, d.fail(d.value(join(at, "undated")), "index.undated %q: there is %s", index.Undated, choices(policies))
	}
	if settings := index.Default && index.Undated != ""; settings && len(table) == 2 {
		return index, nil
	}
	if !nameForm().MatchString(index.Name) {
		return none, d.fail(d.value(join(at, "name")), "an index needs a name of letters, digits, and . _ - between them")
	}
	if err := d.readAddress(at, table, &index); err != nil {
		return none, err
	}
	switch forms := []string{"simple", "flat"}; text("format") {
	case "", "simple":
	case "flat":
		index.Flat = true
	default:
		return none, d.fail(d.value(join(at, "format")), "index.format %q: there is %s", text("format"), choices(forms)).
			Hint("simple has a page for each package (PEP 503, PEP 691), flat has all files in one page or folder, as pip's find-links")
	}
	patterns, _ := table["packages"].([]any)
	for j, p := range patterns {
		pattern := p.(string)
		if !patternForm().MatchString(pattern) {
			return none, d.fail(d.value(item(join(at, "packages"), j)), "%q is no package name or pattern", pattern).
				Hint("a pattern is a name in which * stands for any letters, as in nvidia-*")
		}
		index.Packages = append(index.Packages, pep508.NormalizeName(pattern))
		index.PackagesPos = append(index.PackagesPos, d.value(item(join(at, "packages"), j)))
	}
	if index.Template && len(index.Packages) == 0 {
		index.Packages = slices.Clone(TemplateOf(index.Name).Packages)
	}
	if index.Default && len(index.Packages) > 0 {
		return none, d.fail(d.key(join(at, "default")), "index %s: the default index serves every package; packages binds some to another", index.Name)
	}
	return index, nil
}

// readAddress reads where an index is, or which it is of those that are known by name.
func (d *document) readAddress(at string, table map[string]any, index *Index) error {
	if index.URL+index.Path == "" {
		if err := d.readTemplate(at, table, index); err != nil || index.Template {
			return err
		}
	}
	if _, there := table["variant"]; there {
		return templateHint(d.fail(d.key(join(at, "variant")), "index %s: only an index that envpack knows by name, and that has no address, has variants", index.Name), index.Name)
	}
	if err := d.readPlace(at, index); err != nil {
		return err
	}
	if index.Place = d.value(join(at, "url")); index.Path != "" {
		index.Place = d.value(join(at, "path"))
	}
	return nil
}

// readPlace checks where an index is: at an address or in a folder.
func (d *document) readPlace(at string, index *Index) error {
	switch {
	case index.URL != "" && index.Path != "":
		return d.fail(d.key(join(at, "path")), "index %s has both url and path", index.Name).Hint("keep one of them")
	case index.Path == "":
		if err := checkIndexURL(index.URL); err != nil {
			e := d.fail(d.value(join(at, "url")), "index %s: %v", index.Name, err)
			if index.URL == "" {
				return templateHint(e, index.Name)
			}
			if strings.HasPrefix(index.URL, "file:") || index.URL != "" && !strings.Contains(index.URL, ":") {
				return e.Hint("a folder or file of this machine is named by path, relative to the project: path = \"wheels\"")
			}
			if _, bad := url.Parse(index.URL); bad != nil {
				return e.Hint("as in \"https://packages.example/simple/\"; a user and a password belong into ~/.netrc")
			}
			return e
		}
		return nil
	case strings.ContainsAny(index.Path, "\\\x00"):
		return d.fail(d.value(join(at, "path")), "index %s: path has a backslash or a NUL", index.Name).Hint("write it with slashes")
	case strings.Contains(index.Path, "://"):
		return d.fail(d.value(join(at, "path")), "index %s: path is an address", index.Name).Hint("an address is named by url")
	}
	index.Path = path.Clean(index.Path)
	return nil
}

// checkIndexURL wants an address without credentials, which belong to the machine.
func checkIndexURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return fmt.Errorf("url and path are missing")
	case err != nil:
		return fmt.Errorf("url is no address") // the parser's words may hold a password
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("url is no http or https address")
	case u.User != nil:
		return fmt.Errorf("url holds credentials: put them into ~/.netrc, they must not be shared")
	case diag.SecretParameter(u.RawQuery) != "":
		return fmt.Errorf("url holds credentials, in %s of its query: they must not be shared, and are taken from ~/.netrc", diag.SecretParameter(u.RawQuery))
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("url has a query or fragment, which an index's address cannot have")
	}
	return nil
}
