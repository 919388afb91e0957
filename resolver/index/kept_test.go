package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
)

// TestVersions puts files in order, whatever theirs was.
func TestVersions(t *testing.T) {
	f := FilesOf("a",
		File{Filename: "a-1.0.tar.gz", URL: "u/1"}, File{Filename: "README", URL: "u/2"}, File{Filename: "a-2.0rc1-py3-none-any.whl", URL: "u/3"},
		File{Filename: "a-1-py3-none-any.whl", URL: "u/4"}, File{Filename: "b-10-py3-none-any.whl", URL: "u/5"}, File{Filename: "a-x-py3-none-any.whl", URL: "u/6"},
		File{Filename: "a-1.0-py3-none-any.whl", URL: "u/7"}, File{Filename: "a-1!0-py3-none-any-v1.whl", URL: "u/8"})
	var got []string
	for i := range f.Versions() {
		files, err := f.Of(i)
		if err != nil {
			t.Fatal(err)
		}
		text := f.Version(i).String() + ":"
		for _, file := range files {
			text += " " + file.Filename
		}
		got = append(got, text)
	}
	want := []string{"1!0: a-1!0-py3-none-any-v1.whl", "10: b-10-py3-none-any.whl", "2.0rc1: a-2.0rc1-py3-none-any.whl",
		"1: a-1.0.tar.gz a-1-py3-none-any.whl a-1.0-py3-none-any.whl"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if list := listOf(t, f); len(list) != 8 || f.Len() != 8 || list[6].Filename != "README" || list[7].Filename != "a-x-py3-none-any.whl" {
		t.Errorf("%+v", list)
	}
	for _, name := range []string{"a-1.0.tar.gz", "README", "b-10-py3-none-any.whl", "a-x-py3-none-any.whl"} {
		if named, err := f.Named(name); err != nil || len(named) != 1 || named[0].Filename != name {
			t.Errorf("%s: %+v %v", name, named, err)
		}
	}
	for _, name := range []string{"a-1.0.zip", "a-3.zip", "LICENSE"} {
		if named, err := f.Named(name); err != nil || len(named) != 0 {
			t.Errorf("%s: %+v %v", name, named, err)
		}
	}
	if got, want := f.Misnamed(), []string{"b-10-py3-none-any.whl", "a-x-py3-none-any.whl", "a-1!0-py3-none-any-v1.whl"}; !slices.Equal(got, want) {
		t.Errorf("misnamed: %q", got)
	}
}

// memos are the files in which the store keeps pages.
func (w *world) memos() (list []string) {
	w.t.Helper()
	err := filepath.WalkDir(filepath.Join(w.st.Dir(), "memo", pageMemo), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// TestRenewedMeanwhile has another process renew a page between the reading of its versions and of their files.
func TestRenewedMeanwhile(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.add("a", fmt.Sprintf("1.%d", i), testenv.WheelOptions{}, testenv.IndexFile{})
	}
	p := w.project(w.client(), "a")
	before := listOf(t, p.Files)
	w.add("a", "2.0", testenv.WheelOptions{}, testenv.IndexFile{RequiresPython: ">=3.9"})
	w.now = w.now.Add(time.Hour)
	w.project(w.client(), "a")
	if after := listOf(t, p.Files); !slices.Equal(before, after) {
		t.Error("the files are others after the page was renewed")
	}
	w.fake.Fail("/simple/a/", testenv.IndexFailure{Status: 404})
	w.now = w.now.Add(time.Hour)
	if _, err := w.client().Project(t.Context(), "a"); !errors.Is(err, ErrNoProject) {
		t.Fatal(err)
	}
	if files, err := p.Files.Of(0); err != nil || files != nil {
		t.Errorf("what the index took back: %v %v", files, err)
	}
}

// TestDamagedRecords has an error, and the next command reads the page again.
func TestDamagedRecords(t *testing.T) {
	for what, damage := range map[string]func(string){
		"changed": func(name string) {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-1] ^= 1
			if err := os.WriteFile(name, raw, 0o666); err != nil {
				t.Fatal(err)
			}
		},
		"lost": func(name string) { os.Remove(name) },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.add("a", "1", testenv.WheelOptions{}, testenv.IndexFile{})
			w.add("a", "2", testenv.WheelOptions{}, testenv.IndexFile{})
			p := w.project(w.client(), "a")
			damage(w.memos()[0])
			if what == "changed" {
				if _, err := p.Files.Of(0); err != nil {
					t.Errorf("2 is not damaged: %v", err)
				}
			}
			_, err := p.Files.Of(1)
			wantError(t, err, diag.Failure, "the store has lost the page of a in index fake, or it is damaged")
			if hints := strings.Join(diag.HintsOf(err), ""); !strings.Contains(hints, "read again") {
				t.Errorf("hints: %s", hints)
			}
			if list := listOf(t, w.project(w.client(), "a").Files); len(list) != 2 {
				t.Errorf("%+v", list)
			}
			if n := w.fake.Count("/simple/"); n != 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
