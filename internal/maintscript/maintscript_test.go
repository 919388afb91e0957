package maintscript

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder is a System with some files, which writes down what it is told of.
type recorder struct {
	files map[string]string // "" is a folder
	calls []string
}

func (r *recorder) Stat(p string, link bool) About {
	text, ok := r.files[p]
	switch {
	case !ok:
		return About{Kind: Missing}
	case text == "":
		return About{Kind: Dir}
	}
	return About{Kind: File, Executable: true}
}
func (r *recorder) Glob(pattern string) ([]string, bool) { return nil, pattern[0] == '/' }
func (r *recorder) Read(p string) (string, bool)         { text, ok := r.files[p]; return text, ok }
func (r *recorder) Default(q string) (string, bool)      { return "default of " + q, true }
func (r *recorder) Answer(q string, a Arg)               { r.calls = append(r.calls, "answer "+q+"="+a.Text) }
func (r *recorder) Run(c Call) Result {
	line := strings.Join(append([]string{c.Args[0].Text}, c.Words()...), " ")
	if c.Output != nil {
		line += " > " + c.Output.File.Text
	}
	if !c.Certain {
		line += " ?"
	}
	if !c.Known() {
		line += " *"
	}
	r.calls = append(r.calls, line)
	if c.Name() == "known" {
		return Result{Status: Yes, Output: "a b\n", Known: true}
	}
	return Result{}
}

func TestWalk(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"the way that is configured", "case \"$1\" in\nconfigure|x) a;;\n*) b;;\nesac", "a"},
		{"first installation", `if [ -z "$2" ]; then a; else b; fi; if dpkg --compare-versions "$2" lt-nl 3; then c; fi`, "a"},
		{"older than all", `dpkg --compare-versions "$2" lt 3 && a`, "a"},
		{"versions that are known", `dpkg --compare-versions 13.8+deb13u1 le 13 && a; dpkg --compare-versions 1:1 gt-nl 2 && b; dpkg --compare-versions 1 ne 2 && c; dpkg --compare-versions 1 '<' 1 && d`, "b\nc\nd"},
		{"both ways", "if unknown; then a; else b; fi; c", "unknown\na ?\nb ?\nc"},
		{"an end that may be", "if unknown; then exit 0; fi; a", "unknown\na ?"},
		{"functions", "f() { do-it \"$1\" $2; }\nf 'x y' z", "do-it x y z"},
		{"a return that may be ends its function only", "f() { if unknown; then return; fi; a; }; f; b", "unknown\na ?\nb"},
		{"loops", "for x in 1 2; do a $x; done", "a 1\na 2"},
		{"substitution and splitting", "x=$(known); a $x \"$x\" `known`", "known\nknown\na a b a b a b"},
		{"not known", "x=$(unknown); a \"pre-$x\"", "unknown\na pre-* *"},
		{"parameters", `f=/usr/lib/x.so.1; a ${f##*/} ${f%.*} ${unset:-d} ${unset:+e} "${#f}"`, "a x.so.1 /usr/lib/x.so d 15"},
		{"tests of files", `[ -d /etc ] && a; [ -x /bin/tool ] && b; [ -e /gone ] || c; test ! -f /etc -a -n x && d`, "a\nb\nc\nd"},
		{"command -v", `if command -v tool >/dev/null; then a; fi; which gone || b`, "a\nb"},
		{"here-documents", "cat > /etc/f <<E\ntext\nE\nwhile read a b; do do-it $b; done <<'E'\n1 2 3\n4 5\nE", "cat > /etc/f\ndo-it 2 3\ndo-it 5"},
		{"debconf", ". /usr/share/debconf/confmodule\ndb_get p/q; a \"$RET\"; db_set p/r v", "a default of p/q\nanswer p/r=v"},
		{"a file that is read in", ". /lib.sh; helper", "from-lib"},
		{"pipes", "known | grep -q b && a", "known\ngrep -q b\na ?"},
		{"comments and continued lines", "a \\\n b # c\n# d\ne", "a b\ne"},
		{"subshells keep to themselves", "x=1; (x=2; a $x); b $x", "a 2\nb 1"},
		{"set", "set -e; set -- p q; shift; a $1 $#", "a q 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, finding := Read(c.script)
			if finding != nil {
				t.Fatal(finding)
			}
			r := &recorder{files: map[string]string{"/etc": "", "/bin/tool": "x", "/lib.sh": "helper() { from-lib; }\n"}}
			s.Walk(r, []string{"configure", ""}, nil)
			if diff := cmp.Diff(strings.Split(c.want, "\n"), r.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnreproduced(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"nothing", "#!/bin/sh\nset -e\nexit 0\n", nil},
		{"harmless", "#!/bin/sh\nldconfig\nif [ -x /usr/bin/py3compile ]; then py3compile -p x; fi\necho done\n", nil},
		{"known to be done", "adduser --system --group x\nmkdir -p /var/lib/x\nchown x:x /var/lib/x\nupdate-alternatives --install /usr/bin/a a /usr/bin/b 10\n", nil},
		{"only when removed", "case $1 in remove) frobnicate;; esac\n", nil},
		{"unknown command", "#!/bin/sh\nfrobnicate --all\n", []string{"line 2: frobnicate --all (what it does is not known)"}},
		{"unknown words", "mkdir \"$(frob)\"\n", []string{"line 1: frob (what it does is not known)", "line 1: mkdir * (its words are not known without running it)"}},
		{"known effects", "if [ -e /x ]; then\n glib-compile-schemas /usr/share\nfi\n", []string{"line 2: glib-compile-schemas /usr/share (compiling GSettings schemas would need to run the program)"}},
		{"debhelper's part", "# Automatically added by dh_installsystemd/13\ndeb-systemd-helper enable x\nfrob\n# End automatically added section\nfrob2\n",
			[]string{"line 3: frob (what it does is not known)", "line 5: frob2 (what it does is not known)"}},
		{"two on a line", "frob /a; knob /b\n", []string{"line 1: frob /a (what it does is not known)", "line 1: knob /b (what it does is not known)"}},
		{"options of filters", "sed -ri s/a/b/ /x\nsed --in-place=.b s/a/b/ /x\nsed -n 'w /x' y\nsort -o /x y\nfind /x -fprint y\nawk '{print > \"/x\"}' y\n", []string{
			"line 1: sed -ri s/a/b/ /x (what it does is not known)", "line 2: sed --in-place=.b s/a/b/ /x (what it does is not known)",
			"line 3: sed -n 'w /x' y (what it does is not known)", "line 4: sort -o /x y (what it does is not known)",
			"line 5: find /x -fprint y (what it does is not known)", `line 6: awk '{print > "/x"}' y (what it does is not known)`}},
		{"what is started", "find /x | xargs rm -f\nenv A=b frob /x\nenv A=b grep x /y\nls | xargs -r grep x\n", []string{
			"line 1: xargs rm -f (what it does is not known)", "line 2: env A=b frob /x (what it does is not known)"}},
		{"output of readers", "getent passwd > /x\ndpkg -l > /x\ndpkg -l > /dev/null\n", []string{
			"line 1: getent passwd > /x (what it does is not known)", "line 2: dpkg -l > /x (what it does is not known)"}},
		{"rtupdate", "/opt/x/setup rtupdate\n", []string{"line 1: /opt/x/setup rtupdate (what it does is not known)"}},
		{"sed in place", "sed -i s/a/b/ /etc/x\nsed s/a/b/ /etc/x\n", []string{"line 1: sed -i s/a/b/ /etc/x (what it does is not known)"}},
		{"other languages", "#!/usr/bin/perl\nprint 1;\n", []string{"line 1: #!/usr/bin/perl (it is not a shell's script)"}},
		{"programs", "\x7fELF\x02", []string{"line 1: a program (it is no script)"}},
		{"syntax", "#!/bin/sh\nif true; then\n", []string{`line 3: the script (its syntax is not understood: "fi" is missing)`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range Unreproduced(c.script) {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzUnreproduced(f *testing.F) {
	f.Add("#!/bin/sh\ncase \"$1\" in a|b) x=${1#y} ;; esac\nfor i in *; do f \"$i\"; done <<E\n$(x)\nE\n")
	f.Add("f() { f; f; }; f")
	f.Add("while a; do b & done | c && ! d || { e; } >f 2>&1")
	f.Fuzz(func(t *testing.T, script string) {
		for _, found := range Unreproduced(script) {
			if found.Line < 1 || found.Command == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}
