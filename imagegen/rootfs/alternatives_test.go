package rootfs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

// The calls as the packages' scripts have them.
const (
	mawkPostinst = `#!/bin/sh
set -e
# Automatically added by dh_installalternatives/13.11.3
if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ]; then
        update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 \
            --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \
            --slave /usr/bin/nawk nawk /usr/bin/mawk \
            --slave /usr/share/man/man1/nawk.1.gz nawk.1.gz /usr/share/man/man1/mawk.1.gz
fi
# End automatically added section
`
	debianutilsPostinst = `#!/bin/sh -e
ua() {
	update-alternatives --install /usr/bin/which which /usr/bin/which.debianutils 0 \
		--slave /usr/share/man/man1/which.1.gz which.1.gz /usr/share/man/man1/which.debianutils.1.gz \
		--slave /usr/share/man/de/man1/which.1.gz which.de1.gz /usr/share/man/de/man1/which.debianutils.1.gz \
		--slave /usr/share/man/es/man1/which.1.gz which.es1.gz /usr/share/man/es/man1/which.debianutils.1.gz \
		--slave /usr/share/man/sl/man1/which.1.gz which.sl1.gz /usr/share/man/sl/man1/which.debianutils.1.gz
}
`
	tarPostinst = `case "$1" in
    configure)
	update-alternatives --install /usr/sbin/rmt rmt /usr/sbin/rmt-tar 50 \
		--slave /usr/share/man/man8/rmt.8.gz rmt.8.gz \
			/usr/share/man/man8/rmt-tar.8.gz 
    ;;
esac
`
	bashPostinst = `update-alternatives --install \
    /usr/share/man/man7/builtins.7.gz \
    builtins.7.gz \
    /usr/share/man/man7/bash-builtins.7.gz \
    10 \
  || true
`
	utilLinuxPostinst = `if [ "$1" = "configure" ]; then
	update-alternatives --install /usr/bin/pager pager /bin/more 50 \
		--slave /usr/share/man/man1/pager.1.gz pager.1.gz \
		/usr/share/man/man1/more.1.gz
fi
`
)

func TestParseAlternatives(t *testing.T) {
	which := func(lang string) slave {
		return slave{"/usr/share/man/" + lang + "/man1/which.1.gz", "which." + lang + "1.gz", "/usr/share/man/" + lang + "/man1/which.debianutils.1.gz"}
	}
	simple := alternative{link: "/usr/bin/a", name: "a", path: "/usr/bin/b", priority: 1}
	for _, c := range []struct {
		name, script string
		found        []alternative
		unread       []string
	}{
		{"mawk", mawkPostinst, []alternative{{
			link: "/usr/bin/awk", name: "awk", path: "/usr/bin/mawk", priority: 5, slaves: []slave{
				{"/usr/share/man/man1/awk.1.gz", "awk.1.gz", "/usr/share/man/man1/mawk.1.gz"},
				{"/usr/bin/nawk", "nawk", "/usr/bin/mawk"},
				{"/usr/share/man/man1/nawk.1.gz", "nawk.1.gz", "/usr/share/man/man1/mawk.1.gz"},
			}}}, nil},
		{"debianutils", debianutilsPostinst, []alternative{{
			link: "/usr/bin/which", name: "which", path: "/usr/bin/which.debianutils", priority: 0, slaves: []slave{
				{"/usr/share/man/man1/which.1.gz", "which.1.gz", "/usr/share/man/man1/which.debianutils.1.gz"},
				which("de"), which("es"), which("sl"),
			}}}, nil},
		{"tar", tarPostinst, []alternative{{
			link: "/usr/sbin/rmt", name: "rmt", path: "/usr/sbin/rmt-tar", priority: 50,
			slaves: []slave{{"/usr/share/man/man8/rmt.8.gz", "rmt.8.gz", "/usr/share/man/man8/rmt-tar.8.gz"}},
		}}, nil},
		{"bash", bashPostinst, []alternative{{
			link: "/usr/share/man/man7/builtins.7.gz", name: "builtins.7.gz", path: "/usr/share/man/man7/bash-builtins.7.gz", priority: 10,
		}}, nil},
		{"util-linux", utilLinuxPostinst, []alternative{{
			link: "/usr/bin/pager", name: "pager", path: "/bin/more", priority: 50,
			slaves: []slave{{"/usr/share/man/man1/pager.1.gz", "pager.1.gz", "/usr/share/man/man1/more.1.gz"}},
		}}, nil},
		{"variables", "update-alternatives --install /usr/bin/w w $BIN/w.procps 50 --slave /usr/share/man/w $i /x\n", nil,
			[]string{"update-alternatives --install /usr/bin/w w $BIN/w.procps 50 --slave /usr/share/man/w $i /x"}},
		{"a priority in a variable", "update-alternatives --install /usr/bin/a a /usr/bin/b \"$prio\"\n", nil,
			[]string{`update-alternatives --install /usr/bin/a a /usr/bin/b "$prio"`}},
		{"all in a variable", "update-alternatives --install $args\n", nil, []string{"update-alternatives --install $args"}},
		{"relative", "update-alternatives --install usr/bin/a a usr/bin/b 1\n", nil, []string{"update-alternatives --install usr/bin/a a usr/bin/b 1"}},
		{"quotes", `update-alternatives --quiet --install "/usr/bin/a" 'a' "/usr/bin/b" 1`, []alternative{simple}, nil},
		{"path of the program, redirections", "/usr/bin/update-alternatives --install /usr/bin/a a /usr/bin/b 1 2>/dev/null >/dev/null 2>&1 > /dev/null || true",
			[]alternative{simple}, nil},
		{"comments", "# update-alternatives --install /usr/bin/x x /usr/bin/y 1\nupdate-alternatives --install /usr/bin/a a /usr/bin/b 1 # why\n",
			[]alternative{simple}, nil},
		{"two on a line", "update-alternatives --install /usr/bin/a a /usr/bin/b 1; update-alternatives --install /usr/bin/c c /usr/bin/d -2 && true",
			[]alternative{simple, {link: "/usr/bin/c", name: "c", path: "/usr/bin/d", priority: -2}}, nil},
		{"other calls", "update-alternatives --remove a /usr/bin/b\nupdate-alternatives --auto a\n", nil, nil},
		{"nothing", "", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, unread := parseAlternatives(c.script)
			if diff := cmp.Diff(c.found, found, cmp.AllowUnexported(alternative{}, slave{})); diff != "" {
				t.Errorf("found: %s", diff)
			}
			if diff := cmp.Diff(c.unread, unread); diff != "" {
				t.Errorf("unread: %s", diff)
			}
		})
	}
}

func FuzzParseAlternatives(f *testing.F) {
	for _, s := range []string{mawkPostinst, debianutilsPostinst, tarPostinst, bashPostinst, utilLinuxPostinst, "update-alternatives --install \" ' >"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		found, _ := parseAlternatives(script)
		for _, a := range found {
			for _, s := range append(a.slaves, slave{a.link, a.name, a.path}) {
				if !strings.HasPrefix(s.link, "/") || !strings.HasPrefix(s.path, "/") || strings.ContainsAny(s.link+s.name+s.path, "$`\"") {
					t.Errorf("read %+v", s)
				}
			}
		}
	})
}

func TestAlternatives(t *testing.T) {
	tree := mustAssemble(t,
		deb("mawk", testenv.DebOptions{
			Files:   map[string]string{"usr/bin/mawk": "mawk", "usr/share/man/man1/mawk.1.gz": "page"},
			Members: map[string]string{"postinst": mawkPostinst},
		}),
		deb("gawk", testenv.DebOptions{
			Files: map[string]string{"usr/bin/gawk": "gawk"},
			Members: map[string]string{"postinst": "update-alternatives --install /usr/bin/awk awk /usr/bin/gawk 10 " +
				"--slave /usr/bin/nawk nawk /usr/bin/gawk --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/gawk.1.gz\n" +
				"update-alternatives --install /usr/bin/gone gone /usr/bin/nowhere 10\n"},
		}),
		deb("procps", testenv.DebOptions{Members: map[string]string{"postinst": "update-alternatives --install /usr/bin/w w $X 50\n"}}),
	)
	for p, want := range map[string]string{
		"usr/bin/awk":           "/etc/alternatives/awk",
		"etc/alternatives/awk":  "/usr/bin/gawk",
		"usr/bin/nawk":          "/etc/alternatives/nawk",
		"etc/alternatives/nawk": "/usr/bin/gawk",
	} {
		if got := tree.link(t, p); got != want {
			t.Errorf("/%s -> %s, want %s", p, got, want)
		}
	}
	for _, p := range []string{"usr/share/man/man1/awk.1.gz", "usr/bin/gone", "etc/alternatives/gone", "var/lib/dpkg/alternatives/gone"} {
		if _, ok := tree.find(p); ok {
			t.Errorf("/%s is there, though what it would lead to is not", p)
		}
	}
	want := "auto\n/usr/bin/awk\nawk.1.gz\n/usr/share/man/man1/awk.1.gz\nnawk\n/usr/bin/nawk\nnawk.1.gz\n/usr/share/man/man1/nawk.1.gz\n\n" +
		"/usr/bin/gawk\n10\n/usr/share/man/man1/gawk.1.gz\n/usr/bin/gawk\n\n" +
		"/usr/bin/mawk\n5\n/usr/share/man/man1/mawk.1.gz\n/usr/bin/mawk\n/usr/share/man/man1/mawk.1.gz\n\n"
	if diff := cmp.Diff(want, tree.text(t, "var/lib/dpkg/alternatives/awk")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"procps": {`postinst line 1: update-alternatives --install /usr/bin/w w 50 (unexpected word "--install")`}}, tree.Unread); diff != "" {
		t.Errorf("unread: %s", diff)
	}
	tree.write(t)
}

func TestAlternativeIsInstalledTwice(t *testing.T) {
	tree := mustAssemble(t, deb("a", testenv.DebOptions{
		Files: map[string]string{"usr/bin/a.real": "", "usr/bin/b": "in the way"},
		Members: map[string]string{"postinst": "update-alternatives --install /usr/bin/a a /usr/bin/a.real 1\n" +
			"update-alternatives --install /usr/bin/a a /usr/bin/a.real 2\nupdate-alternatives --install /usr/bin/b b /usr/bin/a.real 2\n"},
	}))
	if got, want := tree.text(t, "var/lib/dpkg/alternatives/a"), "auto\n/usr/bin/a\n\n/usr/bin/a.real\n2\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if e := tree.entry(t, "usr/bin/b"); e.Kind != layer.File {
		t.Errorf("a packaged file gave way to a link")
	}
}
