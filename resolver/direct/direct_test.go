package direct

import (
	"errors"
	"strings"
	"testing"
)

const sum = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func place(folder string) Place { return Place{Project: "/home/me/project", Folder: folder} }

func TestParse(t *testing.T) {
	for _, c := range []struct {
		address, from string
		want          Reference
		text          string // String
		kind          Kind
		name          string
	}{
		{"https://files.example/a_b-1.0-py3-none-any.whl", "", Reference{URL: "https://files.example/a_b-1.0-py3-none-any.whl"}, "https://files.example/a_b-1.0-py3-none-any.whl", Wheel, "a-b"},
		{"https://files.example/t-1.0%2Bcu1-py3-none-any.whl?x=1#sha256=" + strings.ToUpper(sum) + "&egg=t", "",
			Reference{URL: "https://files.example/t-1.0%2Bcu1-py3-none-any.whl?x=1", SHA256: sum, Egg: "t"}, "https://files.example/t-1.0%2Bcu1-py3-none-any.whl?x=1#sha256=" + sum, Wheel, "t"},
		{"http://files.example/main.zip#subdirectory=py/", "", Reference{URL: "http://files.example/main.zip", Subdirectory: "py"}, "http://files.example/main.zip#subdirectory=py", Sdist, ""},
		{"./w/a-1-py3-none-any.whl", "/home/me/project/sub", Reference{Path: "sub/w/a-1-py3-none-any.whl"}, "./sub/w/a-1-py3-none-any.whl", Wheel, "a"},
		{"../w/a-1.tar.gz", "/home/me/project", Reference{Path: "../w/a-1.tar.gz"}, "./../w/a-1.tar.gz", Sdist, "a"},
		{"/home/me/project/w/a#1/", "/home/me/project", Reference{Path: "w/a#1"}, "./w/a#1", Folder, ""},
		{"file:///home/me/project/w/a%20b-1.zip#sha256=" + sum, "/home/me/project", Reference{Path: "w/a b-1.zip", SHA256: sum}, "./w/a b-1.zip#sha256=" + sum, Sdist, ""},
		{"file:///srv/w/a-1-py3-none-any.whl", "/home/me/project", Reference{Path: "/srv/w/a-1-py3-none-any.whl"}, "file:///srv/w/a-1-py3-none-any.whl", Wheel, "a"},
		{"file:w/a", "/home/me/project", Reference{}, "", Folder, ""},
		{".", "/home/me/project", Reference{Path: "."}, "./.", Folder, ""},
		{"https://files.example/a-1.zip#sha512=" + sum + strings.ToUpper(sum) + "&subdirectory=p&md5=" + sum[:32] + "&sha1=" + sum[:40] + "&md5=" + sum[:32], "",
			Reference{URL: "https://files.example/a-1.zip", Subdirectory: "p", Sums: "md5=" + sum[:32] + "&sha1=" + sum[:40] + "&sha512=" + sum + sum},
			"https://files.example/a-1.zip#md5=" + sum[:32] + "&sha1=" + sum[:40] + "&sha512=" + sum + sum + "&subdirectory=p", Sdist, "a"},
		{"./a-1.zip#sha224=" + sum[:56] + "&sha384=" + sum + sum[:32], "/home/me/project", Reference{Path: "a-1.zip", Sums: "sha224=" + sum[:56] + "&sha384=" + sum + sum[:32]},
			"./a-1.zip#sha224=" + sum[:56] + "&sha384=" + sum + sum[:32], Sdist, "a"},
		{"git+https://git.example/team/r.git@v1.0#egg=demo[x]&subdirectory=py", "", Reference{Git: "https://git.example/team/r.git", Revision: "v1.0", Subdirectory: "py", Egg: "demo"},
			"git+https://git.example/team/r.git@v1.0#subdirectory=py", Repository, "demo"},
		{"git+ssh://git@git.example/r@feature/x", "", Reference{Git: "ssh://git@git.example/r", Revision: "feature/x"}, "git+ssh://git@git.example/r@feature/x", Repository, ""},
		{"git+file:///srv/r.tar.gz", "/home/me/project", Reference{Git: "file:///srv/r.tar.gz"}, "git+file:///srv/r.tar.gz", Repository, ""},
	} {
		r, err := Parse(c.address, place(c.from))
		if c.text == "" {
			if err == nil {
				t.Errorf("%s: %+v", c.address, r)
			}
			continue
		}
		if err != nil || r != c.want || r.String() != c.text || r.Kind() != c.kind || r.Name() != c.name {
			t.Errorf("%s: %+v, %v\n%s, kind %d, name %q", c.address, r, err, r.String(), r.Kind(), r.Name())
			continue
		}
		again, err := Parse(r.String(), place("/home/me/project"))
		if err != nil || !again.Same(&r) || again.SHA256 != r.SHA256 || again.Sums != r.Sums {
			t.Errorf("%s is read as %+v, %v", r.String(), again, err)
		}
	}
}

func TestBadAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://me:secret@files.example/a-1-py3-none-any.whl":              ErrCredentials.Error(),
		"https://token@files.example/a-1-py3-none-any.whl":                  ErrCredentials.Error(),
		"git+https://token@git.example/r":                                   ErrCredentials.Error(),
		"git+ssh://git:secret@git.example/r":                                ErrCredentials.Error(),
		"https://files.example/a-1-py3-none-any.whl?X-Amz-Signature=secret": "the address holds credentials, in X-Amz-Signature of its query",
		"git+https://git.example/r?sig=secret":                              "the address holds credentials, in sig of its query",
		"https://git.example/team/r":                                        "neither to a wheel nor to a source distribution",
		"https:///a.whl":                                                    "is not an address",
		"hg+https://hg.example/r":                                           "only git is known, not hg",
		"ftp://files.example/a.whl":                                         "fetched by ftp",
		"git+git@git.example:team/r":                                        "is not the address of a repository",
		"git+ext::sh":                                                       "is not the address of a repository",
		"git+https://git.example/r@--upload-pack=x":                         "not the name of a branch",
		"git+https://git.example/r@a..b":                                    "not the name of a branch",
		"https://files.example/a-1-py3-none-any.whl#sha256=12":              "64 hexadecimal digits",
		"https://files.example/a-1-py3-none-any.whl#md5=12":                 "#md5= wants 32 hexadecimal digits",
		"https://files.example/a-1-py3-none-any.whl#sha256=" + sum + "&sha256=" + strings.Repeat("0", 64): "#sha256= stands twice, with different hashes",
		"https://files.example/a-1.zip#sha1=" + sum[:40] + "&sha1=" + sum[24:]:                            "#sha1= stands twice, with different hashes",
		"git+https://git.example/r#sha512=" + sum + sum:                                                   "#sha512= is for files",
		"https://files.example/a-1-py3-none-any.whl#what=12":                                              "is not known",
		"https://files.example/a-1-py3-none-any.whl#subdirectory=a":                                       "a wheel has no subdirectory",
		"https://files.example/a-1.zip#subdirectory=../a":                                                 "below the root",
		"git+https://git.example/r#sha256=" + sum:                                                         "is for files",
		"file://server/a-1-py3-none-any.whl":                                                              "on this machine",
		"g@v#egg=/b#egg=x":                                                                                `a path with "#egg=" in it cannot be named`,
		"file:///a%23md5=b":                                                                               `a path with "#md5=" in it cannot be named`,
		"./a-1-py3-none-any.whl":                                                                          "cannot be named here",
	} {
		at := place("/home/me/project")
		if strings.HasPrefix(address, ".") {
			at.Folder = ""
		}
		_, err := Parse(address, at)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token") {
			t.Errorf("%s: the error shows the credentials: %v", address, err)
		}
		if want == ErrCredentials.Error() && !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// What comes from elsewhere names nothing of this machine, in no form.
func TestElsewhere(t *testing.T) {
	for _, address := range []string{"git+file:///srv/r@v1", "GIT+FILE:///srv/r", "file:///srv/a-1-py3-none-any.whl", "/srv/a", "../a"} {
		if _, err := Parse(address, place("/home/me/project")); err != nil {
			t.Errorf("%s in the manifest: %v", address, err)
		}
		if r, err := Parse(address, place("")); err == nil || !strings.Contains(err.Error(), "of this machine cannot be named here") {
			t.Errorf("%s from elsewhere: %+v, %v", address, r, err)
		}
	}
}

// TestPromises holds which promises of two addresses fit together, and which bind a file to one.
func TestPromises(t *testing.T) {
	const file = "https://files.example/a-1.zip"
	for _, c := range []struct {
		a, b    string
		same    bool
		vouched bool // both together
		sums    string
	}{
		{"", "#md5=" + sum[:32], true, false, "md5=" + sum[:32]},
		{"#md5=" + sum[:32], "#md5=" + sum[32:], false, false, ""},
		{"#sha1=" + sum[:40] + "&sha256=" + sum, "#sha512=" + sum + sum, true, true, "sha1=" + sum[:40] + "&sha512=" + sum + sum},
		{"#sha224=" + sum[:56], "", true, false, "sha224=" + sum[:56]},
		{"#sha384=" + sum + sum[:32], "", true, true, "sha384=" + sum + sum[:32]},
		{"#sha256=" + sum, "#sha256=" + strings.Repeat("0", 64), false, false, ""},
	} {
		a, err := Parse(file+c.a, place(""))
		b, err2 := Parse(file+c.b, place(""))
		if err != nil || err2 != nil || a.Same(&b) != c.same || b.Same(&a) != c.same {
			t.Errorf("%s and %s: %v %v, same %t", c.a, c.b, err, err2, a.Same(&b))
			continue
		}
		if !c.same {
			continue
		}
		if a.Promise(&b); a.Sums != c.sums || a.Vouched() != c.vouched {
			t.Errorf("%s and %s: %q, vouched %t", c.a, c.b, a.Sums, a.Vouched())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://files.example/a-1.zip#subdirectory=b", "./a", "file:///a", "git+ssh://git@git.example/r@v#egg=x", "C:\\a", "g@v#egg=/b#egg=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s, place("/home/me/project"))
		if err != nil {
			return
		}
		again, err := Parse(r.String(), place("/home/me/project"))
		if err != nil || !again.Same(&r) {
			t.Errorf("%q is %+v, written %q, read %+v, %v", s, r, r.String(), again, err)
		}
	})
}
