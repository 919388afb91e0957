package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/lockfile"
)

func digestText(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// TestDiffText shows what scripts do not come by, and that nothing of an image reaches the terminal as a command.
func TestDiffText(t *testing.T) {
	layer := func(n int, made string) *inspect.Layer {
		return &inspect.Layer{Number: n, Contents: made, Size: 1_234_567, Digest: digestText("a"), DiffID: digestText("b")}
	}
	file := func(change func(*compare.File)) *compare.File {
		f := &compare.File{Type: "file", Mode: "0644", Size: 10, Time: "2020-01-02T03:04:05Z", SHA256: strings.Repeat("c", 64), Format: "USTAR"}
		if change != nil {
			change(f)
		}
		return f
	}
	changed := func(p, what string, change func(*compare.File)) compare.FileChange {
		return compare.FileChange{Kind: lockfile.Changed, Path: p, Old: file(nil), New: file(change), What: []string{what}}
	}
	r := &compare.Report{
		Old: compare.Subject{Name: "a\x1b[2J", Kind: "image", Platform: "linux/amd64", Digest: digestText("1")},
		New: compare.Subject{Name: "b", Kind: "image", Platform: "linux/arm64", ID: digestText("2")},
		Meaning: []lockfile.Change{
			{Kind: lockfile.Changed, Subject: "setting", Name: "env A", Old: strings.Repeat("x", 130), New: "\x07"},
			{Kind: lockfile.Added, Subject: "deb", Name: "libc6:amd64", New: "1"},
			{Kind: lockfile.Changed, Subject: "file", Name: "app/x", Old: "0644 sha256:1", New: "0755 sha256:2"},
		},
		Layers: []compare.LayerPair{
			{Match: compare.SameLayer, Old: layer(1, "x"), New: layer(1, "x")},
			{Match: compare.Recompressed, Old: layer(2, "RUN\x1b[31m"), New: layer(2, "RUN\x1b[31m"), Bytes: []compare.Difference{
				{Of: "stored", Offset: 900, Place: "deflate data", Block: 2, Decoded: 4096, Path: "etc/x", Old: "00ff", New: "01ff", Hex: true}}},
			{Match: compare.Changed, Old: layer(3, "COPY"), New: layer(4, "COPY a long way of things that are in this layer"), Notes: []string{"order"},
				Bytes: []compare.Difference{{Of: "tar", Offset: 600, Place: "padding", Path: "p", Old: "", New: "78", Hex: true, Ends: "old"},
					{Of: "stored", Place: "compression", Old: "gzip", New: "Zstandard"}},
				Files: &compare.Files{Changed: 9, Added: 1, Removed: 1, Same: 3, List: []compare.FileChange{
					changed("owner", "owner", func(f *compare.File) { f.UID, f.User = 5, "u" }),
					changed("time", "time", func(f *compare.File) { f.Time = "2021-01-02T03:04:05Z" }),
					changed("access", "time", func(f *compare.File) { f.Accessed = "2021-01-02T03:04:05Z" }),
					changed("type", "type", func(f *compare.File) { f.Type = "folder" }),
					changed("device", "device", func(f *compare.File) { f.Device = "8:1" }),
					changed("form", "format", func(f *compare.File) { f.Format = "PAX" }),
					changed("name", "name", func(f *compare.File) { f.Name = "./name" }),
					changed("times", "times", func(f *compare.File) { f.Times = 2 }),
					changed("", "attributes", func(f *compare.File) { f.Attributes = map[string]string{"k\x1b": "v"} }),
					{Kind: lockfile.Added, Path: "link", New: file(func(f *compare.File) { f.Type, f.Target, f.SHA256 = "symbolic link", "\u202e", "" })},
					{Kind: lockfile.Removed, Path: "set", Old: file(func(f *compare.File) { f.Mode = "4755" })},
				}}},
		},
		Values: []compare.Value{{Document: "config", Path: "config.StopSignal", New: "SIGINT"}, {Document: "manifest", Path: "layers[1].digest", Old: "1", New: "2"},
			{Document: "config", Old: "{ }", New: "{}", Form: true}},
		Notes: []string{"a note"},
	}
	text := &diffText{}
	text.comparisons(&comparisons{Images: []*compare.Report{r, {Platform: "linux/arm64", Same: true, Old: compare.Subject{Kind: "image", Digest: digestText("1")},
		New: compare.Subject{Kind: "image", Digest: digestText("2")}}}, OnlyOld: []string{"linux/s390x"}, OnlyNew: []string{"linux/386"}})
	want := `old  a\x1b[2J  linux/amd64  sha256:1111111111111111111111111111111111111111111111111111111111111111
new  b  linux/arm64  id sha256:2222222222222222222222222222222222222222222222222222222222222222

base
  + libc6:amd64 1

project's files
  ~ app/x (mode 0644 → 0755)

image
  ~ env A xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… → \a

layers: 1 same, 1 recompressed, 1 changed
  old  new  old size  new size                            contents
    2    2    1.2 MB    1.2 MB  recompressed              RUN\x1b[31m
    3    4    1.2 MB    1.2 MB  changed gzip → Zstandard  COPY a long way of things that are in this layer

files of layer 3 → 4 COPY a long way of things that are in t…: 1 added, 1 removed, 9 changed, 3 same
  ~ owner  owner 0:0 → 5:0 (u:)
  ~ time  time 2020-01-02T03:04:05Z → 2021-01-02T03:04:05Z
  ~ access  time of access or change
  ~ type  type file → folder
  ~ device  device  → 8:1
  ~ form  format USTAR → PAX
  ~ name  name "" → "./name"
  ~ times  1 times → 2 times
  ~ /  attributes +k\x1b
  + link  symbolic link to \u202e
  - set  10 B, mode 4755
  order

first bytes that differ
  layer 2 RUN\x1b[31m
    as stored, byte 900: deflate data, block 2, from byte 4096 of the tar on (etc/x)
      - hex 00ff
      + hex 01ff
  layer 3 → 4 COPY a long way of things that are in t…
    in the tar, byte 600: padding of p
      - (the end)
      + hex 78

manifest and config: 2 differences and 1 that follow from what is above
  config config.StopSignal: (none) → SIGINT
  config (the same values, written otherwise): { } → {}

note: a note

linux/arm64: nothing differs but dates

platforms
  - linux/s390x
  + linux/386
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	// A difference that no other part has is never left out.
	same := &compare.Report{Layers: r.Layers[:1], Values: []compare.Value{
		{Document: "config", Path: "history[0].comment", Old: "a", New: "b"}, {Document: "manifest", Path: "layers[0].mediaType", Old: "x", New: "y"},
		{Document: "manifest", Path: "config.digest", Old: "1", New: "2"}}}
	text = &diffText{}
	text.values(same)
	if want := "\nmanifest and config: 2 differences and 1 that follow from what is above\n  config history[0].comment: a → b\n  manifest layers[0].mediaType: x → y\n"; text.String() != want {
		t.Errorf("%q", text.String())
	}

	// Lists are cut, unless all is wanted.
	files := &compare.Files{Changed: 40}
	for range 40 {
		files.List = append(files.List, changed("f", "content", nil))
	}
	for _, all := range []bool{false, true} {
		text := &diffText{all: all}
		text.files("files", files)
		if got := strings.Contains(text.String(), "\n  … and 30 more; --all shows them\n"); got == all {
			t.Errorf("all %t: %s", all, text.String())
		}
	}
	colored := &diffText{color: true}
	colored.signed("", lockfile.Added, "x")
	if colored.String() != "\x1b[32m+ x\x1b[0m\n" {
		t.Errorf("%q", colored.String())
	}
}

func TestPairPlatforms(t *testing.T) {
	for _, test := range []struct{ old, now, want string }{
		{"linux/amd64", "linux/arm64", "linux/amd64=linux/arm64||"},
		{"linux/amd64 linux/arm64", "linux/arm64/v8", "linux/arm64=linux/arm64/v8|linux/amd64|"},
		{"linux/amd64", "linux/arm/v7 linux/amd64", "linux/amd64=linux/amd64||linux/arm/v7"},
		{"linux/arm/v6 linux/386", "linux/arm/v7 linux/amd64", "|linux/arm/v6 linux/386|linux/arm/v7 linux/amd64"},
	} {
		pairs, onlyOld, onlyNew := pairPlatforms(strings.Fields(test.old), strings.Fields(test.now))
		var list []string
		for _, p := range pairs {
			list = append(list, p[0]+"="+p[1])
		}
		if got := strings.Join(list, " ") + "|" + strings.Join(onlyOld, " ") + "|" + strings.Join(onlyNew, " "); got != test.want {
			t.Errorf("%s and %s: %s, want %s", test.old, test.now, got, test.want)
		}
	}
}
