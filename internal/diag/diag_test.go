package diag_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
)

func TestRender(t *testing.T) {
	pos := diag.Position{File: "envpack.toml", Line: 3, Col: 10, Width: 4, Source: "python = 3.11"}
	inner := diag.New(diag.Manifest, "must be a string").At(pos).Hint("quote it")
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("it broke"), "envpack: it broke\n"},
		{"placed", inner, "envpack: envpack.toml:3:10: must be a string\n    python = 3.11\n             ^^^^\nhint: quote it\n"},
		{"wrapped", fmt.Errorf("reading: %w", inner),
			"envpack: envpack.toml:3:10: reading: must be a string\n    python = 3.11\n             ^^^^\nhint: quote it\n"},
		{"hints once, outermost first", diag.Wrap(inner, 0, "locking").Hint("look again").Hint("quote it"),
			"envpack: envpack.toml:3:10: locking: must be a string\n    python = 3.11\n             ^^^^\nhint: look again\nhint: quote it\n"},
		{"a tab keeps its width", diag.New(0, "no").At(diag.Position{File: "f", Line: 1, Col: 2, Source: "\tx"}),
			"envpack: f:1:2: no\n    \tx\n    \t^\n"},
		{"a file does not command the terminal", diag.New(0, "no").At(diag.Position{File: "f", Line: 1, Source: "a\x1b[2Jb"}),
			"envpack: f:1: no\n    a\uFFFD[2Jb\n"},
		{"a line that is too long", diag.New(0, "no").At(diag.Position{File: "f", Line: 1, Source: strings.Repeat("x", 1000)}),
			"envpack: f:1: no\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			if err := diag.Render(&b, test.err); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, b.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCodeOf(t *testing.T) {
	cause := diag.New(diag.Fetch, "no answer")
	for _, test := range []struct {
		err  error
		want diag.Code
	}{
		{nil, diag.OK},
		{errors.New("x"), diag.Failure},
		{cause, diag.Fetch},
		{diag.Wrap(cause, 0, "locking"), diag.Fetch},
		{diag.Wrap(cause, diag.Stale, "locking"), diag.Stale},
		{fmt.Errorf("again: %w", diag.Wrap(cause, 0, "locking")), diag.Fetch},
		{diag.Wrap(errors.New("x"), 0, "locking"), diag.Failure},
		{errors.Join(errors.New("x"), cause), diag.Fetch},
	} {
		if got := diag.CodeOf(test.err); got != test.want {
			t.Errorf("%v: code %d, want %d", test.err, got, test.want)
		}
	}
}

func TestRenderJSON(t *testing.T) {
	var b strings.Builder
	err := diag.New(diag.Mismatch, `not "that"`).At(diag.Position{File: "a", Line: 2, Col: 3}).Hint("look")
	if err := diag.RenderJSON(&b, err); err != nil {
		t.Fatal(err)
	}
	want := `{"error":"a:2:3: not \"that\"","code":6,"file":"a","line":2,"column":3,"hints":["look"]}` + "\n"
	if b.String() != want {
		t.Errorf("got %s", b.String())
	}
}

// TestRenderIsClean: texts of others reach messages, and must not reach the terminal as commands.
func TestRenderIsClean(t *testing.T) {
	var b strings.Builder
	if err := diag.Render(&b, diag.New(diag.Failure, "file \x1b[2Jx\u202e of an index\nand more").Hint("\x07 of \u009b")); err != nil {
		t.Fatal(err)
	}
	if want := "envpack: file ?[2Jx? of an index\nand more\nhint: ? of ?\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}
