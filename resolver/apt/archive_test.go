package apt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

// vendor is an archive of others: files by path, signed by key.
type vendor struct {
	files  map[string][]byte
	key    *openpgp.Entity
	suite  string
	detach bool
}

func newVendor(t *testing.T, suite, fields string, detach bool, stanzas ...string) (*vendor, apt.Archive) {
	t.Helper()
	key, err := openpgp.NewEntity("Vendor", "", "vendor@keys.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &vendor{map[string][]byte{}, key, suite, detach}
	folder, index := "dists/"+suite+"/", "main/binary-amd64/Packages"
	if strings.HasSuffix(suite, "/") {
		folder, index = strings.TrimPrefix(suite, "/"), "Packages"
	}
	packages := []byte(strings.Join(stanzas, "\n"))
	v.files[folder+index] = packages
	release := fmt.Sprintf("Date: Thu, 01 Jan 2026 00:00:00 UTC\nArchitectures: amd64\nComponents: main\n%sSHA256:\n %x %d %s\n",
		fields, sha256.Sum256(packages), len(packages), index)
	var b bytes.Buffer
	if detach {
		v.files[folder+"Release"] = []byte(release)
		err = openpgp.ArmoredDetachSign(&b, key, strings.NewReader(release), nil)
		v.files[folder+"Release.gpg"] = b.Bytes()
	} else {
		w, werr := clearsign.Encode(&b, key.PrivateKey, nil)
		if werr != nil {
			t.Fatal(werr)
		}
		if _, err = w.Write([]byte(release)); err == nil {
			err = w.Close()
		}
		v.files[folder+"InRelease"] = b.Bytes()
	}
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	a := apt.Archive{Name: "vendor", URL: server.URL, Suite: suite, Keys: [][]byte{public.Bytes()}}
	if !strings.HasSuffix(suite, "/") {
		a.Components = []string{"main"}
	}
	return v, a
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, ok := v.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(data)
}

func stanza(name, version, more string) string {
	return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nFilename: ./%s.deb\nSize: 1\nSHA256: %064d\n%s", name, version, name, 0, more)
}

func TestExtraArchives(t *testing.T) {
	tool := stanza("tool", "2", "Depends: libc6 (>= 2.34)\n")
	for name, c := range map[string]struct {
		suite, fields string
		detach        bool
		edit          func(*apt.Options)
		stanzas       []string
		code          diag.Code
		want          string // of the error; "" for none
	}{
		"in dists":      {suite: "stable", fields: "Suite: stable\n"},
		"apart":         {suite: "stable", fields: "Codename: stable\n", detach: true},
		"flat":          {suite: "/"},
		"flat, deeper":  {suite: "ubuntu/x86_64/", detach: true},
		"other suite":   {suite: "stable", fields: "Suite: old\n", code: diag.Mismatch, want: `archive vendor, suite stable: reading the release file: it is of suite "old"`},
		"ended":         {suite: "/", fields: "Valid-Until: Thu, 08 Jan 2026 00:00:00 UTC\n", code: diag.Mismatch, want: "valid until 2026-01-08"},
		"replayed":      {suite: "/", edit: func(o *apt.Options) { o.NotBefore = map[string]time.Time{"vendor /": now} }, code: diag.Mismatch, want: "an old state is served"},
		"no key":        {suite: "/", edit: func(o *apt.Options) { o.Extra[0].Keys = nil }, code: diag.Manifest, want: "archive vendor has no key"},
		"bad key":       {suite: "/", edit: func(o *apt.Options) { o.Extra[0].Keys = [][]byte{[]byte("x")} }, code: diag.Manifest, want: "reading key 1 of archive vendor"},
		"wrong key":     {suite: "/", edit: func(o *apt.Options) { o.Extra[0].Keys = o.ExtraKeys }, code: diag.Mismatch, want: "signed by unknown keys only"},
		"wrong pin":     {suite: "/", edit: func(o *apt.Options) { o.Extra[0].Fingerprints = []string{"ABCD"} }, code: diag.Mismatch, want: "no key of archive vendor has the fingerprint ABCD"},
		"its key alone": {suite: "/", edit: func(o *apt.Options) { o.ExtraKeys = o.Extra[0].Keys }, code: diag.Mismatch, want: "archive debian"},
		"components":    {suite: "/", edit: func(o *apt.Options) { o.Extra[0].Components = []string{"main"} }, code: diag.Manifest, want: "flat repository"},
		"reserved":      {suite: "/", edit: func(o *apt.Options) { o.Extra[0].Name = "debian" }, code: diag.Manifest, want: "name is that of a distribution's"},
		"missing":       {suite: "/", edit: func(o *apt.Options) { o.System = []string{"nothing"} }, code: diag.NoAnswer, want: "there is no package nothing"},
		"unsatisfiable": {suite: "/", stanzas: []string{stanza("tool", "2", "Depends: libc6 (>= 9)\n")}, code: diag.NoAnswer, want: "libc6 has version 2.36-9"},
		"conflicting":   {suite: "/", stanzas: []string{stanza("tool", "2", "Conflicts: libc6\n")}, code: diag.NoAnswer, want: "conflicts with libc6"},
	} {
		t.Run(name, func(t *testing.T) {
			stanzas := c.stanzas
			if stanzas == nil {
				stanzas = []string{tool}
			}
			_, a := newVendor(t, c.suite, c.fields, c.detach, stanzas...)
			o := options(t, repo(t))
			// The vendor's key is made when the test runs, so its signature is from then.
			o.Now = time.Now().Add(time.Minute)
			o.Extra, o.System = []apt.Archive{a}, []string{"tool"}
			if c.edit != nil {
				c.edit(&o)
			}
			got, err := apt.Resolve(context.Background(), o)
			if c.want != "" {
				if err == nil || diag.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("code %d, error %v\nwant %d, %s", diag.CodeOf(err), err, c.code, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range got.Debs {
				if d.System != (d.Name == "tool") || d.System && (d.Archive != "vendor" || d.Path != "tool.deb") {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}

// TestSystem adds packages to a base: what the base has stays, but for a preference that stands in the way.
func TestSystem(t *testing.T) {
	r := testenv.NewAptRepo()
	add := func(name, version, depends string) {
		r.AddDeb(name, version, "amd64", testenv.DebOptions{Fields: map[string]string{"Depends": depends}})
	}
	add("a", "1", "b | c")
	add("b", "1", "d")
	add("b", "2", "d")
	add("c", "1", "")
	add("d", "1", "")
	add("x", "1", "c, b (>= 2), e")
	add("e", "1", "")
	o := options(t, r)
	o.OmitBase, o.Roots, o.System, o.Prefer = true, []string{"a"}, []string{"x", "d"}, map[string]string{"b": "1"}
	got, err := apt.Resolve(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, d := range got.Debs {
		have = append(have, fmt.Sprintf("%s=%s %v", d.Name, d.Version, d.System))
	}
	if s := strings.Join(have, ", "); s != "a=1 false, b=2 false, c=1 true, d=1 false, e=1 true, x=1 true" {
		t.Error(s)
	}
}

func TestDistributions(t *testing.T) {
	for python, want := range map[string]string{"3.5": "ubuntu:16.04", "3.6": "ubuntu:18.04", "3.7": "ubuntu:18.04", "3.8": "ubuntu:20.04",
		"3.9": "debian:11", "3.10": "ubuntu:22.04", "3.11": "debian:12", "3.12": "ubuntu:24.04", "3.13": "debian:13", "3.14": "ubuntu:26.04",
		"3.15": "debian:14", "2.7": ""} {
		if d, _ := apt.WithPython(python); d.Name != want {
			t.Errorf("%s: %s, want %s", python, d.Name, want)
		}
	}
	o := options(t, repo(t))
	o.Python = "3.10"
	if _, err := apt.Resolve(context.Background(), o); err == nil || diag.CodeOf(err) != diag.Manifest || !strings.Contains(err.Error(), "debian:12 has no Python 3.10") {
		t.Error(err)
	}
}

// TestFurther finds a suite that has moved, and an Ubuntu of another architecture in its ports.
func TestFurther(t *testing.T) {
	o := options(t, repo(t))
	o.Further = map[string][]string{"debian": {o.Archives["debian"]}}
	o.Archives["debian"] += "/moved"
	if _, err := apt.Resolve(context.Background(), o); err != nil {
		t.Error(err)
	}
	o.Distro, o.Architecture = "ubuntu:22.04", "arm64"
	if _, err := apt.Resolve(context.Background(), o); err == nil || !strings.Contains(err.Error(), "archive ubuntu-ports, suite jammy") {
		t.Error(err)
	}
}
