package requirements

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// TestOracle holds what is read to pip's own reading (testdata/oracle/reqfile.py): what pip takes is taken with the same bounds and
// hashes, or told of as left.
func TestOracle(t *testing.T) {
	var data struct {
		Tree  map[string][]byte
		Cases []struct {
			Name         string
			Files        map[string][]byte
			Refused      string
			Requirements []struct {
				Name, Specifiers, Link string
				Hashes                 []string
				Constraint             bool
			}
		}
	}
	testenv.Oracle(t, "reqfile", &data)
	same, told := 0, 0
	for _, c := range data.Cases {
		open := func(name string) ([]byte, error) {
			for _, files := range []map[string][]byte{c.Files, data.Tree} {
				if text, ok := files[name]; ok {
					return bytes.ReplaceAll(text, []byte("ROOT"), []byte("/project")), nil
				}
			}
			return nil, fs.ErrNotExist
		}
		text, err := open("requirements.txt")
		if err != nil || c.Refused != "" {
			continue
		}
		d, err := Read("requirements.txt", text, open)
		if err != nil {
			told++
			continue
		}
		left := slices.ContainsFunc(d.Lines, func(l draft.Line) bool {
			return l.Verdict == draft.Left || l.Verdict == draft.Mapped && strings.HasPrefix(l.Note, "without ")
		})
		for _, want := range c.Requirements {
			list := d.Requirements
			if want.Constraint {
				list = d.Constraints
			}
			name := pep508.NormalizeName(want.Name)
			specs, err := pep440.ParseSpecifiers(want.Specifiers)
			if err != nil || name == "" || left || want.Link != "" {
				told++
				continue
			}
			if !slices.ContainsFunc(list, func(r draft.Requirement) bool {
				req, err := pep508.Parse(r.Text)
				return err == nil && req.Name == name && req.Specifiers.String() == specs.String() && len(r.Hashes) == len(want.Hashes)
			}) {
				t.Errorf("%s: pip reads %+v, and here is %+v", c.Name, want, d)
				continue
			}
			same++
		}
	}
	if same < 200 {
		t.Errorf("%d requirements are read alike, %d are told of", same, told)
	}
	t.Logf("%d requirements are read alike, %d are told of", same, told)
}
