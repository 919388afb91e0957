package spelling

import (
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/pep508"
)

func TestRequirement(t *testing.T) {
	for _, c := range []struct{ text, want, note string }{
		{"numpy", "numpy", ""},
		{"numpy >=1.0 , <2", "numpy >=1.0 , <2", ""},
		{"numpy>=3.", "numpy>=3", ">=3. is read as >=3, as pip did"},
		{"torch>=1.7.*", "torch>=1.7", "as pip did"},
		{"torch>1.7.*", "torch>=1.7", ">1.7.* is read as >=1.7, as pip did"},
		{"torch<1.9.*,>=1.7", "torch<1.9,>=1.7", "<1.9.* is read as <1.9"},
		{"torch<=1.9.*", "torch<1.9", "as pip did"},
		{"torch==1.*.*", "torch==1.*", "read as ==1.*"},
		{"numpy=1.0", "numpy==1.0", "=1.0 is read as ==1.0"},
		{"numpy=1.19.2=py38h54aff64_0", "numpy==1.19.2", "conda's, and read as ==1.19.2"},
		{"numpy 1.19.2", "numpy==1.19.2", "read as ==1.19.2"},
		{"numpy=>1.0", "numpy>=1.0", "read as >=1.0"},
		{"numpy>=1.0<2.0", "numpy>=1.0,<2.0", "is written >=1.0,<2.0"},
		{"numpy>=1.0 <2.0", "numpy>=1.0,<2.0", "is written"},
		{"numpy==*", "numpy", "any version"},
		{"numpy,", "", ""},
		{"numpy>=1.0,,<2", "numpy>=1.0,<2", "is written"},
		{"pytz==2004d", "pytz===2004d", "compared as text"},
		{"torch>=1.9.0+cu111", "torch>=1.9.0", "a label goes with"},
		{"torch==1.9.0+cu111", "torch==1.9.0+cu111", ""},
		{"numpy\u00a0>=1.0", "numpy>=1.0", "odd characters"},
		{"\u200bnumpy==1.0", "numpy==1.0", "odd characters"},
		{"enum34 == 1.*.* ; python_version < “3.4”", "enum34==1.*; python_version < \"3.4\"", "odd characters"},
		{"demo [a, b] >= 1.", "demo[a,b]>=1", "as pip did"},
		{"demo (>=1.)", "demo>=1", "as pip did"},
		{"numpy~=1.*", "", ""},
		{"numpy^1.0", "", ""},
		{"numpy>=", "", ""},
		{"numpy>=abc", "", ""},
		{"a b c", "", ""},
		{"", "", ""},
		{"demo; python_version > '3' and", "", ""},
	} {
		req, fixed, note, err := Requirement(c.text)
		if c.want == "" {
			if err == nil {
				t.Errorf("%q: read as %q", c.text, fixed)
			}
			continue
		}
		if err != nil || fixed != c.want || !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
			t.Errorf("%q: %q (%s), %v; want %q (%s)", c.text, fixed, note, err, c.want, c.note)
			continue
		}
		if again, err := pep508.Parse(fixed); err != nil || again.String() != req.String() {
			t.Errorf("%q: %q is read as %v, %v", c.text, fixed, again, err)
		}
	}
}

func FuzzRequirement(f *testing.F) {
	for _, s := range []string{"numpy>=3.", "torch==1.*.*; python_version<'3'", "demo (>=1.)", "numpy=1.0", "x==2004d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		req, fixed, note, err := Requirement(text)
		if err != nil {
			return
		}
		again, err := pep508.Parse(fixed)
		if err != nil || again.String() != req.String() {
			t.Errorf("%q: %q is read as %v, %v", text, fixed, again, err)
		}
		if note == "" && fixed != text {
			t.Errorf("%q became %q in silence", text, fixed)
		}
	})
}
