package fatbin

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCode(t *testing.T) {
	for text, want := range map[string]Code{
		"sm_90":           {Kind: Cubin, Arch: Arch{Number: 90}},
		"sm_90a":          {Kind: Cubin, Arch: Arch{90, 'a'}},
		"sm_103f":         {Kind: Cubin, Arch: Arch{103, 'f'}},
		"compute_120@8.7": {Kind: PTX, Arch: Arch{Number: 120}, PTX: Version{8, 7}},
		"compute_35":      {Kind: PTX, Arch: Arch{Number: 35}},
		"compute_90a@0.1": {Kind: PTX, Arch: Arch{90, 'a'}, PTX: Version{0, 1}},
		"lto_100f":        {Kind: LTO, Arch: Arch{100, 'f'}},
		"kind64_100":      {Kind: 64, Arch: Arch{Number: 100}},
		"kind0_1":         {Arch: Arch{Number: 1}},
	} {
		got, err := ParseCode(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: read as %+v, written as %s, %v", text, got, got.String(), err)
		}
	}
	for _, text := range []string{
		"", "sm", "sm_", "sm_a", "sm_0", "sm_090", "sm_+9", "sm_90A", "sm_90aa", "sm_10000", "SM_90", "sm_90 ", "sm_90@8.0", "compute_90@", "compute_90@8",
		"compute_90@8.", "compute_90@0.0", "compute_90@08.0", "compute_90@8.1000", "kind2_90", "kind1_90", "kind8_90", "kind65536_1", "kind_9", "kind-1_9",
	} {
		if c, err := ParseCode(text); err == nil {
			t.Errorf("%q is read as %v", text, c)
		}
	}
}

func TestSummaryText(t *testing.T) {
	lines := []string{
		"2 sm_75=100 sm_90=200 sm_90a=0 sm_100=5 sm_100f=6 compute_90@8.0=7 compute_90@8.1=8 lto_90=9 kind16_100=10",
		"1 sm_80=10",
		"3 compute_75=1",
		"prelinked 1 sm_75=1",
		"prelinked 128 sm_80=10",
		"embedded 1 sm_80=10",
	}
	s, err := Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines, s.Lines()); diff != "" {
		t.Error(diff)
	}
	if g := s.Groups[0]; g.Count != 2 || g.Size != 345 || g.Codes[2] != (Code{Kind: Cubin, Arch: Arch{90, 'a'}}) {
		t.Errorf("the first group is %+v", g)
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again := &Summary{}
	if err := json.Unmarshal(data, again); err != nil || !reflect.DeepEqual(s, again) {
		t.Errorf("from JSON: %+v, %v", again, err)
	}
	for _, bad := range [][]string{
		{""}, {"0 sm_75=1"}, {"1"}, {"1 sm_75"}, {"1 sm_75="}, {"1 sm_75=-1"}, {"1 sm_75=01"}, {"1  sm_75=1"}, {"1 sm_75=1 "}, {"1 sm_80=1 sm_75=1"},
		{"1 sm_75=1 sm_75=1"}, {"-1 sm_75=1"}, {"1 sm_75=1", "1 sm_75=2"}, {"1 sm_80=1", "1 sm_75=1"}, {"prelinked 1 sm_75=1", "1 sm_80=1"}, {"embedded 1 sm_75=1", "prelinked 1 sm_80=1"},
		{"prelinked prelinked 1 sm_75=1"}, {"4294967296 sm_75=1"}, {"1 sm_75=72057594037927936 sm_80=1"},
	} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("476 sm_75=1024 compute_75@8.7=96")
	f.Add("1 sm_90a=1 lto_100f=2 kind64_3=4")
	f.Fuzz(func(t *testing.T, line string) {
		if s, err := Parse([]string{line}); err == nil && !cmp.Equal(s.Lines(), []string{line}) {
			t.Errorf("%q is written as %q", line, s.Lines())
		}
	})
}
