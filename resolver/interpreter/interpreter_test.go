package interpreter

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep440"
)

func set(s string) pep440.Set { return pep440.FromSpecifiers(pep440.MustParseSpecifiers(s)) }

func TestIndex(t *testing.T) {
	list, err := parse(releases)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 250 || len(releases) > 200<<10 {
		t.Errorf("%d archives in %d bytes", len(list), len(releases))
	}
	head, _, _ := strings.Cut(releases, "\n# version build")
	if !regexp.MustCompile(`(?s)generate\.py.*uv-[0-9.]+\.tar\.gz,\n# sha256:[0-9a-f]{64}$`).MatchString(head) {
		t.Errorf("the index does not name what it was made from:\n%s", head)
	}
	for _, a := range list {
		// Python 3.8.12 was the first with an archive of this form, for amd64 alone.
		if a.Platform == "linux/amd64" && a.Version.String() != "3.8.12" &&
			!slices.ContainsFunc(list, func(b Archive) bool { return b.Platform == "linux/arm64" && b.Version.Equal(a.Version) }) {
			t.Errorf("%s is not there for arm64", a.Version)
		}
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ want, platform, version, build, path string }{
		{"==3.14.4", "linux/amd64", "3.14.4", "20260414", "20260414/cpython-3.14.4%2B20260414-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"},
		{"==3.14.4", "linux/amd64", "3.14.4", "20260414", "20260414/cpython-3.14.4%2B20260414-x86_64-unknown-linux-gnu-freethreaded-install_only_stripped.tar.gz"},
		{"==3.12.4", "linux/amd64", "3.12.4", "20240726", "20240726/cpython-3.12.4%2B20240726-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"},
		{"==3.10.*,<3.10.10", "linux/arm64", "3.10.9", "20230116", "20230116/cpython-3.10.9%2B20230116-aarch64-unknown-linux-gnu-install_only.tar.gz"},
		{">=3.8,<3.9", "linux/arm64", "3.8.20", "20241002", "20241002/cpython-3.8.20%2B20241002-aarch64-unknown-linux-gnu-install_only_stripped.tar.gz"},
		{"==3.8.12", "linux/amd64", "3.8.12", "20220227", "20220227/cpython-3.8.12%2B20220227-x86_64-unknown-linux-gnu-install_only.tar.gz"},
	} {
		threaded := strings.Contains(c.path, "freethreaded")
		a, err := Find(set(c.want), c.platform, threaded)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if a.Version.String() != c.version || a.Build != c.build || a.Path != c.path || a.Platform != c.platform || a.FreeThreaded != threaded ||
			a.Stripped != strings.Contains(c.path, "stripped") || len(a.SHA256) != 64 {
			t.Errorf("%s: %+v", c.want, a)
		}
	}
}

func TestFindNone(t *testing.T) {
	for _, c := range []struct{ want, platform, hint string }{
		{"==3.12.*", "linux/amd64 t", "3.13t, 3.14t"},
		{"<3.8", "linux/amd64", "3.8, 3.9, 3.10"},
		{"==3.8.12", "linux/arm64", "3.8, 3.9, 3.10"},
		{">=3.8", "linux/s390x", "python-archive"},
	} {
		platform, threaded := strings.CutSuffix(c.platform, " t")
		_, err := Find(set(c.want), platform, threaded)
		if diag.CodeOf(err) != diag.NoAnswer || !strings.Contains(strings.Join(diag.HintsOf(err), "\n"), c.hint) {
			t.Errorf("%s for %s: %v, hints %q", c.want, c.platform, err, diag.HintsOf(err))
		}
	}
}

func TestMinors(t *testing.T) {
	minors := Minors("linux/amd64")
	if len(minors) < 7 || minors[0] != "3.8" || minors[2] != "3.10" {
		t.Errorf("minors: %q", minors)
	}
	if minors := ThreadedMinors("linux/arm64"); len(minors) < 3 || minors[0] != "3.13t" || minors[1] != "3.14t" {
		t.Errorf("free-threaded: %q", minors)
	}
	if Minors("linux/386") != nil {
		t.Error("there is something for linux/386")
	}
}

func TestParseRefuses(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	good := "3.9.1 20220101 linux/amd64 install_only " + hash
	if list, err := parse("# comment\n" + good + "\n" + strings.Replace(good, "install", "freethreaded-install", 1) + "\n"); err != nil || len(list) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	for _, bad := range []string{
		"", "3.9.1 20220101 linux/amd64 install_only", good + " x", good + "\n" + good,
		strings.Replace(good, "3.9.1", "3.9.1rc1", 1), strings.Replace(good, "3.9.1", "3.9", 1), strings.Replace(good, "3.9.1", "x", 1),
		strings.Replace(good, "20220101", "2022010x", 1), strings.Replace(good, "amd64", "386", 1),
		strings.Replace(good, "install_only", "debug", 1), strings.Replace(good, "install_only", "freethreaded-debug", 1), good[:len(good)-1], good[:len(good)-1] + "g",
	} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestREADME keeps the account of the index with the package.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil || !strings.Contains(string(text), "generate.py uv-") {
		t.Errorf("README.md does not say how the index is made: %v", err)
	}
}
