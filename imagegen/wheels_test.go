package imagegen_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen"
	"github.com/envpack/envpack/imagegen/install"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/lockfile"
)

func files(pairs ...string) testenv.WheelOptions {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return testenv.WheelOptions{Files: m}
}

// TestSharedPath has two wheels with one file, in layers of their own and in bins.
func TestSharedPath(t *testing.T) {
	for _, own := range []bool{false, true} {
		w, st := newWorld(), openStore(t)
		w.wheel("bbb", "1.0", files("shared/__init__.py", "same", "b.py", "b"))
		w.wheel("aaa", "1.0", files("shared/__init__.py", "same", "a.py", "a"))
		if own {
			w.own("aaa")
			w.own("bbb")
		}
		layer := func(name string) string {
			if own {
				return name + " 1.0"
			}
			return binOf(name)
		}
		first := w.build(t, st, nil)
		a, b := contents(t, layerOf(t, first, layer("aaa"))), contents(t, layerOf(t, first, layer("bbb")))
		if a[site+"shared/__init__.py"] != "same" {
			t.Errorf("own %t: the first by name lacks the file", own)
		}
		if _, ok := b[site+"shared/__init__.py"]; ok && layer("aaa") != layer("bbb") {
			t.Errorf("own %t: the second has the file too", own)
		}
		if !strings.Contains(b[site+"bbb-1.0.dist-info/RECORD"], "\nshared/__init__.py,") && !strings.HasPrefix(b[site+"bbb-1.0.dist-info/RECORD"], "shared/__init__.py,") {
			t.Errorf("own %t: its RECORD does not list it: %s", own, b[site+"bbb-1.0.dist-info/RECORD"])
		}
		contents(t, first.Layers...) // no path twice

		// Without the first, the second has it.
		w.remove("aaa")
		second := w.build(t, st, nil)
		if got := contents(t, layerOf(t, second, layer("bbb")))[site+"shared/__init__.py"]; got != "same" {
			t.Errorf("own %t: nobody has the file: %q", own, got)
		}
	}
}

func TestContestedPath(t *testing.T) {
	for _, c := range []struct {
		name       string
		one, other testenv.WheelOptions
		path       string
		lines      string // that are proposed for the manifest; "": none help
	}{
		{"content", files("shared/__init__.py", "1"), files("shared/__init__.py", "2"), "shared/__init__.py", `"shared/__init__.py" = "one"  # or "other"`},
		{
			"folders", files("s/a/1.py", "1", "s/a/2.py", "1", "s/__init__.py", "", "t.py", "1"), files("s/a/1.py", "2", "s/a/2.py", "2", "s/__init__.py", "", "t.py", "2"), "s/a/1.py",
			`"s/a" = "one"  # or "other"` + "\n    " + `"t.py" = "one"  # or "other"`,
		},
		{"file and folder", files("shared", "1"), files("shared/x.py", "2"), "shared", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, st := newWorld(), openStore(t)
			one, other := w.wheel("one", "1.0", c.one), w.wheel("other", "1.0", c.other)
			_, err := w.builder(st).Build(context.Background(), w.plan(t, nil))
			var contested *install.ContestedError
			if !errors.As(err, &contested) {
				t.Fatal(err)
			}
			for _, want := range []string{one, other, site + c.path} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %s", err, want)
				}
			}
			hints := diag.HintsOf(err)
			if diag.CodeOf(err) != diag.Failure || len(hints) == 0 || (len(hints) == 2) != (c.lines != "") {
				t.Errorf("code %d, hints %q", diag.CodeOf(err), hints)
			} else if c.lines != "" && !strings.HasSuffix(hints[1], "\n    [ownership]\n    "+c.lines) {
				t.Errorf("hint %q, want %s", hints[1], c.lines)
			}
			if list := leftovers(t, st); len(list) > 0 {
				t.Errorf("left behind: %v", list)
			}
		})
	}
}

// owns gives a choice of who owns a path.
func owns(path, name string) lockfile.Choice {
	return lockfile.Choice{Kind: lockfile.OwnerChoice, Name: path, Value: name}
}

// TestOwners has wheels with different files at their paths, and choices of whose are installed.
func TestOwners(t *testing.T) {
	for _, c := range []struct {
		name    string
		choices []lockfile.Choice
		want    map[string]string // by path: whose file it is; "" for an error
		idle    []string
	}{
		{"nobody", nil, nil, nil},
		{"a folder", []lockfile.Choice{owns("s", "aaa")}, map[string]string{"s/x.py": "aaa", "s/y.py": "aaa"}, nil},
		{"the other", []lockfile.Choice{owns("s", "bbb")}, map[string]string{"s/x.py": "bbb", "s/y.py": "bbb"}, nil},
		{"the most specific", []lockfile.Choice{owns("s", "aaa"), owns("s/x.py", "bbb")}, map[string]string{"s/x.py": "bbb", "s/y.py": "aaa"}, nil},
		{"one that has none there", []lockfile.Choice{owns("s", "aaa"), owns("s/x.py", "ccc")}, map[string]string{"s/x.py": "aaa", "s/y.py": "aaa"}, []string{"s/x.py"}},
		{"one file alone", []lockfile.Choice{owns("s/x.py", "aaa")}, nil, nil},
		{"a name that begins alike", []lockfile.Choice{owns("s/x", "aaa"), owns("s/y.py", "aaa")}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, st := newWorld(), openStore(t)
			w.wheel("aaa", "1.0", files("s/__init__.py", "", "s/x.py", "aaa", "s/y.py", "aaa"))
			w.wheel("bbb", "1.0", files("s/__init__.py", "", "s/x.py", "bbb", "s/y.py", "bbb"))
			w.wheel("ccc", "1.0", files("s/__init__.py", "", "c.py", "ccc"))
			for _, name := range []string{"aaa", "bbb", "ccc"} {
				w.own(name)
			}
			w.lock.Choices = c.choices
			image, err := w.builder(st).Build(context.Background(), w.plan(t, nil))
			if c.want == nil {
				var contested *install.ContestedError
				if !errors.As(err, &contested) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := contents(t, image.Layers...) // no path twice
			for path, name := range c.want {
				if got[site+path] != name {
					t.Errorf("%s is %q, want %q", path, got[site+path], name)
				}
				for _, other := range []string{"aaa", "bbb"} {
					record := "\n" + got[site+other+"-1.0.dist-info/RECORD"]
					if strings.Contains(record, "\n"+path+",") != (other == name) || !strings.Contains(record, "\ns/__init__.py,") {
						t.Errorf("%s owns %s, and RECORD of %s is %s", name, path, other, record)
					}
				}
			}
			if diff := cmp.Diff(c.idle, image.Idle); diff != "" {
				t.Errorf("idle: %s", diff)
			}
			// What is remembered comes to the same.
			again, err := w.builder(st).Build(context.Background(), w.plan(t, nil))
			if err != nil || again.Digest != image.Digest || len(again.Idle) != len(image.Idle) {
				t.Errorf("again: %v, %v", again, err)
			}
		})
	}
}

// TestCededAndOmitted has a wheel that leaves a path to another, first with the same bytes and then with others: its RECORD
// differs, and so must the inputs of its layer.
func TestCededAndOmitted(t *testing.T) {
	var layers []string
	var inputs []string
	for _, text := range []string{"same", "other"} {
		w := newWorld()
		w.wheel("aaa", "1.0", files("s.py", text))
		w.wheel("bbb", "1.0", files("s.py", "same"))
		w.own("aaa")
		w.own("bbb")
		w.lock.Choices = []lockfile.Choice{owns("s.py", "aaa")}
		l := layerOf(t, w.build(t, openStore(t), nil), "bbb 1.0")
		layers, inputs = append(layers, l.Digest), append(inputs, l.Inputs)
	}
	if layers[0] == layers[1] || inputs[0] == inputs[1] {
		t.Errorf("layers %q of inputs %q", layers, inputs)
	}
}

// TestRecordDeviations has wheels whose RECORD is wrong in several ways.
func TestRecordDeviations(t *testing.T) {
	w, st := newWorld(), openStore(t)
	hashFile := w.wheel("badhash", "1.0", testenv.WheelOptions{Record: func(text string) string {
		sum := sha256.Sum256([]byte("something else"))
		at := strings.Index(text, "sha256=") + len("sha256=")
		return text[:at] + base64.RawURLEncoding.EncodeToString(sum[:]) + text[at+43:]
	}})
	unlistedFile := w.wheel("unlisted", "1.0", testenv.WheelOptions{Record: func(text string) string {
		_, rest, _ := strings.Cut(text, "\n")
		return rest + "gone.py,,\n"
	}})
	w.wheel("good", "1.0", testenv.WheelOptions{})
	kinds := func(list map[string][]install.Deviation) map[string]string {
		m := map[string]string{}
		for wheel, deviations := range list {
			for _, d := range deviations {
				m[wheel] += string(d.Kind) + " " + d.Path + ";"
			}
		}
		return m
	}
	want := map[string]string{
		hashFile:     "hash badhash-1.0.dist-info/METADATA;",
		unlistedFile: "absent gone.py;unlisted unlisted-1.0.dist-info/METADATA;",
	}
	first := w.build(t, st, nil)
	if diff := cmp.Diff(want, kinds(first.Deviations)); diff != "" {
		t.Error(diff)
	}
	second := w.build(t, st, nil)
	if diff := cmp.Diff(first.Deviations, second.Deviations); diff != "" {
		t.Errorf("a warm build reports others: %s", diff)
	}
	forget(t, st, "layer")
	third := w.build(t, st, nil)
	if diff := cmp.Diff(first.Deviations, third.Deviations); diff != "" || third.Digest != first.Digest {
		t.Errorf("a build anew reports others: %s", diff)
	}
	wantChoices := []lockfile.Choice{
		{Kind: "record", Name: hashFile, Value: "hash", Target: amd64, Reason: "RECORD is not what the wheel holds in 1 place; it was rewritten"},
		{Kind: "record", Name: unlistedFile, Value: "absent", Target: amd64, Reason: "RECORD is not what the wheel holds in 1 place; it was rewritten"},
		{Kind: "record", Name: unlistedFile, Value: "unlisted", Target: amd64, Reason: "RECORD is not what the wheel holds in 1 place; it was rewritten"},
	}
	if diff := cmp.Diff(wantChoices, first.Choices()); diff != "" {
		t.Error(diff)
	}
	checkRecords(t, contents(t, first.Layers...))
}

// checkRecords holds every RECORD to what lies beside it.
func checkRecords(t *testing.T, all map[string]string) {
	t.Helper()
	records := 0
	for p, text := range all {
		if !strings.HasSuffix(p, ".dist-info/RECORD") {
			continue
		}
		records++
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		for _, row := range rows {
			content, ok := all[site+row[0]]
			if strings.HasPrefix(row[0], "../../../") {
				content, ok = all["opt/env/"+strings.TrimPrefix(row[0], "../../../")]
			}
			sum := sha256.Sum256([]byte(content))
			if want := "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]); !ok || row[1] != "" && (row[1] != want || row[2] != fmt.Sprint(len(content))) {
				t.Errorf("%s: %v is not so", p, row)
			}
		}
	}
	if records == 0 {
		t.Error("no RECORD")
	}
}

func TestRecords(t *testing.T) {
	checkRecords(t, contents(t, sample().build(t, openStore(t), nil).Layers...))
}

func TestBrokenWheel(t *testing.T) {
	w, st := newWorld(), openStore(t)
	file := w.wheel("evil", "1.0", files("../../../../etc/passwd", "x"))
	_, err := w.builder(st).Build(t.Context(), w.plan(t, nil))
	var broken *wheelfile.Error
	if !errors.As(err, &broken) || broken.Wheel != file {
		t.Error(err)
	}
}

// TestBump changes one of many small wheels: its bin and the lock move, and nothing else.
func TestBump(t *testing.T) {
	w, st := newWorld(), openStore(t)
	for i := range 120 {
		w.wheel(fmt.Sprintf("p%03d", i), "1.0", testenv.WheelOptions{})
	}
	for i := range 20 {
		name := fmt.Sprintf("own%02d", i)
		w.wheel(name, "1.0", testenv.WheelOptions{})
		w.own(name)
	}
	first := w.build(t, st, nil)
	if n := len(first.Layers); n > 100 || n < 20+lockfile.Bins {
		t.Errorf("%d layers", n)
	}
	w.asked = nil
	file := w.wheel("p007", "1.1", testenv.WheelOptions{})
	second := w.build(t, st, nil)
	if diff := cmp.Diff([]string{file}, w.asked); diff != "" {
		t.Errorf("asked for: %s", diff)
	}
	before := map[string]string{}
	for _, l := range first.Layers {
		before[l.Name] = l.Digest
	}
	var moved []string
	for _, l := range second.Layers {
		if before[l.Name] != l.Digest {
			moved = append(moved, l.Name)
		}
	}
	if diff := cmp.Diff([]string{binOf("p007"), "lock"}, moved); diff != "" {
		t.Error(diff)
	}
}

func TestNoWheels(t *testing.T) {
	image := newWorld().build(t, openStore(t), nil)
	if diff := cmp.Diff([]string{"base", "environment", "lock"}, names(image)); diff != "" {
		t.Error(diff)
	}
}

// TestTasks names the layers by what is in them.
func TestTasks(t *testing.T) {
	w := newWorld()
	var in0 []string // names of one bin
	for i := 0; len(in0) < 5; i++ {
		if name := fmt.Sprintf("p%03d", i); lockfile.Bin(name) == 0 {
			in0 = append(in0, name)
		}
	}
	for n, want := range map[int]string{
		1: "(p)", 3: "(p, q, r)", 5: "(p, q, …)",
	} {
		w.lock.Packages = nil
		for _, name := range in0[:n] {
			w.wheel(name, "1.0", testenv.WheelOptions{})
		}
		w.wheel("big", "2.0", testenv.WheelOptions{})
		w.own("big")
		want = "layer wheels 00 " + strings.NewReplacer("p", in0[0], "q", in0[1], "r", in0[2]).Replace(want)
		var mu sync.Mutex
		var got []string
		b := w.builder(openStore(t))
		b.Task = func(name string, _ int64) func(int64) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, name)
			return func(int64) {}
		}
		if _, err := b.Build(t.Context(), w.plan(t, nil)); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(got, want) || n == 1 && !slices.Contains(got, "layer big 2.0") {
			t.Errorf("tasks %q, want %q", got, want)
		}
	}
}

// TestBrokenMember has a wheel that can be opened, with a member that does not inflate.
func TestBrokenMember(t *testing.T) {
	w, st := newWorld(), openStore(t)
	text := strings.Repeat("a text that is deflated. ", 500)
	w.wheel("good", "1.0", testenv.WheelOptions{})
	file := w.wheel("broken", "1.0", files("broken/text.py", text))
	p := &w.lock.Packages[slices.IndexFunc(w.lock.Packages, func(p lockfile.Package) bool { return p.Name == "broken" })]
	data := w.files[p.Files[0].SHA256]
	at := bytes.Index(data, []byte("broken/text.py")) + len("broken/text.py") + 8
	data[at] ^= 0xff
	p.Files[0].SHA256 = hash(data)
	w.files[hash(data)] = data
	_, err := w.builder(st).Build(t.Context(), w.plan(t, nil))
	var wrong *wheelfile.Error
	if !errors.As(err, &wrong) || wrong.Wheel != file || wrong.Class() != wheelfile.Broken || !strings.Contains(err.Error(), "text.py") {
		t.Errorf("%v", err)
	}
}

// drafts keeps what layers are written to while they are made.
type drafts struct {
	mu        sync.Mutex
	kept      map[string]string // bytes by digest
	discarded int
}

type draft struct {
	bytes.Buffer
	all *drafts
}

func (d *draft) Keep(digest string) {
	d.all.mu.Lock()
	defer d.all.mu.Unlock()
	d.all.kept[digest] = d.String()
}

func (d *draft) Discard() {
	d.all.mu.Lock()
	defer d.all.mu.Unlock()
	d.all.discarded++
}

// TestDrafts: what a draft keeps is the layer, also where a RECORD that is not right has it written twice.
func TestDrafts(t *testing.T) {
	w, st := newWorld(), openStore(t)
	w.wheel("good", "1.0", files("good.py", "good"))
	w.wheel("bad", "1.0", testenv.WheelOptions{Record: func(text string) string {
		sum := sha256.Sum256([]byte("something else"))
		at := strings.Index(text, "sha256=") + len("sha256=")
		return text[:at] + base64.RawURLEncoding.EncodeToString(sum[:]) + text[at+43:]
	}})
	w.own("good")
	w.own("bad")
	all := &drafts{kept: map[string]string{}}
	builder := w.builder(st)
	builder.Draft = func() imagegen.Draft { return &draft{all: all} }
	image, err := builder.Build(context.Background(), w.plan(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(all.kept) != 2 || all.discarded != 1 {
		t.Errorf("%d were kept and %d discarded", len(all.kept), all.discarded)
	}
	for _, name := range []string{"good 1.0", "bad 1.0"} {
		l := layerOf(t, image, name)
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil || all.kept[l.Digest] != string(want) {
			t.Errorf("%s: %v; the draft is not the layer", name, err)
		}
		r.Close()
	}

	all.kept = map[string]string{}
	if _, err := builder.Build(context.Background(), w.plan(t, nil)); err != nil || len(all.kept) > 0 {
		t.Errorf("a second build wrote %d layers: %v", len(all.kept), err)
	}

	// What is not finished is discarded.
	builder = w.builder(openStore(t))
	builder.Draft = func() imagegen.Draft { return &draft{all: all} }
	all.discarded = 0
	ctx, cancel := context.WithCancel(context.Background())
	builder.Task = func(name string, _ int64) func(int64) {
		if strings.HasPrefix(name, "layer good") {
			cancel()
		}
		return func(int64) {}
	}
	if _, err := builder.Build(ctx, w.plan(t, nil)); err == nil || all.discarded == 0 {
		t.Errorf("%v; %d were discarded", err, all.discarded)
	}
}
