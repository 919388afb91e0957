package lockfile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

// TestGolden holds the bytes of the format: if it fails, every lock in the world changes.
func TestGolden(t *testing.T) {
	const name = "testdata/sample.lock"
	got := Encode(sample())
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(unixLines(want)), string(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, l := range map[string]*Lock{"sample": sample(), "generated": generated(60), "none": {
		Project: Project{Name: "x"}, Image: Image{User: "root", Workdir: "/"},
		Targets: []Target{{Platform: "linux/amd64", Python: "3.13.5", ABI: "cp313"}}, Base: Base{Distro: "none"},
	}} {
		t.Run(name, func(t *testing.T) {
			data := Encode(l)
			got, err := Parse("envpack.lock", data)
			if err != nil {
				t.Fatal(err)
			}
			l.Normalize()
			if d := cmp.Diff(l, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if again := Encode(got); !bytes.Equal(data, again) {
				t.Errorf("encoding again gives other bytes")
			}
			crlf := bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
			if got, err = Parse("envpack.lock", crlf); err != nil {
				t.Fatalf("with CRLF: %v", err)
			}
			if d := cmp.Diff(l, got); d != "" {
				t.Errorf("with CRLF: %s", d)
			}
		})
	}
}

func TestEncodeLeavesTheLockAlone(t *testing.T) {
	l, same := sample(), sample()
	Encode(l)
	if _, err := l.Projection("linux/arm64"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(same, l); d != "" {
		t.Error(d)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	l := sample()
	want := string(Encode(l))
	reverse(l.Targets)
	reverse(l.Packages)
	reverse(l.Base.Debs)
	reverse(l.Choices)
	reverse(l.Data)
	reverse(l.Data[0].Targets)
	reverse(l.Packages[0].Files)
	reverse(l.Image.Include)
	reverse(l.Project.Requires)
	if got := string(Encode(l)); got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func reverse[T any](list []T) {
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
}

// TestOnePackageOneChange: changing one package touches no line of another.
func TestOnePackageOneChange(t *testing.T) {
	before := generated(40)
	for i := range before.Packages {
		after := generated(40)
		p := &after.Packages[i]
		p.Version += ".post1"
		p.Files[0].SHA256 = hex64("fe")
		p.Files[0].Size++
		p.Files[0].Uploaded = p.Files[0].Uploaded.Add(time.Hour)
		old := strings.Split(string(Encode(before)), "\n[[")
		now := strings.Split(string(Encode(after)), "\n[[")
		if len(old) != len(now) {
			t.Fatalf("package %s: %d tables became %d", p.Name, len(old), len(now))
		}
		changed := 0
		for j := range old {
			if old[j] != now[j] {
				changed++
			}
		}
		if changed > 1+len(p.Files) {
			t.Errorf("package %s: %d tables changed", p.Name, changed)
		}
	}
}

func TestParseErrors(t *testing.T) {
	good := string(Encode(sample()))
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		text, want string
		newer      bool
		edited     bool
	}{
		"newer format":     {text: replace("format = 1", "format = 2\n[future]\nx = 1"), want: "x.lock:2:10: written by a newer envpack: format 2, and this one knows only 1", newer: true},
		"format 0":         {text: replace("format = 1", "format = 0"), want: "x.lock:2:10: there is no format 0"},
		"format text":      {text: replace("format = 1", `format = "1"`), want: "x.lock:2:10: the format must be a number"},
		"no format":        {text: replace("format = 1\n", ""), want: "no format number"},
		"empty":            {text: "", want: "no format number"},
		"syntax":           {text: replace(`name = "digits"`, `name = digits`), want: "x.lock:5:8: "},
		"wrong type":       {text: replace(`size = 60000`, `size = "60000"`), want: "package.file.size: the value is of type string and should be of type integer"},
		"unknown key":      {text: replace("[image]\n", "[image]\ncolour = \"red\"\n"), want: "x.lock:19:10: unknown key image.colour"},
		"unknown choice":   {text: replace("kind = \"library\"\n", "kind = \"variant\"\n"), want: "\"variant\" is no kind of choice that this envpack knows"},
		"unknown in file":  {text: replace("size = 60000\n", "size = 60000\nurl = \"u\"\n"), want: "unknown key package.file.url"},
		"missing name":     {text: replace("name = \"digits\"\n", ""), want: "project.name: is missing"},
		"bad hash":         {text: replace(`sha256 = "5555`, `sha256 = "55G5`), want: "is not a SHA-256 of 64 hexadecimal digits"},
		"bad name":         {text: replace(`name = "sympy"`, `name = "Sym_Py"`), want: `"Sym_Py" is not a normalised package name`},
		"unknown target":   {text: replace("targets = [\"linux/amd64\"]", "targets = [\"linux/s390x\"]"), want: `there is no target "linux/s390x"`},
		"dangling edge":    {text: replace(`requires = ["sympy"]`, `requires = ["simpy"]`), want: "simpy is not installed on linux/amd64"},
		"conflict markers": {text: replace("[image]\n", "<<<<<<< ours\n[image]\n"), want: "x.lock:18:1: conflict markers that a merge left"},
		"duplicate key":    {text: replace(`abi = "cp311"`, "abi = \"cp311\"\nabi = \"cp311\""), want: "x.lock:"},
		"order": {text: replace("name = \"digits\"\nmanifest = \""+hex64("ab")+"\"\n", "manifest = \""+hex64("ab")+"\"\nname = \"digits\"\n"), edited: true,
			want: "x.lock:5: edited by hand or merged: here stands `manifest = \"" + hex64("ab") + "\"` where envpack writes `name = \"digits\"`"},
		"comment":       {text: replace("[image]\n", "[image] # mine\n"), edited: true, want: "edited by hand or merged: here stands `[image] # mine`"},
		"extra at end":  {text: good + "# end\n", edited: true, want: "here stands `# end` where envpack writes nothing"},
		"no final line": {text: strings.TrimSuffix(good, "\n"), edited: true, want: "here stands nothing where"},
		"no header":     {text: strings.TrimPrefix(good, header), edited: true, want: "x.lock:1: edited"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x.lock", []byte(c.text))
			var p *ParseError
			if !errors.As(err, &p) {
				t.Fatalf("error is %v", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if p.Newer != c.newer || p.Edited != c.edited {
				t.Errorf("newer is %v, edited is %v", p.Newer, p.Edited)
			}
			if p.Line > 0 && p.Source != strings.Split(c.text+"\n", "\n")[p.Line-1] {
				t.Errorf("source is %q", p.Source)
			}
		})
	}
}

func TestParsePlaces(t *testing.T) {
	text := string(Encode(sample()))
	lines := strings.Split(text, "\n")
	p := locate(text)
	for path, want := range map[string]string{
		"project.name":               `name = "digits"`,
		"project.requires[1]":        `    "torch; linux/amd64",`,
		"image.env.A":                ``, // an empty value still stands
		"package[1].name":            `name = "requests"`,
		"package[0].file[1].size":    `size = 18874368`,
		"package[3].requires[0]":     `requires = ["sympy"]`,
		"seal[0].layer[1].name":      `name = "torch 2.2.1+cu126"`,
		"base.deb[3].targets[1]":     `    "linux/arm64",`,
		"base.release[0].valid-year": `[[base.release]]`, // the nearest thing around it
		"image.labels":               `[image.labels]`,
	} {
		got := p.of(path)
		if want == "" {
			continue
		}
		if got.line == 0 || lines[got.line-1] != want {
			t.Errorf("%s is on line %d, %q; want %q", path, got.line, p.source(got.line), want)
		}
	}
}

func TestParseLoose(t *testing.T) {
	text := strings.Replace(string(Encode(sample())), "[image]\n", "[image] # mine\ncolour = 1\n", 1)
	text = strings.Replace(text, `requires = ["sympy"]`, `requires = ["gone"]`, 1)
	l, err := ParseLoose("x.lock", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Packages) != 4 {
		t.Errorf("%d packages", len(l.Packages))
	}
	for _, bad := range []string{"x = ", "format = 9", "format = 1\npackage = 3"} {
		if _, err := ParseLoose("x.lock", []byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// sameAsTOML holds the quick way to read a lock to the one by way of a TOML reader.
func sameAsTOML(t *testing.T, text []byte) {
	t.Helper()
	got, gotErr := Parse("x.lock", text)
	want, wantErr := parseTOML("x.lock", unixLines(text))
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-TOML +quick)\n%s", d)
	}
	l, _ := parseCanonical(unixLines(text))
	// Of several mistakes in a table of strings the TOML reader tells any.
	if (gotErr == nil) != (wantErr == nil) || l != nil && fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("error %v, by way of TOML %v", gotErr, wantErr)
	}
	loose, _, err := decode("x.lock", unixLines(text), false)
	if l == nil {
		return
	}
	if err != nil {
		t.Fatalf("read what is no TOML: %v", err)
	}
	loose.Normalize()
	if d := cmp.Diff(loose, l); d != "" {
		t.Fatalf("(-TOML +canonical)\n%s", d)
	}
}

// TestCanonical changes locks in one or two lines, so that some are locks still.
func TestCanonical(t *testing.T) {
	texts := [][]byte{Encode(sample()), Encode(generated(5))}
	examples, err := filepath.Glob("../examples/*/envpack.lock")
	if err != nil || len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if l, _ := parseCanonical(unixLines(text)); l == nil {
			t.Errorf("%s is not read the quick way", name)
		}
		texts = append(texts, text)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	read := 0
	for i, text := range texts {
		sameAsTOML(t, text)
		n := 600
		if i > 1 {
			n = 20 // they are long
		}
		for range n {
			lines := strings.SplitAfter(string(text), "\n")
			for range 1 + rng.IntN(2) {
				at, from := rng.IntN(len(lines)), rng.IntN(len(lines))
				switch rng.IntN(6) {
				case 0:
					lines = slices.Delete(lines, at, at+1)
				case 1:
					lines = slices.Insert(lines, at, lines[from])
				case 2:
					lines[at], lines[from] = lines[from], lines[at]
				case 3:
					lines[at] = lines[from]
				default: // a letter
					if line := []byte(lines[at]); len(line) > 0 {
						const signs = "\"\\ =[]#,.a0\n\t\x00\x7f\xff"
						line[rng.IntN(len(line))] = signs[rng.IntN(len(signs))]
						lines[at] = string(line)
					}
				}
			}
			changed := []byte(strings.Join(lines, ""))
			sameAsTOML(t, changed)
			if l, _ := parseCanonical(changed); l != nil {
				read++
			}
		}
	}
	if read < 50 {
		t.Errorf("only %d of the changed texts are locks", read)
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add(Encode(sample()))
	f.Add(Encode(generated(2)))
	f.Fuzz(sameAsTOML)
}

func FuzzParse(f *testing.F) {
	f.Add(Encode(sample()))
	f.Add(Encode(generated(3)))
	f.Add([]byte("format = 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse("x.lock", data)
		if err != nil {
			var p *ParseError
			if !errors.As(err, &p) {
				t.Fatalf("error is no ParseError: %v", err)
			}
			return
		}
		if got := Encode(l); !bytes.Equal(got, unixLines(data)) {
			t.Fatalf("encoding again gives other bytes")
		}
		for _, target := range l.Targets {
			projection, err := l.Projection(target.Platform)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse("projection", projection); err != nil {
				t.Fatalf("the projection does not parse: %v", err)
			}
		}
	})
}

// FuzzText puts arbitrary text wherever a lock takes any.
func FuzzText(f *testing.F) {
	f.Add("a\"\\\x00\n\u2028\U0001F600", "k.e y", int64(1700000000))
	f.Fuzz(func(t *testing.T, text, key string, seconds int64) {
		l := sample()
		l.Project.Name = text
		l.Image.Command = []string{text, key}
		l.Image.Labels = map[string]string{key: text}
		l.Choices[0].Reason = text
		l.Project.AsOf = time.Unix(seconds, 0)
		if l.Validate() != nil {
			return
		}
		got, err := Parse("x.lock", Encode(l))
		if err != nil {
			t.Fatal(err)
		}
		l.Normalize()
		if d := cmp.Diff(l, got); d != "" {
			t.Fatal(d)
		}
	})
}
