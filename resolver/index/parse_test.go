package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/resolver/pep440"
)

var testBase, _ = url.Parse("https://packages.example/simple/a/")

const goodHash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseJSON(t *testing.T) {
	p, err := parseJSON([]byte(`{"files":[
		{"filename":"a-1.tar.gz","url":"https://files.example/a-1.tar.gz#sha256=`+strings.ToUpper(goodHash)+`","yanked":false,"size":1e3},
		{"filename":"a\u00e9\ud83d\ude00-2.zip","url":"../../f/a-2.zip?x=1","hashes":{"md5":"X","sha512":"Y","blake2b":"z"},"yanked":"","size":12,
		 "core-metadata":false,"dist-info-metadata":{"sha256":"`+goodHash+`"},"upload-time":"2024-01-02T03:04:05.678901Z"},
		{"filename":"a-3.zip","url":"a-3.zip","yanked":{},"requires-python":null,"upload-time":"yesterday"},
		{"filename":"a/4.zip","url":"a-4.zip"}, {"filename":"a-5.zip"}, {"url":"a-6.zip"}, 7, {"filename":"a-8.zip","url":"file:///etc/passwd"},
		{"filename":"a-9.zip","url":"a-9.zip","hashes":{"sha256":"short"}}
		], "meta":{"api-version":"1.9","x":[{}]}, "project-status":{"status":"deprecated","reason":"x"}, "more":[1.5e-3,true,null,{"a":[]}]}`), testBase, "a")
	if err != nil {
		t.Fatal(err)
	}
	want := &page{status: "deprecated", reason: "x", version: "1.9", unreadable: Unreadable{6, []Entry{
		{"a/4.zip", "it has no usable name"}, {"a-5.zip", "it has no address"}, {"a-6.zip", "it has no usable name"}, {"", "it is not an object of JSON"},
		{"a-8.zip", "its address is not of HTTP"}, {"a-9.zip", "what the index gives as its SHA-256 is none"},
	}}, files: FilesOf("a", []File{
		{Filename: "a-1.tar.gz", URL: "https://files.example/a-1.tar.gz", SHA256: goodHash, Size: -1},
		{Filename: "aé😀-2.zip", URL: "https://packages.example/f/a-2.zip?x=1", Sum: "sha512=y", Size: 12, Yanked: true,
			Uploaded: time.Date(2024, 1, 2, 3, 4, 5, 678901000, time.UTC)},
		{Filename: "a-3.zip", URL: "https://packages.example/simple/a/a-3.zip", Size: -1, Yanked: true},
	}...)}
	if d := cmp.Diff(want, p, cmp.AllowUnexported(page{}, Files{}, release{}, pep440.Version{})); d != "" {
		t.Error(d)
	}
	for in, text := range map[string]string{
		``: "syntax error at byte 0", `{}`: "without files", `{"files":{}}`: "syntax error", `[]`: "syntax error", `{"files":[]} x`: "syntax error",
		`{"files":[],}`: "syntax error", `{"files":[{"filename":"a]}`: "syntax error", `{"meta":{"api-version":"2.0"},"files":[]}`: "version",
		`{"x":` + strings.Repeat("[", 1000) + `}`: "too deeply",
	} {
		if _, err := parseJSON([]byte(in), testBase, "a"); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%.40s: %v", in, err)
		}
	}
}

func TestParseHTML(t *testing.T) {
	p, err := parseHTML([]byte(`<!doctype html><html><head><meta name="pypi:repository-version" content="1.3">
		<META NAME=pypi:project-status CONTENT=archived><meta name="pypi:project-status-reason" content="moved &gt; b"><base href="https://files.example/x/"><base href="https://other.example/">
		<title><a href="t-1.zip"></title><script>"<a href='s-1.zip'>"</script></head><body><!-- <a href="c-1.zip"> -->
		<a href="a-1.zip#sha256=`+goodHash+`" data-requires-python="&gt;=3.7">whatever</a>
		<A class=x data-upload-time="2024-01-02T03:04:05+01:00" HREF='/b/a-2%2Bcu1.whl' data-yanked data-dist-info-metadata="true">a</A>
		<a data-yanked="bad &amp; worse" href=a-3.zip data-core-metadata="sha256=`+goodHash+`" data-dist-info-metadata=true>a</a>
		<a name=top> <a href="../"> <a href="javascript:alert(1)"> <a href="%zz-1.whl"> <abbr href="n-1.zip"> <a href="a-9.zip`), testBase, "a")
	if err != nil {
		t.Fatal(err)
	}
	want := &page{status: "archived", reason: "moved > b", unreadable: Unreadable{1, []Entry{{"%zz-1.whl", "its address makes no sense"}}}, files: FilesOf("a", []File{
		{Filename: "a-1.zip", URL: "https://files.example/x/a-1.zip", SHA256: goodHash, Size: -1, RequiresPython: ">=3.7"},
		{Filename: "a-2+cu1.whl", URL: "https://files.example/b/a-2%2Bcu1.whl", Size: -1, Yanked: true, HasMetadata: true, Uploaded: time.Date(2024, 1, 2, 2, 4, 5, 0, time.UTC)},
		{Filename: "a-3.zip", URL: "https://files.example/x/a-3.zip", Size: -1, Yanked: true, YankedReason: "bad & worse", HasMetadata: true, MetadataSHA256: goodHash},
	}...)}
	if d := cmp.Diff(want, p, cmp.AllowUnexported(page{}, Files{}, release{}, pep440.Version{})); d != "" {
		t.Error(d)
	}
	elsewhere := `<base href="file:///srv/"><a href="a-1.zip">a</a><a href="file:///srv/b-1.zip">b</a>`
	if p, err := parseHTML([]byte(elsewhere), testBase, "a"); err != nil || p.files.Len() != 1 || listOf(t, p.files)[0].URL != testBase.JoinPath("a-1.zip").String() || p.unreadable.Count != 1 {
		t.Errorf("a page from elsewhere leads to files of this machine: %+v, %v", p, err)
	}
	if _, err := parseHTML([]byte(`<meta name="pypi:repository-version" content="2.0">`), testBase, "a"); err == nil {
		t.Error("version 2 read")
	}
}

// TestHTMLPages tells pages of projects, with and without files, from other pages.
func TestHTMLPages(t *testing.T) {
	for _, c := range []struct{ what, page, want string }{
		{"the default index", `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.4"><title>Links for a</title></head><body><h1>Links for a</h1></body></html>`, ""},
		{"Nexus", `<html lang="en"><head><title>Links for a</title></head><body><h1>Links for a</h1></body></html>`, ""},
		{"devpi", `<!DOCTYPE html><html><head><title>root/dev: links for a</title></head><body><h1>root/dev: links for a</h1><form><input></form></body></html>`, ""},
		{"Artifactory", `<!DOCTYPE html><html><head><title>Simple Index</title><meta name="api-version" value="2" /></head><body></body></html>`, ""},
		{"an empty folder", `<html><head><title>Index of /simple/a/</title></head><body><h1>Index of /simple/a/</h1><hr><pre><a href="../">../</a></pre><hr></body></html>`, ""},
		{"written by hand, empty", "<!doctype html>\n<html>\n<head><meta http-equiv=Content-Type content=text/html></head><body>\n</body></html>\n", ""},
		{"written by hand", `Our wheels: <a href="a-1-py3-none-any.whl">1</a> <script>count()</script>`, ""},
		{"nothing", ``, "not the page of a project in a simple index, but another HTML page"},
		{"a login page", `<html><head><title>Sign in
			· Corp` + "\u202e" + `</title></head><body><form action=/login><input name=user></form></body></html>`, `page, with the title "Sign in · Corp\u202e"`},
		{"a login page with links", `<html><body>Welcome! <a href="/forgotten">Forgot your password?</a> <a href="/help.html">Help</a></body></html>`, "another HTML page"},
		{"a captive portal", `<html><head><meta http-equiv="refresh" content="0; url=http://portal.example/"></head></html>`, "another HTML page"},
		{"a page that a script fills", `<html><head><script src="app.js"></script></head><body><div id="app"></div></body></html>`, "another HTML page"},
	} {
		x := serve(t, "text/html", c.page)
		p, err := x.Project(t.Context(), "a")
		if c.want == "" {
			if err != nil || p.Name != "a" {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		wantError(t, err, diag.Fetch, c.want)
		if hints := diag.HintsOf(err); len(hints) != 2 {
			t.Errorf("%s: hints %q", c.what, hints)
		}
	}
}

func TestLenient(t *testing.T) {
	for in, want := range map[string]string{
		"elasticsearch-dsl (>=7.2.0<8.0.0)":  "elasticsearch-dsl<8.0.0,>=7.2.0",
		"jupyter-core (!=~5.0)":              "jupyter-core!=5.0.*",
		"numpy (>=1.19.*)":                   "numpy>=1.19",
		"x (>=2.7,!=3.0*,!=3.1*)":            "x!=3.0.*,!=3.1.*,>=2.7",
		"torch (>=1.2,)":                     "torch>=1.2",
		"x>=1.2,":                            "x>=1.2",
		"x >dev":                             "x>0.0.0.dev0",
		"x (>=9.0.0a1.0)":                    "x>=9.0.0a1",
		"x >='2.7'":                          "x>=2.7",
		"x (>=1.0":                           "x>=1.0",
		"x (>=2.7.*) ; python_version < '3'": `x>=2.7; python_version < "3"`,
		"x[a] >=2.*":                         "x[a]>=2",
		"a1!=~5.10":                          "a1!=5.10.*",
		"a>=3,!=3.10*":                       "a!=3.10.*,>=3",
		"pytz (>=2011k)":                     "pytz>=2011",
		"boto3>=1.9.*":                       "boto3>=1.9",
		"opencv-python>=3.":                  "opencv-python>=3",
		"opencv-python (>=3.,<5.)":           "opencv-python<5,>=3",
		"numpy!=1.; extra == 'all'":          "numpy!=1; extra == \"all\"",
		"pytz<2011k":                         "pytz<=2011",
		"demo==1.0.*.*":                      "demo===1.0.*.*",
		"demo==1.0.*.*,>=1":                  "demo===1.0.*.*,>=1",
		"Jinja2[i18n] (>=2.7.2<3.*)":         "jinja2[i18n]<3,>=2.7.2",
		"urllib3 >='1.2', !=1.2.3*":          "urllib3!=1.2.3.*,>=1.2",
	} {
		r, err := parseRequirement(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := strings.ReplaceAll(r.String(), " ", ""); got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for _, in := range []string{"", "x >=> 1", "x @", "-x", "x >=1 ; nonsense", "x >= one"} {
		if r, err := parseRequirement(in); err == nil {
			t.Errorf("%q: %v", in, r)
		}
	}
	for in, want := range map[string]string{"": "", ">=3.6.*": ">=3.6", ">=2.7,!=3.0*": "!=3.0.*,>=2.7", ">='3.6'": ">=3.6", ">=3.7,": ">=3.7"} {
		if s, err := ParseRequiresPython(in); err != nil || s.String() != want {
			t.Errorf("%q: %q %v", in, s.String(), err)
		}
	}
}

// TestManyRequirements takes as many requirements as anybody has, and no more than can be worked with.
func TestManyRequirements(t *testing.T) {
	raw := &wheelfile.Metadata{Name: "a", Version: "1", RequiresDist: slices.Repeat([]string{"b>=1"}, maxRequirements)}
	if m, err := Interpret("a", raw); err != nil || len(m.Requires) != maxRequirements {
		t.Error(err)
	}
	raw.RequiresDist = append(raw.RequiresDist, "b")
	var bad *MetadataError
	if _, err := Interpret("a", raw); !errors.As(err, &bad) || !strings.Contains(err.Error(), "10001 requirements, more than 10000") {
		t.Error(err)
	}
}

func TestSameMetadata(t *testing.T) {
	m := func(name, version, python string, requires ...string) *Metadata {
		out := &Metadata{Name: name, Version: version, RequiresPython: python}
		for _, r := range requires {
			req, err := parseRequirement(r)
			if err != nil {
				t.Fatal(err)
			}
			out.Requires = append(out.Requires, req)
		}
		return out
	}
	a := m("a", "1.0", ">=3", "b", "c>1")
	if err := SameMetadata(a, m("a", "1", ">=3", "c>1", "b", "b")); err != nil {
		t.Error(err)
	}
	for text, b := range map[string]*Metadata{
		"the name": m("b", "1.0", ">=3", "b", "c>1"), "the version": m("a", "1.1", ">=3", "b", "c>1"), "Requires-Python": m("a", "1.0", "", "b", "c>1"),
		`requires "c>1"`: m("a", "1.0", ">=3", "b"), `requires "d"`: m("a", "1.0", ">=3", "b", "c>1", "d"),
	} {
		if err := SameMetadata(a, b); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %s", err, text)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"meta":{"api-version":"1.0"},"files":[{"filename":"a","url":"b\u00e9","hashes":{"sha256":"x"},"size":1,"yanked":"x"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseJSON(raw, testBase, "a")
		if err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("read what is no JSON: %q", raw)
		}
		head, records := encodePage(p)
		q, err := decodePage(string(head))
		if err != nil || q.files.Len() != p.files.Len() || q.files.size() != uint32(len(records)) {
			t.Fatal(err)
		}
		q.files.text = records
		if d := cmp.Diff(listOf(t, p.files), listOf(t, q.files)); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzStrings holds unescape to encoding/json.
func FuzzStrings(f *testing.F) {
	f.Add([]byte(`"a\ud83d\ude00\n\ud83dx\udc00é"`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := &scanner{b: string(raw)}
		got, err := s.string()
		if err == nil {
			err = s.end()
		}
		var want string
		bad := json.Unmarshal(raw, &want)
		if (err == nil) != (bad == nil && s.b[0] != 'n') && !(bad == nil && strings.TrimSpace(string(raw)) == "null") || err == nil && got != want {
			t.Fatalf("%q: %q %v, want %q %v", raw, got, err, want, bad)
		}
	})
}

func FuzzHTML(f *testing.F) {
	f.Add([]byte(`<a href="x-1.zip#sha256=00" data-yanked>x</a><!-- --><base href=y>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseHTML(raw, testBase, "a")
		if err != nil {
			return
		}
		for _, file := range listOf(t, p.files) {
			if file.Filename == "" || strings.Contains(file.Filename, "/") || !strings.HasPrefix(file.URL, "http") {
				t.Fatalf("%+v", file)
			}
		}
	})
}

func FuzzMemos(f *testing.F) {
	head, _ := encodePage(&page{files: FilesOf("a", File{Filename: "a", URL: "b"}, File{Filename: "a-1.zip", URL: "b"})})
	f.Add(head)
	f.Fuzz(func(t *testing.T, raw []byte) {
		decodePage(string(raw))
		unpack("", string(raw))
		decodeMetadata(raw)
	})
}

func largePage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"meta":{"api-version":"1.1"},"name":"a","files":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"core-metadata":{"sha256":"%s"},"data-dist-info-metadata":{"sha256":"%s"},"filename":"a-1.%d-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",`+
			`"hashes":{"sha256":"%s"},"provenance":null,"requires-python":">=3.9","size":123456,"upload-time":"2024-01-02T03:04:05.678901Z",`+
			`"url":"https://files.example/packages/01/23/%s/a-1.%d-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl","yanked":false}`, goodHash, goodHash, i, goodHash, goodHash, i)
	}
	b.WriteString(`],"versions":["1"]}`)
	return []byte(b.String())
}

func BenchmarkParseJSON3000(b *testing.B) {
	raw := largePage(3000)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := parseJSON(raw, testBase, "a"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodePage3000(b *testing.B) {
	p, _ := parseJSON(largePage(3000), testBase, "a")
	head, _ := encodePage(p)
	for b.Loop() {
		if _, err := decodePage(string(head)); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzRequirements(f *testing.F) {
	for _, s := range []string{"a (>=7.2.0<8.0.0)", "x (!=~5.0) ; extra == 'y'", ">=3.6.*,", "md5=x&sha256=y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := parseRequirement(text); err == nil {
			if again, err := parseRequirement(r.String()); err != nil || again.String() != r.String() {
				t.Fatalf("%q: %q, read again as %q: %v", text, r, again, err)
			}
		}
		ParseRequiresPython(text)
		fragmentHashes(text)
		projectOf(text + ".whl")
	})
}
