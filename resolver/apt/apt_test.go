package apt_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/testenv"
	"github.com/envpack/envpack/resolver/apt"
)

var now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// repo is a repository whose base consists of empty packages.
func repo(t *testing.T) *testenv.AptRepo {
	t.Helper()
	r := testenv.NewAptRepo()
	roots, err := apt.Roots("debian:12")
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range roots {
		if root.Name == "python3.11" {
			continue
		}
		r.AddEmpty(root.Name)
	}
	r.AddDeb("libc6", "2.36-9", "amd64", testenv.DebOptions{})
	r.AddDeb("python3.11", "3.11.2-6+deb12u1", "amd64", testenv.DebOptions{Fields: map[string]string{"Depends": "libc6 (>= 2.34)"}})
	r.AddDeb("python3.11", "3.11.2-6+deb12u2", "amd64", testenv.DebOptions{Pocket: "security",
		Fields: map[string]string{"Depends": "libc6 (>= 2.34)"}})
	return r
}

func options(t *testing.T, r *testenv.AptRepo) apt.Options {
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return apt.Options{Distro: "debian:12", Architecture: "amd64", Archives: r.Archives(server.URL), Fetcher: testenv.Fetcher{},
		ExtraKeys: [][]byte{[]byte(r.ArmoredKey())}, Now: now}
}

func names(r *apt.Result) string {
	var all []string
	for _, d := range r.Debs {
		all = append(all, d.Name)
	}
	return strings.Join(all, " ")
}

func TestResolve(t *testing.T) {
	r := repo(t)
	o := options(t, r)
	o.Memo = &memo{}
	got, err := apt.Resolve(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got.Codename != "bookworm" || got.Python != "3.11" || got.PythonFull != "3.11.2" || got.Glibc != "2.36" {
		t.Errorf("%+v", got)
	}
	debs := map[string]apt.Deb{}
	for _, d := range got.Debs {
		debs[d.Name] = d
		content := r.File(d.Archive + "/" + d.Path)
		if int64(len(content)) != d.Size || len(d.SHA256) != 64 || d.Why == "" {
			t.Errorf("%+v", d)
		}
	}
	python := debs["python3.11"]
	if python.Version != "3.11.2-6+deb12u2" || python.Archive != "debian-security" || python.Suite != "bookworm-security" || python.Why != "the interpreter" {
		t.Errorf("%+v", python)
	}
	if why := debs["libc6"].Why; why != "python3.11 depends on libc6 (>= 2.34)" {
		t.Errorf("libc6: %s", why)
	}
	if len(got.Releases) != 3 || len(got.Releases[0].Keys) != 1 || got.Releases[0].Date.Year() != 2026 || len(got.Releases[0].InReleaseSHA256) != 64 {
		t.Errorf("%+v", got.Releases)
	}
	again, err := apt.Resolve(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("with a memo: %s", diff)
	}
	o.Distro = "debian:bookworm"
	o.Pockets = []string{"release"}
	if got, err = apt.Resolve(context.Background(), o); err != nil || got.PythonFull != "3.11.2" || len(got.Releases) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	o.Pockets = nil
	o.Prefer = map[string]string{"python3.11": "3.11.2-6+deb12u1", "libc6": "gone"}
	if got, err = apt.Resolve(context.Background(), o); err != nil || got.Debs[len(got.Debs)-3].Version == "" {
		t.Fatal(err)
	}
	for _, d := range got.Debs {
		if d.Name == "python3.11" && d.Version != "3.11.2-6+deb12u1" {
			t.Errorf("the preferred version is not kept: %+v", d)
		}
	}
	o.OmitPython = true
	if got, err = apt.Resolve(context.Background(), o); err != nil || got.Python != "" || strings.Contains(names(got), "python") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestClosure takes packages as "name version | field: value | …" and tells what they need.
func TestClosure(t *testing.T) {
	for name, c := range map[string]struct {
		packages  []string
		roots     []string
		prefer    map[string]string
		installed string
		want      string // "name=version …"
		err       string
	}{
		"alternatives":    {packages: []string{"a 1|Depends: b | c", "b 1", "c 1"}, roots: []string{"a"}, want: "a=1 b=1"},
		"chosen already":  {packages: []string{"a 1|Depends: b | c", "b 1", "c 1"}, roots: []string{"a", "c"}, want: "a=1 c=1"},
		"first there":     {packages: []string{"a 1|Depends: b (>= 2) | c", "b 1", "c 1"}, roots: []string{"a"}, want: "a=1 c=1"},
		"no dead end":     {packages: []string{"a 1|Depends: b | c", "b 1|Depends: x", "c 1"}, roots: []string{"a"}, want: "a=1 c=1"},
		"recommendations": {packages: []string{"a 1|Recommends: b", "b 1"}, roots: []string{"a"}, want: "a=1"},
		"pre-depends":     {packages: []string{"a 1|Pre-Depends: b", "b 1"}, roots: []string{"a"}, want: "a=1 b=1"},
		"cycle":           {packages: []string{"a 1|Depends: b", "b 1|Depends: a"}, roots: []string{"a"}, want: "a=1 b=1"},
		"newest":          {packages: []string{"a 1", "a 2~rc", "a 1.9"}, roots: []string{"a"}, want: "a=2~rc"},
		"any":             {packages: []string{"a 1|Depends: b:any", "b 1"}, roots: []string{"a"}, want: "a=1 b=1"},
		"foreign":         {packages: []string{"a 1|Depends: b:i386", "b 1"}, roots: []string{"a"}, err: "a 1 (needed as a) depends on b:i386"},
		"provider by priority": {packages: []string{"a 1|Depends: v", "b 1|Provides: v|Priority: optional", "c 1|Provides: v|Priority: required"},
			roots: []string{"a"}, want: "a=1 c=1"},
		"provider by name": {packages: []string{"a 1|Depends: v", "c 1|Provides: v", "b 1|Provides: v"}, roots: []string{"a"}, want: "a=1 b=1"},
		"real first":       {packages: []string{"a 1|Depends: v", "b 1|Provides: v", "v 1"}, roots: []string{"a"}, want: "a=1 v=1"},
		"provided version": {packages: []string{"a 1|Depends: v (>= 2)", "b 1|Provides: v", "c 1|Provides: v (= 2)"}, roots: []string{"a"}, want: "a=1 c=1"},
		"too old": {packages: []string{"a 1|Depends: b (>= 2)", "b 1"}, roots: []string{"a"},
			err: "no package satisfies a (wanted): a 1 cannot be used: a 1 (needed as a) depends on b (>= 2), but b has version 1 (amd64)"},
		"chain":  {packages: []string{"a 1|Depends: b", "b 1|Depends: c", "c 1|Depends: x"}, roots: []string{"a"}, err: "c 1 (needed as a -> b -> c) depends on x, but there is no package x"},
		"no one": {roots: []string{"a | b"}, packages: []string{"z 1"}, err: "there is no package a; there is no package b"},
		"conflict": {packages: []string{"a 1", "b 1|Conflicts: a (<< 2)"}, roots: []string{"a", "b"},
			err: "b 1 (needed as b) conflicts with a (<< 2), but a 1 is needed as a"},
		"breaks others only":       {packages: []string{"a 1", "b 1|Breaks: a (<< 1)"}, roots: []string{"a", "b"}, want: "a=1 b=1"},
		"conflict with itself":     {packages: []string{"a 1|Provides: v|Conflicts: v"}, roots: []string{"a"}, want: "a=1"},
		"conflict by what it does": {packages: []string{"a 1|Provides: v|Conflicts: v", "b 1|Provides: v"}, roots: []string{"a", "b"}, err: "conflicts with v"},
		"conflict leaves another way": {packages: []string{"a 1|Depends: b | c", "b 1|Conflicts: d", "c 1", "d 1"}, roots: []string{"a", "d"},
			want: "a=1 c=1 d=1"},
		"kept":           {packages: []string{"a 1", "a 2"}, roots: []string{"a"}, prefer: map[string]string{"a": "1"}, want: "a=1"},
		"kept no longer": {packages: []string{"a 1", "a 2", "b 1|Depends: a (>= 2)"}, roots: []string{"a", "b"}, prefer: map[string]string{"a": "1"}, want: "a=2 b=1"},
		"kept lib gone": {packages: []string{"a 1|Depends: b (= 1)", "a 2|Depends: b (= 2)", "b 2"}, roots: []string{"a"},
			prefer: map[string]string{"a": "1", "b": "1"}, want: "a=2 b=2"},
		"kept breaks": {packages: []string{"a 1|Breaks: b", "a 2", "b 1"}, roots: []string{"a", "b"}, prefer: map[string]string{"a": "1"}, want: "a=2 b=1"},
		"in the image": {packages: []string{"a 1|Depends: b, c", "b 2", "c 1"}, roots: []string{"a"},
			installed: "Package: b\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n", want: "a=1 c=1"},
		"too old in the image": {packages: []string{"a 1|Depends: b (>= 2)", "b 2"}, roots: []string{"a"},
			installed: "Package: b\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n", want: "a=1 b=2"},
		"bad relation": {packages: []string{"a 1|Depends: b ???"}, roots: []string{"a"}, err: "is not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			r := testenv.NewAptRepo()
			for _, p := range c.packages {
				parts := strings.Split(p, "|")
				// A part that is no field belongs to the alternatives before it.
				fields := map[string]string{}
				last := ""
				for _, part := range parts[1:] {
					if key, value, ok := strings.Cut(part, ": "); ok {
						last = key
						fields[key] = value
					} else {
						fields[last] += "|" + part
					}
				}
				id := strings.Fields(parts[0])
				r.AddDeb(id[0], id[1], "amd64", testenv.DebOptions{Fields: fields})
			}
			o := options(t, r)
			o.OmitBase, o.Roots, o.Prefer, o.Installed = true, c.roots, c.prefer, []byte(c.installed)
			got, err := apt.Resolve(context.Background(), o)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || diag.CodeOf(err) != diag.NoAnswer {
					t.Fatalf("code %d, error %v\nwant %s", diag.CodeOf(err), err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, d := range got.Debs {
				have = append(have, d.Name+"="+d.Version)
			}
			if s := strings.Join(have, " "); s != c.want {
				t.Errorf("%s, want %s", s, c.want)
			}
		})
	}
}

// TestEssential has what is essential come with apt, and only with it.
func TestEssential(t *testing.T) {
	r := repo(t)
	essential := map[string]string{"Essential": "yes"}
	r.AddDeb("apt", "2.6.1", "amd64", testenv.DebOptions{Fields: map[string]string{"Depends": "libc6"}})
	r.AddDeb("installer", "1", "amd64", testenv.DebOptions{Fields: map[string]string{"Depends": "apt"}})
	r.AddDeb("tool", "1", "amd64", testenv.DebOptions{})
	r.AddDeb("util-linux", "2.38", "amd64", testenv.DebOptions{Fields: map[string]string{"Essential": "yes", "Depends": "libmount1"}})
	r.AddDeb("libmount1", "2.38", "amd64", testenv.DebOptions{})
	r.AddDeb("was-essential", "1", "amd64", testenv.DebOptions{Fields: essential})
	r.AddDeb("was-essential", "2", "amd64", testenv.DebOptions{Fields: map[string]string{"Essential": "no"}, Pocket: "updates"})
	const installed = "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\n"
	for _, c := range []struct {
		system    string
		installed string
		want      string
	}{
		{"tool", "", "tool"},
		{"apt", "", "apt libmount1 util-linux"},
		{"installer", "", "apt installer libmount1 util-linux"},
		{"installer", installed, "apt installer libmount1 util-linux"},
		{"tool", installed + "\nPackage: apt\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n", "tool"},
	} {
		o := options(t, r)
		o.System, o.Installed, o.OmitBase = []string{c.system}, []byte(c.installed), c.installed != ""
		got, err := apt.Resolve(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var added []string
		for _, d := range got.Debs {
			if d.System {
				added = append(added, d.Name)
			}
			if d.Name == "util-linux" && d.Why != "essential, which installed packages' scripts rely on" {
				t.Errorf("%s: %s", d.Name, d.Why)
			}
		}
		if s := strings.Join(added, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.system, s, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	inRelease := func(edit func([]byte) []byte) func(string, []byte) []byte {
		return func(path string, data []byte) []byte {
			if strings.HasSuffix(path, "bookworm/InRelease") {
				return edit(data)
			}
			return data
		}
	}
	for name, c := range map[string]struct {
		repo    func(*testenv.AptRepo)
		options func(*apt.Options)
		code    diag.Code
		want    string
	}{
		"unknown key": {options: func(o *apt.Options) { o.ExtraKeys = nil }, code: diag.Mismatch, want: "signed by unknown keys only: "},
		"bad key":     {options: func(o *apt.Options) { o.ExtraKeys = [][]byte{[]byte("x")} }, code: diag.Manifest, want: "archive key 1"},
		"changed": {repo: func(r *testenv.AptRepo) {
			r.Tamper = inRelease(func(b []byte) []byte { return bytes.Replace(b, []byte("Origin: Tests"), []byte("Origin: Tricks"), 1) })
		}, code: diag.Mismatch, want: "bad signature by key"},
		"not signed": {repo: func(r *testenv.AptRepo) {
			r.Tamper = inRelease(func([]byte) []byte { return []byte("<html>Please log in</html>") })
		}, code: diag.Mismatch, want: "it is not signed"},
		"cut": {repo: func(r *testenv.AptRepo) {
			r.Tamper = inRelease(func(b []byte) []byte { return b[:len(b)/2] })
		}, code: diag.Mismatch, want: "damaged"},
		"followed": {repo: func(r *testenv.AptRepo) {
			r.Tamper = inRelease(func(b []byte) []byte { return append(b, "Suite: more\n"...) })
		}, code: diag.Mismatch, want: "more follows it"},
		"no signature": {repo: func(r *testenv.AptRepo) {
			r.Tamper = inRelease(func(b []byte) []byte {
				i := bytes.Index(b, []byte("-----BEGIN PGP SIGNATURE"))
				return append(b[:i:i], "-----BEGIN PGP SIGNATURE-----\n\n=twTO\n-----END PGP SIGNATURE-----\n"...)
			})
		}, code: diag.Mismatch, want: "it has no signature"},
		"another suite": {repo: func(r *testenv.AptRepo) {
			r.Tamper = func(path string, data []byte) []byte {
				if strings.HasSuffix(path, "bookworm/InRelease") {
					return r.Other("debian/dists/bookworm-updates/InRelease")
				}
				return data
			}
		}, code: diag.Mismatch, want: `it is of suite "bookworm-updates"`},
		"expired":      {repo: func(r *testenv.AptRepo) { r.ValidUntil = now.Add(-time.Hour) }, code: diag.Mismatch, want: "it was valid until 2026-02-28T23:00:00Z only"},
		"clock behind": {options: func(o *apt.Options) { o.Now = now.AddDate(-1, 0, 0) }, code: diag.Mismatch, want: "no signature in force"},
		"index changed": {repo: func(r *testenv.AptRepo) {
			r.Tamper = func(path string, data []byte) []byte {
				if strings.Contains(path, "by-hash") {
					data[len(data)-1] ^= 1
				}
				return data
			}
		}, code: diag.Mismatch, want: "the signed release says"},
		"nothing there":  {options: func(o *apt.Options) { o.Archives["debian-security"] += "/nowhere" }, code: diag.Fetch, want: "archive debian-security, suite bookworm-security: fetching dists/bookworm-security/InRelease"},
		"own code":       {options: func(o *apt.Options) { o.Fetcher = failing{} }, code: diag.Stale, want: "offline"},
		"no address":     {options: func(o *apt.Options) { delete(o.Archives, "debian") }, code: diag.Manifest, want: "no address"},
		"distribution":   {options: func(o *apt.Options) { o.Distro = "debian:1" }, code: diag.Manifest, want: "not known"},
		"pocket":         {options: func(o *apt.Options) { o.Pockets = []string{"backports"} }, code: diag.Manifest, want: `no pocket "backports"`},
		"root":           {options: func(o *apt.Options) { o.Roots = []string{"a, b"} }, code: diag.Manifest, want: `system package "a, b"`},
		"architecture":   {options: func(o *apt.Options) { o.Architecture = "pdp11" }, code: diag.NoAnswer, want: "architecture pdp11"},
		"missing status": {options: func(o *apt.Options) { o.Installed = []byte(" x") }, code: diag.Failure, want: "dpkg status"},
	} {
		t.Run(name, func(t *testing.T) {
			r := repo(t)
			if c.repo != nil {
				c.repo(r)
			}
			o := options(t, r)
			if c.options != nil {
				c.options(&o)
			}
			_, err := apt.Resolve(context.Background(), o)
			if err == nil || diag.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Errorf("code %d, error %v\nwant %d, %s", diag.CodeOf(err), err, c.code, c.want)
			}
		})
	}
}

func TestAcceptExpired(t *testing.T) {
	r := repo(t)
	r.ValidUntil = now.Add(-time.Hour)
	o := options(t, r)
	o.AcceptExpired = true
	got, err := apt.Resolve(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Releases[0].ValidUntil.Equal(r.ValidUntil) {
		t.Errorf("%+v", got.Releases[0])
	}
}

func TestWithoutByHash(t *testing.T) {
	for name, edit := range map[string]func(*testenv.AptRepo){
		"not offered": func(r *testenv.AptRepo) { r.NoByHash = true },
		"not mirrored": func(r *testenv.AptRepo) {
			r.Tamper = func(path string, data []byte) []byte {
				if strings.Contains(path, "by-hash") {
					return nil
				}
				return data
			}
		},
	} {
		r := repo(t)
		edit(r)
		if _, err := apt.Resolve(context.Background(), options(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{}

func (failing) Get(context.Context, string, int64) ([]byte, error) {
	return nil, diag.Wrap(errors.New("offline"), diag.Stale, "not kept")
}
