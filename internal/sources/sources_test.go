package sources

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
)

// machine is a host whose system files lie below sys/ and the user's below home/ of an archive. In
// the values of variables $ROOT stands for the folder of both.
func machine(t *testing.T, archive string, env map[string]string) Host {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(root, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Host{
		GOOS: "linux", Home: filepath.Join(root, "home"), Root: filepath.Join(root, "sys"),
		Env: func(name string) string { return strings.ReplaceAll(env[name], "$ROOT", root) },
	}
}

func short(h Host, s string) string {
	return strings.ReplaceAll(filepath.ToSlash(strings.ReplaceAll(s, filepath.Dir(h.Home), "$ROOT")), "$ROOT/", "")
}

const everything = `
-- home/.config/envpack/config.toml --
[index]
url = "https://own.example/simple"
[apt]
debian = "https://own.example/debian/"
keyrings = ["keys/mirror.asc"]
-- home/.config/envpack/keys/mirror.asc --
-- home/.config/pip/pip.conf --
[global]
index-url = https://pip-user.example/simple
-- sys/etc/pip.conf --
[global]
index-url = https://pip-machine.example/simple
-- home/.config/uv/uv.toml --
index-url = "https://uv-old.example/simple"
[[index]]
name = "torch"
url = "https://uv-torch.example/whl"
[[index]]
url = "https://uv-user.example/simple/"
default = true
-- sys/etc/uv/uv.toml --
index-url = "https://uv-machine.example/simple"
-- sys/etc/apt/sources.list --
deb http://apt.example/debian bookworm main contrib
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://apt.example/debian-security bookworm-security main
`

// TestIndexOrder takes one source of the default index away after the other.
func TestIndexOrder(t *testing.T) {
	files := map[string]string{}
	for _, f := range txtar.Parse([]byte(everything)).Files {
		files[f.Name] = string(f.Data)
	}
	env := map[string]string{
		"PIP_INDEX_URL": "https://pip-env.example/simple", "UV_DEFAULT_INDEX": "main=https://uv-env.example/simple",
		"UV_INDEX_URL": "https://uv-env-old.example/simple",
	}
	o := Options{Index: "https://flag.example/simple", Indexes: []manifest.Index{
		{Name: "a", URL: "https://a.example/simple"}, {Name: "internal", URL: "https://manifest.example/simple/", Default: true},
	}}
	for _, step := range []struct {
		host, from string
		remove     func()
	}{
		{"flag", "--index-url", func() { o.Index = "" }},
		{"manifest", "index internal of the manifest", func() { o.Indexes = nil }},
		{"pip-env", "PIP_INDEX_URL", func() { delete(env, "PIP_INDEX_URL") }},
		{"uv-env", "UV_DEFAULT_INDEX", func() { delete(env, "UV_DEFAULT_INDEX") }},
		{"uv-env-old", "UV_INDEX_URL", func() { delete(env, "UV_INDEX_URL") }},
		{"own", "home/.config/envpack/config.toml:2", func() { delete(files, "home/.config/envpack/config.toml") }},
		{"pip-user", "home/.config/pip/pip.conf:2", func() { delete(files, "home/.config/pip/pip.conf") }},
		{"pip-machine", "sys/etc/pip.conf:2", func() { delete(files, "sys/etc/pip.conf") }},
		{"uv-user", "home/.config/uv/uv.toml:6", func() { delete(files, "home/.config/uv/uv.toml") }},
		{"uv-machine", "sys/etc/uv/uv.toml:1", func() { delete(files, "sys/etc/uv/uv.toml") }},
		{"", "the default", func() {}},
	} {
		archive := ""
		for name, data := range files {
			archive += "-- " + name + " --\n" + data
		}
		h := machine(t, archive, env)
		s, err := Find(h, o)
		if err != nil {
			t.Fatal(err)
		}
		want := "https://" + step.host + ".example/simple/"
		if step.host == "" {
			want = pythonIndex.url()
		}
		if s.Index.URL != want || short(h, s.Index.From) != step.from || s.Index.WellKnown != (step.host == "") {
			t.Errorf("%s from %s, want %s from %s", s.Index.URL, short(h, s.Index.From), want, step.from)
		}
		step.remove()
	}
}

func TestArchives(t *testing.T) {
	const main, security = "http://apt.example/debian", "http://apt.example/debian-security"
	for _, c := range []struct {
		name, files     string
		apt             map[string]string
		debian, updates string // URL and where from; "": the default
		warnings        int
	}{
		{name: "none"},
		{name: "one-line", files: "-- sys/etc/apt/sources.list --\n# deb http://old.example/debian bookworm main\n" +
			"deb-src http://src.example/debian bookworm main\ndeb cdrom:[Debian 12]/ bookworm main\ndeb http://apt.example/debian/ bookworm main\n" +
			"deb [ signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=amd64 ] http://apt.example/debian-security bookworm-security main # x\n",
			debian: main + " sys/etc/apt/sources.list:4", updates: security + " sys/etc/apt/sources.list:5"},
		{name: "deb822", files: "-- sys/etc/apt/sources.list.d/debian.sources --\nTypes: deb deb-src\n# about\nURIs: " + main + "\n http://second.example/debian\n" +
			"Suites: bookworm bookworm-updates\nComponents:\n main\n contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n\nTypes: deb\nURIs: " + security +
			"\nSuites: bookworm-security\nComponents: main\n",
			debian: main + " sys/etc/apt/sources.list.d/debian.sources:3", updates: security + " sys/etc/apt/sources.list.d/debian.sources:13"},
		{name: "embedded key", files: "-- sys/etc/apt/sources.list.d/debian.sources --\nTypes: deb\nURIs: " + main + "\nSuites: bookworm\nComponents: main\nSigned-By:\n" +
			" -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----\n",
			debian: main + " sys/etc/apt/sources.list.d/debian.sources:2"},
		{name: "disabled", files: "-- sys/etc/apt/sources.list.d/debian.sources --\nTypes: deb\nEnabled: no\nURIs: " + main + "\nSuites: bookworm\nComponents: main\n"},
		{name: "file name", files: "-- sys/etc/apt/sources.list.d/debian.sources.disabled --\nTypes: deb\nURIs: " + main + "\nSuites: bookworm\nComponents: main\n"},
		{name: "other release", files: "-- sys/etc/apt/sources.list --\ndeb http://apt.example/debian trixie main\ndeb http://apt.example/ubuntu jammy main\n"},
		{name: "others with its names", files: "-- sys/etc/apt/sources.list --\ndeb http://docker.example/linux/debian bookworm stable\n" +
			"deb http://pi.example/raspbian bookworm main\ndeb http://ms.example/debian/12/prod bookworm main\n" +
			"deb [signed-by=/etc/apt/keyrings/maria.pgp] http://maria.example/repo/debian bookworm main\ndeb http://apt.debian.example bookworm main\n",
			debian: "http://apt.debian.example sys/etc/apt/sources.list:5"},
		{name: "mirror file", files: "-- sys/etc/apt/sources.list --\ndeb mirror+file:///etc/apt/mirrors/debian.list bookworm main\n-- sys/etc/apt/mirrors/debian.list --\n" +
			"# mirrors\nhttps://cloud.example/debian\tpriority:1\n", debian: "https://cloud.example/debian sys/etc/apt/mirrors/debian.list:2"},
		{name: "transport", files: "-- sys/etc/apt/sources.list --\ndeb tor+http://apt.example/debian bookworm main\n", warnings: 1},
		{name: "own", files: everything, debian: "https://own.example/debian home/.config/envpack/config.toml:4", updates: security + " sys/etc/apt/sources.list:2"},
		{name: "flag", files: everything, apt: map[string]string{Debian: "https://flag.example/debian/"},
			debian: "https://flag.example/debian --apt-mirror", updates: "https://flag.example/debian-security --apt-mirror"},
		{name: "both flags", files: everything, apt: map[string]string{Debian: "https://flag.example/debian", DebianSecurity: "https://flag.example/sec"},
			debian: "https://flag.example/debian --apt-mirror", updates: "https://flag.example/sec --apt-mirror"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := machine(t, c.files, nil)
			s, err := Find(h, Options{Codename: "bookworm", Apt: c.apt, Indexes: []manifest.Index{{Name: "torch", URL: "https://uv-torch.example/whl/"}}})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{Debian: c.debian, DebianSecurity: c.updates} {
				got := s.Archives[name]
				if want == "" {
					if !got.WellKnown || !strings.HasSuffix(got.URL, "/"+name) {
						t.Errorf("%s: %+v, not the default", name, got)
					}
				} else if g := got.URL + " " + short(h, got.From); g != want {
					t.Errorf("%s: %s, want %s", name, g, want)
				}
			}
			if len(s.Warnings) != c.warnings {
				t.Errorf("warnings: %v", s.Warnings)
			}
		})
	}
	h := machine(t, everything, nil)
	s, err := Find(h, Options{})
	if err != nil || !s.Archives[DebianSecurity].WellKnown || short(h, s.Keyrings[0]) != "home/.config/envpack/keys/mirror.asc" {
		t.Errorf("without a distribution: %+v, %v", s, err)
	}
}

// TestPipFiles holds which files count, the less important first, as pip 23 to 25 choose them.
func TestPipFiles(t *testing.T) {
	for _, c := range []struct {
		goos string
		env  map[string]string
		want string
	}{
		{"linux", nil, "sys/etc/xdg/pip/pip.conf sys/etc/pip.conf home/.pip/pip.conf home/.config/pip/pip.conf"},
		{"linux", map[string]string{"XDG_CONFIG_HOME": "$ROOT/x", "XDG_CONFIG_DIRS": "$ROOT/a:$ROOT/b", "VIRTUAL_ENV": "$ROOT/venv"},
			"a/pip/pip.conf b/pip/pip.conf sys/etc/pip.conf home/.pip/pip.conf x/pip/pip.conf venv/pip.conf"},
		{"linux", map[string]string{"PIP_CONFIG_FILE": "$ROOT/own.conf"}, "sys/etc/xdg/pip/pip.conf sys/etc/pip.conf own.conf"},
		{"linux", map[string]string{"PIP_CONFIG_FILE": "$ROOT/missing.conf"},
			"sys/etc/xdg/pip/pip.conf sys/etc/pip.conf home/.pip/pip.conf home/.config/pip/pip.conf missing.conf"},
		{"linux", map[string]string{"PIP_CONFIG_FILE": "/dev/null"}, ""},
		{"darwin", nil, "sys/Library/Application Support/pip/pip.conf home/.pip/pip.conf home/.config/pip/pip.conf"},
		{"windows", map[string]string{"APPDATA": "$ROOT/roaming", "PROGRAMDATA": "$ROOT/all"}, "all/pip/pip.ini home/pip/pip.ini roaming/pip/pip.ini"},
		{"windows", map[string]string{"PIP_CONFIG_FILE": "NUL"}, ""},
	} {
		h := machine(t, "-- own.conf --\n", c.env)
		h.GOOS = c.goos
		var got []string
		for _, f := range pipFiles(h) {
			if f != "" {
				got = append(got, short(h, f))
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %v:\n%s, want\n%s", c.goos, c.env, s, c.want)
		}
	}
}

func TestAdditions(t *testing.T) {
	h := machine(t, `
-- home/.config/pip/pip.conf --
[global]
extra_index_url =
    https://user:secret@extra.example/simple
    https://known.example/simple
find-links = /wheels
no-index = yes
[install]
index-url = https://main.example/simple
-- home/.config/uv/uv.toml --
[[index]]
name = "torch"
url = "https://torch.example/whl"
[pip]
extra-index-url = ["https://main.example/simple/"]
find-links = ["./wheels"]
`, map[string]string{"PIP_EXTRA_INDEX_URL": "https://env.example/simple", "UV_INDEX": "named=https://named.example/simple", "UV_NO_INDEX": "0"})
	s, err := Find(h, Options{Indexes: []manifest.Index{{Name: "known", URL: "https://known.example/simple/"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range s.Warnings {
		got = append(got, short(h, w.String()))
	}
	want := []string{
		"PIP_EXTRA_INDEX_URL: the extra index https://env.example/simple is not used, since the lock must not depend on the machine\n" + lines("extra", "https://env.example/simple"),
		"UV_INDEX: the extra index https://named.example/simple is not used, since the lock must not depend on the machine\n" + lines("named", "https://named.example/simple"),
		"home/.config/pip/pip.conf:2: the extra index https://extra.example/simple is not used, since the lock must not depend on the machine\n" + lines("extra", "https://extra.example/simple"),
		"home/.config/uv/uv.toml:3: the extra index https://torch.example/whl is not used, since the lock must not depend on the machine\n" + lines("torch", "https://torch.example/whl"),
		"home/.config/pip/pip.conf:5: find-links is not used, since the lock must not depend on the machine\nif the project needs it, write into the manifest:\n    [[index]]\n    name = \"links\"\n    path = \"/wheels\"\n    format = \"flat\"\n    packages = [\"…\"]  # those that come from it",
		"home/.config/uv/uv.toml:6: find-links is not used, since the lock must not depend on the machine\nif the project needs it, write into the manifest:\n    [[index]]\n    name = \"links\"\n    path = \"./wheels\"\n    format = \"flat\"\n    packages = [\"…\"]  # those that come from it",
		"home/.config/pip/pip.conf:6: no-index is not used: a lock takes every package from an index",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func lines(name, url string) string {
	return fmt.Sprintf("if the project needs it, write into the manifest:\n    [[index]]\n    name = %q\n    url = %q\n    packages = [\"…\"]  # those that come from it", name, url)
}

func TestCredentials(t *testing.T) {
	files := `
-- home/.netrc --
machine netrc.example login me password "p w\"d" # mine
machine index.example
  login other
  password #hash
default login anybody password everything
macdef init
machine macro.example login x password y

machine last.example password only
`
	env := map[string]string{
		"PIP_INDEX_URL": "https://us%40er:pass%2Fword@index.example:8443/simple", "UV_INDEX_INTERNAL_2_USERNAME": "token", "UV_INDEX_INTERNAL_2_PASSWORD": "t0k",
	}
	h := machine(t, files, env)
	s, err := Find(h, Options{Indexes: []manifest.Index{{Name: "internal.2", URL: "https://internal.example/simple"}}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Index.URL != "https://index.example:8443/simple/" {
		t.Errorf("address %s", s.Index.URL)
	}
	for host, want := range map[string]string{
		"index.example:8443": "us@er pass/word true", "INDEX.example": "other #hash true", "netrc.example": `me p w"d true`, "netrc.example:8080": `me p w"d true`,
		"internal.example": "token t0k true", "last.example": " only true", "elsewhere.example": "  false", "macro.example": "  false", "": "  false",
	} {
		user, password, ok := s.Credentials(host)
		if got := fmt.Sprint(user, " ", password, " ", ok); got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
	}
	env["NETRC"] = "$ROOT/none"
	if s, err = Find(h, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := s.Credentials("netrc.example"); ok {
		t.Error("~/.netrc counts beside NETRC")
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, files string
		env         map[string]string
		o           Options
		want        string
		code        diag.Code
		hint        string // a part of what is printed
	}{
		{name: "flag", o: Options{Index: "ftp://u:secret@x.example"}, want: "--index-url: ftp: is no http or https address", code: diag.Usage},
		{name: "no scheme", o: Options{Apt: map[string]string{Debian: "x.example/debian"}}, want: "--apt-mirror: an address without scheme is no http or https address", code: diag.Usage},
		{name: "archive", o: Options{Apt: map[string]string{"mint": "https://x.example/ubuntu"}}, want: `--apt-mirror: no archive is called "mint"`, code: diag.Usage},
		{name: "no host", env: map[string]string{"PIP_INDEX_URL": "https:///simple"}, want: "PIP_INDEX_URL: the address names no host", code: diag.Failure},
		{name: "query", env: map[string]string{"UV_INDEX_URL": "https://x.example/?token=secret"}, want: "UV_INDEX_URL: the address has a query or a fragment", code: diag.Failure},
		{name: "no URL", env: map[string]string{"PIP_INDEX_URL": "https://u:secret@x.example:port"}, want: "PIP_INDEX_URL: not a URL", code: diag.Failure},
		{name: "password", env: map[string]string{"PIP_INDEX_URL": "https://u:s#secret@x.example/"}, want: "PIP_INDEX_URL: not a URL", code: diag.Failure, hint: "a password % is written %25, / %2F, # %23,"},
		{name: "flag without sense", o: Options{Index: "https://x.example/%zz"}, want: "--index-url: not a URL", code: diag.Usage, hint: "as in https://packages.example/simple/"},
		{name: "pip.conf", files: "-- sys/etc/pip.conf --\n[global]\n# x\nindex-url = file://u:secret@x/simple\n", want: "sys/etc/pip.conf:3:1: address: file: is no http or https address", code: diag.Failure},
		{name: "pip.conf form", files: "-- sys/etc/pip.conf --\n[global]\nindex-url https://u:secret@x.example\n[", want: "sys/etc/pip.conf:3:1: no section header", code: diag.Failure},
		{name: "pip.conf head", files: "-- sys/etc/pip.conf --\nindex-url = x\n", want: "sys/etc/pip.conf:1:1: a setting before the first section", code: diag.Failure},
		{name: "uv.toml", files: "-- home/.config/uv/uv.toml --\nindex-url = \"https://u:secret@x.example\nx = 1\n", want: "home/.config/uv/uv.toml:1:40: not TOML: strings cannot contain newlines", code: diag.Failure},
		{name: "uv.toml type", files: "-- home/.config/uv/uv.toml --\nindex = 1\n", want: "home/.config/uv/uv.toml: ", code: diag.Failure},
		{name: "own key", files: "-- home/.config/envpack/config.toml --\n[index]\nurll = \"x\"\n", want: "home/.config/envpack/config.toml: unknown key index.urll", code: diag.Failure},
		{name: "own keyring", files: "-- home/.config/envpack/config.toml --\n[apt]\nkeyrings = [\"a.asc\"]\n", want: "home/.config/envpack/config.toml: keyring home/.config/envpack/a.asc does not exist", code: diag.Failure},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := machine(t, c.files, c.env)
			_, err := Find(h, c.o)
			if err == nil {
				t.Fatal("no error")
			}
			var b strings.Builder
			if err := diag.Render(&b, err); err != nil {
				t.Fatal(err)
			}
			if got := short(h, err.Error()); !strings.HasPrefix(got, c.want) || diag.CodeOf(err) != c.code {
				t.Errorf("%s (%d), want %s", got, diag.CodeOf(err), c.want)
			}
			if strings.Contains(b.String(), "secret") {
				t.Errorf("a password is shown: %s", b.String())
			}
			if !strings.Contains(b.String(), c.hint) {
				t.Errorf("no hint %q: %s", c.hint, b.String())
			}
		})
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@x.example/simple/": "https://x.example/simple/", "https://x.example": "https://x.example", "http://u@x.example:80/": "http://x.example:80/",
		"https://u:p@x.example:port": "an address that is no URL",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestList(t *testing.T) {
	for _, c := range []struct {
		distro, codename, arch string
		suites                 []string
	}{
		{"debian:12", "bookworm", "amd64", []string{"bookworm main", "bookworm-updates main", "bookworm-security main"}},
		{"ubuntu:22.04", "jammy", "amd64", []string{"jammy main universe", "jammy-updates main universe", "jammy-security main universe"}},
		{"ubuntu:22.04", "jammy", "arm64", []string{"jammy main universe", "jammy-updates main universe", "jammy-security main universe"}},
		{"none", "", "amd64", nil},
		{"alpine:3", "", "amd64", nil},
	} {
		var suites []string
		for line := range strings.Lines(List(c.distro, c.codename, c.arch)) {
			words := strings.SplitN(strings.TrimSpace(line), " ", 3)
			suites = append(suites, words[2])
			if words[0] != "deb" || !strings.HasPrefix(words[1], "http://") || c.arch == "arm64" && !strings.HasSuffix(words[1], "-ports") {
				t.Errorf("%s: %q", c.distro, line)
			}
		}
		if !slices.Equal(suites, c.suites) {
			t.Errorf("%s on %s: %q", c.distro, c.arch, suites)
		}
	}
}
