package conda

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pep440"
)

//go:embed testdata/specs.txt
var specsText string

//go:embed testdata/versions.txt
var versionsText string

// TestSpecsAsConda holds the parser to what conda's own makes of the same texts (testdata/oracle.py).
func TestSpecsAsConda(t *testing.T) {
	for line := range strings.Lines(specsText) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		s, err := ParseSpec(f[0])
		if err != nil {
			t.Errorf("%s: %v", f[0], err)
			continue
		}
		want := Spec{Channel: s.Channel, Name: strings.ToLower(f[1]), Version: f[2], Build: f[3]}
		if s != want {
			t.Errorf("%s: %+v, conda has %+v", f[0], s, want)
		}
	}
}

// TestVersionsAsConda: of what conda's version language allows, nothing more is allowed, and nothing less where no note says so.
func TestVersionsAsConda(t *testing.T) {
	var versions []string
	for line := range strings.Lines(versionsText) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# "); ok {
			versions = strings.Fields(rest)
			continue
		}
		text, bits, _ := strings.Cut(line, "\t")
		b, err := ParseVersion(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		list, err := pep440.ParseSpecifiers(b.Text)
		if err != nil {
			t.Errorf("%s: %s: %v", text, b.Text, err)
			continue
		}
		for i, v := range versions {
			got, want := list.Contains(pep440.MustParse(v)), bits[i] == '1'
			if got && !want || want && !got && b.Note == "" {
				t.Errorf("%s became %s, which has %s: %v, conda: %v", text, b.Text, v, got, want)
			}
			if got != b.Set.Contains(pep440.MustParse(v)) {
				t.Errorf("%s: the set of %s differs at %s", text, b.Text, v)
			}
		}
	}
}

func TestVersionText(t *testing.T) {
	for _, c := range []struct{ in, text, note string }{
		{"1.2*", "==1.2.*", ""},
		{"1.2", "==1.2", ""},
		{"10.*", "==10.*", ""},
		{"10.", "==10", ""},
		{"==10.", "==10", ""},
		{">=3.8,<3.10", ">=3.8,<3.10", ""},
		{"3.6.*|3.7.*|3.8.*", ">=3.6,<3.9", ""},
		{"=3.6|=3.7", ">=3.6,<3.8", ""},
		{"1.2|1.2.*", "==1.2.*", ""},
		{"1.2.*|1.4.*", "==1.4.*", "of the alternatives ==1.2.* and ==1.4.* the newest"},
		{"<1.2|>1.3", ">1.3", "of the alternatives <1.2 and >1.3 the newest"},
		{"1.*.3", "==1.*", "all versions that begin like 1.*.3"},
		{">=1.2 <2", ">=1.2,<2", ""},
		{"2.0.1_beta2", "==2.0.1_beta2", ""},
		{"*", "", ""},
		{"", "", ""},
	} {
		b, err := ParseVersion(c.in)
		if err != nil || b.Text != c.text || b.Note != c.note {
			t.Errorf("%s: %q, %q, %v; want %q, %q", c.in, b.Text, b.Note, err, c.text, c.note)
		}
	}
	for in, want := range map[string]string{
		"9b*":     "no version of the index's",
		"1.1.1k":  "no version of the index's",
		"^1\\.2$": "regular expression",
		">1,<1":   "no version is",
		"(1.2":    "parenthesis is not closed",
		">=":      "a version is expected",
		"1.2)":    `")" is not expected`,
		"1.2,":    "",
		strings.Repeat("(", 80) + "1" + strings.Repeat(")", 80): "parentheses",
	} {
		_, err := ParseVersion(in)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestSpecChannelsAndFiles(t *testing.T) {
	for in, want := range map[string]Spec{
		"conda-forge::numpy":                                                      {Channel: "conda-forge", Name: "numpy"},
		"conda-forge/linux-64::numpy=1.2=py38_0":                                  {Channel: "conda-forge/linux-64", Name: "numpy", Version: "1.2", Build: "py38_0"},
		"https://conda.example/t/numpy-base-1.20.2-py38hfae3a4d_0.tar.bz2":        {Channel: "https://conda.example/t", Name: "numpy-base", Version: "1.20.2", Build: "py38hfae3a4d_0"},
		"https://conda.example/x/pip-21.1-pyhd8ed1ab_0.conda#0123456789abcdef":    {Channel: "https://conda.example/x", Name: "pip", Version: "21.1", Build: "pyhd8ed1ab_0"},
		"https://conda.example/my-channel::numpy >=1.2":                           {Channel: "https://conda.example/my-channel", Name: "numpy", Version: ">=1.2"},
		"numpy[version='>=1, <2', channel='pytorch', subdir=linux-64, build=py*]": {Channel: "pytorch", Name: "numpy", Version: ">=1,<2", Build: "py*"},
		"tqdm[notebook]>=4": {Name: "tqdm", Version: ">=4", Extras: "notebook"},
		"a[x, y]":           {Name: "a", Extras: "x,y"},
		"NumPy":             {Name: "numpy"},
		"numpy >=1 <2":      {Name: "numpy", Version: ">=1<2"},
	} {
		if s, err := ParseSpec(in); err != nil || s != want {
			t.Errorf("%s: %+v, %v, want %+v", in, s, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                                 "a package is expected",
		"# nothing":                        "a package is expected",
		"num py>=":                         "",
		"numpy[>=1]":                       "key=value is expected",
		"numpy[version='1":                 "not closed",
		"a]b":                              "not opened",
		"numpy==":                          "lacks a version",
		"numpy>=":                          "lacks a version",
		"-e .":                             "no name of a package",
		"git+https://git.example/a/b@main": "no name of a package",
		"x.tar.bz2":                        "NAME-VERSION-BUILD",
	} {
		if _, err := ParseSpec(in); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func FuzzSpec(f *testing.F) {
	for line := range strings.Lines(specsText) {
		text, _, _ := strings.Cut(line, "\t")
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSpec(text)
		if err != nil {
			return
		}
		b, err := ParseVersion(s.Version)
		if err != nil {
			return
		}
		list, err := pep440.ParseSpecifiers(b.Text)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, b.Text, err)
		}
		if !pep440.FromSpecifiers(list).Equal(b.Set) {
			t.Fatalf("%q became %q, which is another set", text, b.Text)
		}
	})
}
