package rootfs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/testenv"
)

// configured assembles the base with one more package that has the scripts.
func configured(t *testing.T, members, files map[string]string) *Tree {
	t.Helper()
	return mustAssemble(t, append(fakeBase(), deb("service", testenv.DebOptions{Files: files, Members: members}))...)
}

func TestScripts(t *testing.T) {
	tree := configured(t, map[string]string{"postinst": `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -z "$2" ]; then
	adduser --system --group --home /var/lib/service --gecos "The service" service
	addgroup --system --quiet extra
	adduser service extra
	install -d -m 2750 -o service -g extra /var/log/service
	mkdir -p /var/lib/service/a/b
	chown -R service:service /var/lib/service
	chmod u=rw,go= /etc/service.conf
	ln -sf service.conf /etc/service.link
	cat > /etc/service.made <<EOF
for $1
EOF
	[ -e /usr/share/service/none ] || touch /etc/service.touched
	dpkg-statoverride --update --add root extra 4750 /usr/bin/service
	dpkg-divert --package service --add /etc/nobodys
fi
`}, map[string]string{"etc/service.conf": "c", "usr/bin/service": "s"})
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
	for p, want := range map[string]string{
		"etc/passwd":                "service:x:100:100:The service:/var/lib/service:/usr/sbin/nologin\n",
		"etc/group":                 "service:x:100:\nextra:x:101:service\n",
		"etc/service.made":          "for configure\n",
		"var/lib/dpkg/statoverride": "root extra 4750 /usr/bin/service\n",
		"var/lib/dpkg/diversions":   "/etc/nobodys\n/etc/nobodys.distrib\nservice\n",
	} {
		if got := tree.text(t, p); !strings.HasSuffix(got, want) {
			t.Errorf("/%s: %q", p, got)
		}
	}
	for p, want := range map[string][3]int{
		"var/log/service":     {0o2750, 100, 101},
		"var/lib/service/a/b": {0o755, 100, 100},
		"etc/service.conf":    {0o600, 0, 0},
		"usr/bin/service":     {0o4750, 0, 101},
		"etc/service.touched": {0o644, 0, 0},
	} {
		if e := tree.entry(t, p); [3]int{int(e.Mode), e.UID, e.GID} != want {
			t.Errorf("/%s is %o, of %d:%d", p, e.Mode, e.UID, e.GID)
		}
	}
	if got := tree.link(t, "etc/service.link"); got != "service.conf" {
		t.Errorf("link to %s", got)
	}
}

// TestScriptsAskVersions is what libc6 of Debian 13 asks before it protects the link /lib64 for a base-files that does not have it yet.
func TestScriptsAskVersions(t *testing.T) {
	tree := configured(t, map[string]string{"preinst": `#!/bin/sh
if [ "$1" = install ]; then
    if dpkg --compare-versions "$(dpkg-query -f '${Version}' -W service)" le 0.9 || ! dpkg-query -L service | grep -qxF /etc/service.conf; then
        frobnicate --old
    fi
    if dpkg --compare-versions "$(dpkg-query -f '${Version}' -W service)" ge 0.9; then
        touch /etc/service.new
    fi
fi
`}, map[string]string{"etc/service.conf": "c"})
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
	tree.entry(t, "etc/service.new")
}

func TestScriptsNotUnderstood(t *testing.T) {
	tree := configured(t, map[string]string{
		"postinst": "#!/bin/sh\nfrobnicate /etc\nif grep -q x /proc/cpuinfo && unknowable; then mkdir /var/x; fi\ngetent group root > /etc/roots\n", "preinst": "#!/usr/bin/python3\n",
	}, nil)
	want := map[string][]string{"service": {
		"preinst line 1: #!/usr/bin/python3 (it is not a shell's script)",
		"postinst line 2: frobnicate /etc (what it does is not known)",
		"postinst line 4: getent group root > /etc/roots (what it says is not written)",
	}}
	if diff := cmp.Diff(want, tree.Unread); diff != "" {
		t.Error(diff)
	}
	if _, there := tree.find("var/x"); there {
		t.Error("something was done of which nothing is known")
	}
}

func TestDeclarations(t *testing.T) {
	tree := configured(t, map[string]string{"postinst": "systemd-sysusers s.conf\nsystemd-tmpfiles --create s.conf\n"}, map[string]string{
		"usr/lib/sysusers.d/s.conf": "# users\nu svc - \"A service\" /var/svc\ng more 234\nm svc more\n",
		"usr/lib/tmpfiles.d/s.conf": "d /var/svc 0750 svc more -\nL /etc/svc - - - - ../var/svc\nf /var/svc/state 0600 svc svc\n",
	})
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
	if got := tree.text(t, "etc/passwd"); !strings.HasSuffix(got, "svc:x:999:999:A service:/var/svc:/usr/sbin/nologin\n") {
		t.Error(got)
	}
	if e := tree.entry(t, "var/svc"); e.Mode != 0o750 || e.UID != 999 || e.GID != 234 {
		t.Errorf("%+v", e)
	}
	if tree.link(t, "etc/svc") != "../var/svc" || tree.entry(t, "var/svc/state").Mode != 0o600 {
		t.Error("a link or a file is otherwise")
	}
}

func TestPreinstSeesNothingOfItsPackage(t *testing.T) {
	tree := configured(t, map[string]string{"preinst": "#!/bin/sh\nif [ -e /etc/old.conf ]; then frobnicate; fi\nrm -f /etc/old.conf\n"}, map[string]string{"etc/old.conf": "x"})
	tree.entry(t, "etc/old.conf")
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
}

func TestUnmerged(t *testing.T) {
	for _, c := range []struct {
		release string
		merged  bool
	}{{"ID=ubuntu\nVERSION_ID=\"16.04\"\n", false}, {"ID=ubuntu\nVERSION_ID=\"18.04\"\n", false}, {"ID=ubuntu\nVERSION_ID=\"20.04\"\n", true}, {"ID=debian\nVERSION_ID=\"11\"\n", true}, {"ID=debian\n", true}} {
		tree := mustAssemble(t, deb("base-files", testenv.DebOptions{Files: map[string]string{"usr/lib/os-release": c.release, "bin/tool": "x"}}))
		if _, there := tree.find("usr/bin/tool"); there != c.merged {
			t.Errorf("%q: merged %v", c.release, there)
		}
		tree.write(t)
	}
}

func TestConfigureOrder(t *testing.T) {
	var names []string
	for _, u := range configureOrder([]*unpacked{
		{Deb: Deb{Name: "a"}, depends: []string{"virtual", "gone"}}, {Deb: Deb{Name: "b"}, depends: []string{"c"}},
		{Deb: Deb{Name: "c"}, depends: []string{"b"}}, {Deb: Deb{Name: "d"}, provides: []string{"virtual"}},
	}) {
		names = append(names, u.Name)
	}
	if diff := cmp.Diff([]string{"d", "a", "c", "b"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestAssembleBoth(t *testing.T) {
	system := []Deb{deb("aaa", testenv.DebOptions{
		Files:     map[string]string{"usr/bin/aaa": "a", "usr/share/aaa/x": "x"},
		Hardlinks: map[string]string{"usr/bin/aab": "usr/bin/aaa"},
		Members:   map[string]string{"postinst": "adduser --system --group aaa\nfrob\n"},
	})}
	b, err := AssembleBoth(t.Context(), fakeBase(), system, options())
	if err != nil {
		t.Fatal(err)
	}
	alone := mustAssemble(t, fakeBase()...)
	if got, want := b.Base.write(t).Digest, alone.write(t).Digest; got != want {
		t.Errorf("the base is %s with system packages and %s alone", got, want)
	}
	var got []string
	for _, e := range b.System {
		if e.Kind != layer.Dir {
			got = append(got, e.Path)
		}
	}
	want := []string{"etc/group", "etc/gshadow", "etc/passwd", "etc/shadow", "usr/bin/aaa", "usr/bin/aab", "usr/share/aaa/x", "var/lib/dpkg/info/aaa.list", "var/lib/dpkg/info/aaa.md5sums", "var/lib/dpkg/info/aaa.postinst", "var/lib/dpkg/status"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	(&Tree{Entries: b.System}).write(t)
	if diff := cmp.Diff(map[string][]string{"aaa": {"postinst line 2: frob (what it does is not known)"}}, b.Unread); diff != "" {
		t.Error(diff)
	}
	if b, err = AssembleBoth(t.Context(), fakeBase(), nil, options()); err != nil || b.System != nil {
		t.Errorf("without system packages: %v, %v", b.System, err)
	}
	_, err = AssembleBoth(t.Context(), fakeBase(), []Deb{deb("thief", testenv.DebOptions{Members: map[string]string{"postinst": "rm /etc/debian_version\n"}})}, options())
	if err == nil || !strings.Contains(err.Error(), "/etc/debian_version") {
		t.Errorf("taking away: %v", err)
	}
}

func TestChangeMode(t *testing.T) {
	for _, c := range []struct {
		from   uint32
		by     string
		want   uint32
		folder bool
	}{{0o644, "0755", 0o755, false}, {0o644, "u+s,go-r", 0o4600, false}, {0o755, "g+ws", 0o2775, true}, {0o2755, "700", 0o2700, true}, {0o644, "a+X", 0o644, false}, {0o644, "+t", 0o1644, false}, {0o777, "o=", 0o770, false}} {
		if got, ok := changeMode(c.from, c.by, c.folder); !ok || got != c.want {
			t.Errorf("%o %s: %o", c.from, c.by, got)
		}
	}
	if _, ok := changeMode(0o644, "u+q", false); ok {
		t.Error("an unknown letter was taken")
	}
}
