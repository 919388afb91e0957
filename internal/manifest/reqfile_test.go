package manifest

import (
	"bytes"
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/direct"
)

// pipRequirement is a requirement as testdata/oracle/reqfile.py writes it.
type pipRequirement struct {
	Name, Specifiers, Marker, Link string
	Extras, Hashes                 []string
	Constraint, Editable           bool
}

type pipCase struct {
	Name         string
	Files        map[string][]byte
	Refused      string
	Requirements []pipRequirement
	NoBinary     []string `json:"no_binary"`
	OnlyBinary   []string `json:"only_binary"`
}

// TestOracleRequirementsFiles holds requirements files to pip's reading of them. What is refused although pip takes
// it, and the other way round, stands in testdata/reqfile.txt with the reason.
func TestOracleRequirementsFiles(t *testing.T) {
	var data struct {
		Tree  map[string][]byte
		Cases []pipCase
	}
	testenv.Oracle(t, "reqfile", &data)
	differ := differences(t)
	same, refused := 0, 0
	root := t.TempDir()
	put := func(files map[string][]byte) {
		for name, text := range files {
			file := filepath.Join(root, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("ROOT"), []byte(root)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(data.Tree)
	put(map[string][]byte{FileName: []byte("[project]\nname = 'x'\npython = '3.11'\nrequirements = ['requirements.txt']\n")})
	for _, c := range data.Cases {
		put(c.Files)
		m, err := Load(root, Selection{})
		for name := range c.Files {
			if err := os.Remove(filepath.Join(root, filepath.FromSlash(name))); err != nil {
				t.Fatal(err)
			}
		}
		why, listed := differ[c.Name]
		delete(differ, c.Name)
		switch {
		case err != nil && (diag.CodeOf(err) != diag.Manifest || diag.PositionOf(err).Line == 0):
			t.Errorf("%s: an error without a place: %v", c.Name, err)
		case err != nil && c.Refused != "" && !listed:
			refused++
		case err != nil && c.Refused != "":
			t.Errorf("%s: both refuse it: %v", c.Name, err)
		case err != nil && (!listed || !strings.Contains(err.Error(), why) || why == ""):
			t.Errorf("%s: pip takes it, and here: %v", c.Name, err)
		case err != nil:
		case c.Refused != "" && why != "taken":
			t.Errorf("%s: pip refuses it (%s), and here is %v", c.Name, c.Refused, texts(m.Requirements))
		case c.Refused != "":
		default:
			diff := gocmp.Diff(asPip(root, c.Requirements), ours(root, m, nameless(root, c.Requirements)))
			diff += gocmp.Diff(cleared(c.NoBinary, c.OnlyBinary), cleared(m.NoBinary, m.OnlyBinary))
			switch {
			case diff != "" && why != "other":
				t.Errorf("%s (-pip +here):\n%s", c.Name, diff)
			case diff == "" && listed:
				t.Errorf("%s: there is no difference any more", c.Name)
			}
			same++
		}
	}
	for name := range differ {
		t.Errorf("testdata/reqfile.txt has %q, which is no case", name)
	}
	if same < 300 || refused < 200 {
		t.Errorf("%d cases: %d read alike, %d refused by both", len(data.Cases), same, refused)
	}
	t.Logf("%d cases: %d read alike, %d refused by both", len(data.Cases), same, refused)
}

// differences reads testdata/reqfile.txt: below each line that ends in a colon, the names of cases. The line is a part
// of the error that is had here, or "taken" where pip refuses, or "other"; what follows a # is why.
func differences(t *testing.T) map[string]string {
	text, err := os.ReadFile("testdata/reqfile.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	why := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		name, isCase := strings.CutPrefix(line, "    ")
		switch {
		case isCase:
			out[name] = why
		case line != "" && !strings.HasPrefix(line, "#"):
			why = strings.TrimSuffix(line, ":")
		}
	}
	return out
}

func cleared(lists ...[]string) [][]string {
	var out [][]string
	for _, l := range lists {
		out = append(out, append([]string{}, l...))
	}
	return out
}

// asPip brings what pip read into a form in which it can be compared: sorted, each requirement once, addresses without
// fragment, whose SHA-256 is a hash.
func asPip(root string, list []pipRequirement) []pipRequirement {
	var out []pipRequirement
	for _, r := range list {
		address, fragment, _ := strings.Cut(strings.ReplaceAll(r.Link, "ROOT", root), "#")
		if kind, sum, ok := strings.Cut(fragment, "="); ok && hashDigits[kind] > 0 {
			r.Hashes = []string{kind + ":" + strings.ToLower(sum)}
		}
		r.Link = clean(root, address)
		r.Extras, r.Hashes = append([]string{}, r.Extras...), append([]string{}, r.Hashes...)
		r.Editable = false // what it means is lost on purpose
		out = append(out, r)
	}
	return sortedOnce(out)
}

// clean is an address without what makes no difference; pip leaves them as they are written.
func clean(root, address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "" || err != nil:
		return address
	case u.Scheme == "":
		path := filepath.FromSlash(u.Path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		u = &url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	case u.Scheme == "file":
		u.Host, u.Path = "", filepath.ToSlash(filepath.Clean(u.Path))
	}
	return u.String()
}

// nameless are the addresses of which pip does not know the name without fetching them.
func nameless(root string, list []pipRequirement) map[string]bool {
	out := map[string]bool{}
	for _, r := range list {
		if r.Name == "" {
			out[asPip(root, []pipRequirement{r})[0].Link] = true
		}
	}
	return out
}

func ours(root string, m *Manifest, nameless map[string]bool) []pipRequirement {
	var out []pipRequirement
	for i, list := range [][]Requirement{m.Requirements, m.Constraints} {
		for _, r := range list {
			p := pipRequirement{Name: r.Name, Specifiers: r.Specifiers.String(), Marker: r.Marker.String(), Constraint: i == 1}
			p.Extras, p.Hashes = append([]string{}, r.Extras...), append([]string{}, r.Hashes...)
			slices.Sort(p.Extras)
			slices.Sort(p.Hashes)
			p.Hashes = slices.Compact(p.Hashes)
			if d := r.Direct; d != nil {
				if p.Link = address(root, d); nameless[p.Link] {
					p.Name = ""
				}
			}
			out = append(out, p)
		}
	}
	return sortedOnce(out)
}

func address(root string, d *direct.Reference) string {
	switch {
	case d.Git != "" && d.Revision != "":
		return "git+" + d.Git + "@" + d.Revision
	case d.Git != "":
		return "git+" + d.Git
	case d.URL != "":
		return d.URL
	}
	path := filepath.FromSlash(d.Path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

func sortedOnce(list []pipRequirement) []pipRequirement {
	key := func(r pipRequirement) string {
		return strings.Join(append([]string{r.Name, r.Specifiers, r.Marker, r.Link, strings.Join(r.Extras, ",")}, r.Hashes...), "\x00")
	}
	slices.SortFunc(list, func(a, b pipRequirement) int { return cmp.Compare(key(a), key(b)) })
	return slices.CompactFunc(list, func(a, b pipRequirement) bool { return key(a) == key(b) && a.Constraint == b.Constraint })
}
