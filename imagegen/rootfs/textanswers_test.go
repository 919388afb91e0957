package rootfs

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/envpack/envpack/internal/maintscript"
	"github.com/envpack/envpack/internal/testenv"
)

const editedText = "DIR_MODE=0755 # $home & more\n[x]\n\nDIR_MODE=0700\nlast+one"

// edits are calls of sed with what it makes of editedText; "?" where it is not answered.
var edits = []struct{ words, want string }{
	{`-ne s/^DIR_MODE=\([0-9]*\).*$/\1/p`, "0755\n0700\n"},
	{`-e s/^DIR_MODE=.*$/DIR_MODE=0750/`, "DIR_MODE=0750\n[x]\n\nDIR_MODE=0750\nlast+one"},
	{`s/o/<&>/g`, "DIR_MODE=0755 # $h<o>me & m<o>re\n[x]\n\nDIR_MODE=0700\nlast+<o>ne"},
	{`s|0|\|\$1\\|`, "DIR_MODE=|$1\\755 # $home & more\n[x]\n\nDIR_MODE=|$1\\700\nlast+one"},
	{`-E s/(a|o)+/$1/`, "DIR_MODE=0755 # $h$1me & more\n[x]\n\nDIR_MODE=0700\nl$1st+one"},
	{`-n /^DIR/p`, "DIR_MODE=0755 # $home & more\nDIR_MODE=0700\n"},
	{`/^DIR/d`, "[x]\n\nlast+one"},
	{`-n s/last+/x/p`, "xone"},
	{`s/[[:space:]]*#.*//`, "DIR_MODE=0755\n[x]\n\nDIR_MODE=0700\nlast+one"},
	{`p`, "DIR_MODE=0755 # $home & more\nDIR_MODE=0755 # $home & more\n[x]\n[x]\n\n\nDIR_MODE=0700\nDIR_MODE=0700\nlast+one\nlast+one"},
	{`s/dir/x/I`, "x_MODE=0755 # $home & more\n[x]\n\nx_MODE=0700\nlast+one"},
	{`-e p -e d`, "?"}, {`-i s/a/b/`, "?"}, {`s/a/b/w`, "?"}, {`s/a/\U&/`, "?"}, {`1d`, "?"}, {`s/a/b/;d`, "?"}, {`s//b/`, "?"}, {`s/a/b/2`, "?"}, {`/a/,/b/d`, "?"},
}

func editCall(words string) maintscript.Call {
	call := maintscript.Call{Args: []maintscript.Arg{{Text: "sed", Known: true}}, Stdin: &maintscript.Arg{Text: editedText, Known: true}}
	for _, w := range strings.Split(words, " ") {
		call.Args = append(call.Args, maintscript.Arg{Text: w, Known: true})
	}
	return call
}

func TestEdited(t *testing.T) {
	c := &configuration{t: newTree()}
	for _, e := range edits {
		r, ok := c.edited(editCall(e.words))
		if ok != (e.want != "?") || ok && (r.Output != e.want || !r.Known || r.Status != maintscript.Yes) {
			t.Errorf("sed %s: %v\n%q, want\n%q", e.words, ok, r.Output, e.want)
		}
	}
}

// TestEditedIsSeds asks sed itself.
func TestEditedIsSeds(t *testing.T) {
	testenv.Real(t, "GNU sed")
	for _, e := range edits {
		if e.want == "?" {
			continue
		}
		cmd := exec.Command(testenv.Tool(t, "sed"), strings.Split(e.words, " ")...)
		cmd.Stdin = strings.NewReader(editedText)
		if out, err := cmd.Output(); err != nil || string(out) != e.want {
			t.Errorf("sed %s: %q, %v", e.words, out, err)
		}
	}
}

func TestSequence(t *testing.T) {
	for words, want := range map[string]string{"3": "1 2 3", "2 3": "2 3", "6 -2 1": "6 4 2", "3 1": "", "0": "", "1 0 2": "?", "1.5": "?", "1 1000000": "?", "-w 3": "?"} {
		r, ok := sequence(strings.Fields(words))
		if ok != (want != "?") || ok && strings.Join(strings.Fields(r.Output), " ") != want {
			t.Errorf("seq %s: %v %q", words, ok, r.Output)
		}
	}
}

// TestTextAnswers has scripts whose conditions are known once what they read is.
func TestTextAnswers(t *testing.T) {
	tree := configured(t, map[string]string{
		"preinst": `#!/bin/sh
set -e
for i in $(seq 6 -1 0); do
	if [ -e "/var/lib/service/hashfile.${i}" ]; then
		cp -f "/var/lib/service/hashfile.${i}" "/var/lib/service/hashfile.$(($i+1))"
	fi
done
if cmp -s /usr/share/service/example.conf /etc/service.conf; then
	rm -f /etc/service.conf
fi
`,
		"postinst": `#!/bin/sh
set -e
OLD=$(cat /etc/service.conf|sed -ne 's/^MODE=\([0-9]*\).*$/\1/p')
if [ "$OLD" != 0750 ]; then
	mv /etc/service.conf /etc/service.conf.save
fi
cat /etc/service.conf | \
sed -e "s/^MODE=.*$/MODE=0700/" > \
/etc/service.made
if cmp -s /etc/service.conf /usr/share/service/other.conf; then touch /etc/same; fi
`,
	}, map[string]string{"etc/service.conf": "# mode\nMODE=0750\n", "usr/share/service/example.conf": "x", "usr/share/service/other.conf": "# mode\nMODE=0750\n"})
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
	if got := tree.text(t, "etc/service.made"); got != "# mode\nMODE=0700\n" {
		t.Errorf("%q", got)
	}
	tree.entry(t, "etc/service.conf")
	tree.entry(t, "etc/same")
	if _, there := tree.find("etc/service.conf.save"); there {
		t.Error("it was moved")
	}
}
