package maintscript

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// commands are the findings' commands alone.
func commands(script string) []string {
	var all []string
	for _, f := range Unreproduced(script) {
		all = append(all, f.Command)
	}
	return all
}

// TestHarmful has scripts of one line each that change something, however it is written.
func TestHarmful(t *testing.T) {
	for _, script := range []string{
		`sed -i s/a/b/ /etc/x`, `sed -ri s/a/b/ /etc/x`, `sed -Ei s/a/b/ /etc/x`, `sed --in-place=.bak s/a/b/ /etc/x`, `sed -n 'w /etc/x' y`,
		`sed s/a/b/w/etc/x y`, `sed 's/a/b/ge' y`, `sed -e p -e 'e rm x' y`, `sed -f /usr/share/x.sed y`, `sed '1{p;w /etc/x
}' y`, `sed --expression='W /etc/x' y`, `sed "$(cat /x)" y`,
		`sort -o /etc/x y`, `sort -uo /etc/x y`, `sort --output=/etc/x y`, `uniq /etc/a /etc/b`,
		`awk '{print > "/etc/x"}' y`, `awk '{print $1 >> f}' f=/etc/x y`, `awk 'BEGIN{system("frob")}'`, `awk '{print | "sh"}' y`, `awk '"frob" | getline' y`, `awk -f /x y`, `awk -i inplace 1 y`,
		`find /etc -fprint F`, `find /etc -ok rm {} \;`, `find /etc -delete`, `find /etc -name x -exec rm {} +`, `find /etc -execdir rm {} +`, `find /etc -fls F`,
		`ls | xargs rm -f`, `xargs -a l rm`, `ls | xargs -0r -n 1 rm`, `ls | xargs` + ` -I{} frob {}`, `xargs --unknown grep`,
		`env A=b frobnicate /etc/x`, `env -i -u X A=b frobnicate`, `env -S 'frob x'`, `env mkdir /etc/x`, `nice -n 5 frob`, `command frob`, `exec frob`, `nohup frob`,
		`getent passwd > /etc/x`, `readlink a > /etc/x`, `dpkg -l > /etc/x`, `grep a b >> /etc/x`, `ldconfig -p > /etc/x`, `mktemp > /dev/../etc/x`, `dpkg-deb -x a.deb /etc`,
		`trap 'frob' EXIT`, `trap "rm -rf /etc/important" 0`, `trap 'frob | grep x' INT EXIT`, `f() { frob; }; trap f EXIT`, `trap "$(frob)" EXIT`, `trap 'trap frob EXIT' EXIT`,
		`exec 3>/etc/x; echo a >&3`, `exec >/etc/x`, `frob 2>/etc/x`, `ls 2>>/etc/x`, `{ ls; } 7<>/etc/x`, `echo a &> /etc/x`, `echo a &>> /etc/x`,
		`/opt/x/setup rtupdate`, `frob py_compile.py`, `frob --install --version`, `. /usr/lib/x.sh`, `eval frob`,
	} {
		if got := commands(script); len(got) == 0 {
			t.Errorf("%s: nothing found", script)
		}
	}
}

// TestHarmless has commands of Debian's scripts that change nothing.
func TestHarmless(t *testing.T) {
	for _, script := range []string{
		`sed -n 's/^ID=//p' /etc/os-release | sort -u | uniq -c`, `sed -e 's:^/w /x:w:' -e '/^#/d;s/[/;]e/w/g' x`, `sed -ne '/a/,/b/{s/x/y/;p;q}' x`, `sed 's|a|b|;$!N;y/ab/cd/' x`,
		`sed -e "s/$x/w/" y`, `sort -t: -k 3,3n -u x`, `sort -k2 --reverse x`, `awk -F: '$3 > 999 && !/a|b/ {print $1}' /etc/passwd`, `awk '{ if ($1 >= 2) print "a > b" }' x`,
		`awk '{print > "/dev/stderr"}' x`, `find /etc -maxdepth 1 -type f ! -name '*.x' -mtime -3 -print0 | xargs -0 -r grep -l x`, `env LC_ALL=C ls /etc`, `env`, `nice -n 19 grep x /y`,
		`getent passwd root >/dev/null 2>&1`, `dpkg -l x 2>/dev/null | grep -q ii`, `x=$(mktemp -d)`, `tmp=$(mktemp); trap 'rm -f "$tmp"' EXIT`, `trap 'rm -rf /tmp/x' 0`, `trap frob INT`, `trap '' EXIT`, `trap - EXIT`,
		`exec </dev/null >&2 2>/dev/null`, `exec 3>&1`, `ls &>/dev/null`, `py3compile -p x -V 3.0-`, `python3 /usr/lib/python3/py_compile.py x`,
		`for h in /usr/share/python3/runtime.d/*.rtupdate; do $h rtupdate 3.10 3.11; done`, `frob --version >/dev/null`,
	} {
		if got := commands(script); len(got) > 0 {
			t.Errorf("%s: %q", script, got)
		}
	}
}

const begin, end = "# Automatically added by dh_installsystemd/13.11.4\n", "# End automatically added section\n"

func TestGeneratedParts(t *testing.T) {
	enable := `if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] ; then
	deb-systemd-helper unmask 'x.service' >/dev/null || true
	if deb-systemd-helper --quiet was-enabled 'x.service'; then
		deb-systemd-helper enable 'x.service' >/dev/null || true
	else
		deb-systemd-helper update-state 'x.service' >/dev/null || true
	fi
	if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
fi
`
	apparmor := "# Automatically added by dh_apparmor/3.0\nAPP=/etc/apparmor.d/usr.bin.x\nif [ -f \"$APP\" ]; then\n mkdir -p `dirname \"$APP\"`\n install --mode 644 /dev/null \"/etc/apparmor.d/local/x\"\n if aa-enabled --quiet 2>/dev/null; then apparmor_parser -r -T -W \"$APP\" || true; fi\nfi\n" + end
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"enabling", begin + enable + end, nil},
		{"Python", "# Automatically added by dh_python3\nif command -v py3compile >/dev/null 2>&1; then\n\tpy3compile -p x:amd64\nfi\nif command -v pypy3compile >/dev/null 2>&1; then\n\tpypy3compile -p x || true\nfi\n" + end, nil},
		{"an old configuration", "# Automatically added by dh_installdeb/13.3\ndpkg-maintscript-helper rm_conffile /etc/x 1.2-3\\~ -- \"$@\"\n" + end, nil},
		{"AppArmor", apparmor, nil},
		{"something else in it", begin + "rm -rf /etc/important\nmkdir /etc/x\nfrob\n" + enable + end + "knob\n", []string{"rm -rf /etc/important", "mkdir /etc/x", "frob", "knob"}},
		{"elsewhere", strings.Replace(apparmor, "/dev/null \"/etc/apparmor.d/local/x", "/dev/null \"/etc/apparmor.d/../x", 1), []string{"install --mode 644 /dev/null /etc/apparmor.d/../x"}},
		{"without its end", begin + "systemctl daemon-reload\nsystemd-tmpfiles --create x.conf\nfrob\n", []string{"frob"}},
		{"on one line", "frob /a; knob /b\nif frob; then bar; fi\n", []string{"frob /a", "knob /b", "frob", "bar"}},
	} {
		if diff := cmp.Diff(c.want, commands(c.script)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestBounds has scripts that grow: each ends soon, and says that it was not followed to its end or knows less.
func TestBounds(t *testing.T) {
	var ifs strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&ifs, "v%d=x\n", i)
	}
	ifs.WriteString(strings.Repeat("if unknown; then a=b; fi\n", 3000))
	for name, script := range map[string]string{
		"doubling":          "x=aaaaaaaaaaaaaaaa\n" + strings.Repeat("x=$x$x\n", 27) + "frob $x\n",
		"words":             "set -- a b c d\n" + strings.Repeat("set -- \"$@\" \"$@\"\n", 40) + "frob\n",
		"joined":            "x=a\n" + strings.Repeat("x=$x$x\n", 15) + strings.Repeat("echo $x $x $x $x\n", 20000) + "frob\n",
		"branches":          ifs.String(),
		"cut":               "x=aaaaaaaa\n" + strings.Repeat("x=$x$x\n", 9) + strings.Repeat("y=${x%%*b}\n", 20000) + "frob\n",
		"functions":         "f() { f; f; }; f\n",
		"loops":             strings.Repeat("while a; do ", 50) + "b" + strings.Repeat("; done", 50),
		"too long":          "#!/bin/sh\n" + strings.Repeat("a\n", maxScript),
		"many alternatives": "case $(frob) in\n" + strings.Repeat("a) x=y;;\n", 60000) + "esac\n",
	} {
		start := time.Now()
		found := Unreproduced(script)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if len(found) == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"#!/bin/sh\nset -e\n", begin + "frob\n" + end, "cat <<E\n$x `a` $(b)\nE\n", "case a in (b) c;; esac", "a &> b", "${x%%*[!a]}", "x() (y)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		s, finding := Read(script)
		if (s == nil) == (finding == nil) {
			t.Errorf("%v, %v", s, finding)
		}
		if finding != nil && (finding.Line < 1 || finding.Command == "" || finding.Reason == "") {
			t.Errorf("%+v", finding)
		}
	})
}

func FuzzWalk(f *testing.F) {
	for _, s := range []string{"trap 'a; trap b EXIT' EXIT", "set -- \"$@\" \"$@\"; a $*", "xargs -I; env -u; sed -e; sort -k; awk -v", "sed 's/[/;y/a", "awk '/a|\"", "exec 3>x; a >&3 | b",
		"while read a b; do $a; done <<E\nc d\nE\n", "find -exec", "x=${y:=${z##*/}}; cd $x; . /lib.sh"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		s, finding := Read(script)
		if finding != nil {
			return
		}
		r := &recorder{files: map[string]string{"/etc": "", "/lib.sh": "a b"}}
		s.Walk(r, []string{"configure", ""}, nil)
		if len(r.calls) > 20*maxSteps {
			t.Errorf("%d calls", len(r.calls))
		}
	})
}
