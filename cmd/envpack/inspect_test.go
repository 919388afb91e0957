package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/inspect"
)

func TestWriteReport(t *testing.T) {
	r := &inspect.Report{
		Name: "team/digits:v1", Platform: "linux/amd64", Digest: "sha256:" + strings.Repeat("d", 64), ID: "sha256:" + strings.Repeat("1", 64),
		Created: "2026-01-02T03:04:05Z", Size: 1_234_567,
		Config: inspect.Config{Command: []string{"python", "it's.py"}, Env: []string{"A=b", "EVIL=\x1b]0;x\a\u202e"}},
		Base:   &inspect.Base{Distro: "debian:12", Codename: "bookworm", Debs: 70},
		Python: &inspect.Python{Version: "3.11.2", Packages: []inspect.Package{{Name: "numpy", Version: "2.4.6", Wheel: "numpy-2.4.6.whl"}, {Name: "é", Version: "1"}}},
		Layers: []inspect.Layer{
			{Number: 1, Contents: "base", Size: 1_234_000, Digest: "sha256:" + strings.Repeat("a", 64), DiffID: "sha256:" + strings.Repeat("b", 64),
				Files: &inspect.Files{Entries: 12, Unpacked: 3e9, Top: []inspect.Entry{{Path: "usr", Entries: 12, Size: 3e9}}}},
			{Number: 2, Contents: "wheels 03", Packages: []string{"numpy 2.4.6"}, Size: 567, Digest: "x", DiffID: "y",
				Files: &inspect.Files{Entries: 1, Unpacked: 1}},
		},
		Notes: []string{"one", "two"},
	}
	var b strings.Builder
	writeReport(&b, r)
	want := `image     team/digits:v1
platform  linux/amd64
digest    sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
id        sha256:1111111111111111111111111111111111111111111111111111111111111111
created   2026-01-02T03:04:05Z
size      1.2 MB in 2 layers
base      debian:12 (bookworm), 70 packages
python    3.11.2, 2 packages
command   python 'it'\''s.py'
env       A=b
          EVIL=\x1b]0;x\a\u202e
note      one
          two

layer    size  unpacked  entries  digest        diff id       contents
    1  1.2 MB   3.00 GB       12  aaaaaaaaaaaa  bbbbbbbbbbbb  base
                3.00 GB       12                                usr
    2   567 B       1 B        1  x             y             wheels 03: numpy 2.4.6

package  version  from
numpy    2.4.6    numpy-2.4.6.whl
é        1
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestContentsOf(t *testing.T) {
	for _, test := range []struct {
		layer inspect.Layer
		want  string
	}{
		{inspect.Layer{Contents: "RUN  a \\\n\t&& b"}, `RUN a \ && b`},
		{inspect.Layer{Contents: "torch 2.15.0", Packages: []string{"torch 2.15.0"}}, "torch 2.15.0"},
		{inspect.Layer{Contents: strings.Repeat("é", 81)}, strings.Repeat("é", 79) + "…"},
		{inspect.Layer{Contents: "\x1b[31m"}, `\x1b[31m`},
		{inspect.Layer{}, ""},
	} {
		if got := contentsOf(test.layer); got != test.want {
			t.Errorf("%q: got %q, want %q", test.layer.Contents, got, test.want)
		}
	}
}
