package rootfs

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

// capabilityCases are texts with what setcap of libcap 2.66 made of them; "" is refused.
var capabilityCases = []struct{ text, want string }{
	{"cap_net_raw+ep", "0100000200200000000000000000000000000000"},
	{"cap_net_raw=ep", "0100000200200000000000000000000000000000"},
	{"CAP_NET_RAW+EP", ""},
	{"cap_net_raw,cap_net_admin=eip", "0100000200300000003000000000000000000000"},
	{"cap_setuid=p", "0000000280000000000000000000000000000000"},
	{"cap_setuid+i", "0000000200000000800000000000000000000000"},
	{"cap_net_bind_service=+ep", "0100000200040000000000000000000000000000"},
	{"cap_dac_read_search,cap_sys_rawio+ep cap_chown+ep", "0100000205000200000000000000000000000000"},
	{"cap_net_raw+ep cap_net_raw-e", "0000000200200000000000000000000000000000"},
	{"cap_net_raw+p cap_chown+ep", ""}, // effective for a part
	{"cap_perfmon,cap_bpf=ep", "010000020000000000000000c000000000000000"},
	{"cap_nothing+ep", ""},
	{"net_raw+ep", ""},
	{"cap_net_raw", ""},
	{"cap_net_raw+x", ""},
	{"", ""},
}

func TestCapabilities(t *testing.T) {
	for _, c := range capabilityCases {
		got := ""
		if s, ok := parseCapabilities(c.text); ok {
			got = hex.EncodeToString([]byte(s.vfsCapData()))
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

// ping is the postinst of a package that needs to open raw sockets.
const ping = `#!/bin/sh
set -e
PROGRAM=$(dpkg-divert --truename /bin/ping)
if command -v setcap > /dev/null; then
	if setcap cap_net_raw+ep $PROGRAM; then
		chmod u-s $PROGRAM
	else
		chmod u+s $PROGRAM
	fi
else
	chmod u+s $PROGRAM
fi
`

func TestSetcap(t *testing.T) {
	pinging := deb("ping", testenv.DebOptions{Files: map[string]string{"bin/ping": "p"}, Modes: map[string]uint32{"bin/ping": 0o755}, Members: map[string]string{"postinst": ping}})
	tools := deb("libcap2-bin", testenv.DebOptions{Files: map[string]string{"sbin/setcap": "s"}})
	tree := mustAssemble(t, append(fakeBase(), pinging, tools)...)
	if e := tree.entry(t, "usr/bin/ping"); hex.EncodeToString([]byte(e.Capability)) != capabilityCases[0].want || e.Mode != 0o755 {
		t.Errorf("%x, %o", e.Capability, e.Mode)
	}
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
	tree.write(t)
	// Without setcap, the script falls back by itself.
	tree = mustAssemble(t, append(fakeBase(), pinging)...)
	if e := tree.entry(t, "usr/bin/ping"); e.Capability != "" || e.Mode != 0o4755 || len(tree.Unread) > 0 {
		t.Errorf("%x, %o, %v", e.Capability, e.Mode, tree.Unread)
	}
	// A layer above the base has the file anew.
	b, err := AssembleBoth(t.Context(), append(fakeBase(), deb("plain", testenv.DebOptions{Files: map[string]string{"usr/bin/p": "p"}})),
		[]Deb{tools, deb("sets", testenv.DebOptions{Members: map[string]string{"postinst": "setcap cap_chown=p /usr/bin/p\n"}})}, options())
	if err != nil {
		t.Fatal(err)
	}
	if e := (&Tree{Entries: b.System}).entry(t, "usr/bin/p"); e.Capability == "" {
		t.Error("the capabilities are not in the layer")
	}
}

func TestSetcapUndone(t *testing.T) {
	tools := deb("libcap2-bin", testenv.DebOptions{Files: map[string]string{"sbin/setcap": "s"}})
	tree := mustAssemble(t, append(fakeBase(), tools, deb("tool", testenv.DebOptions{
		Files: map[string]string{"usr/bin/a": "a", "usr/bin/b": "b", "usr/bin/c": "c", "usr/bin/d": "d", "usr/bin/e": "e"},
		Links: map[string]string{"usr/bin/link": "a"},
		Members: map[string]string{"postinst": `setcap cap_chown=p /usr/bin/a cap_chown=p /usr/bin/b cap_chown=p /usr/bin/c cap_chown=p /usr/bin/d
chown root:root /usr/bin/a
echo x > /usr/bin/b
setcap -r /usr/bin/c
cp -a /usr/bin/d /usr/bin/d1
cp /usr/bin/d /usr/bin/d2
mv /usr/bin/d /usr/bin/d3
setcap cap_chown=p /usr/bin/link
setcap cap_chown=p /usr/bin/gone
setcap cap_chown+ep cap_kill /usr/bin/e
`}}))...)
	var with []string
	for _, e := range tree.Entries {
		if e.Capability != "" {
			with = append(with, strings.TrimPrefix(e.Path, "usr/bin/"))
		}
	}
	if diff := cmp.Diff([]string{"d1", "d3"}, with); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"postinst line 8: setcap cap_chown=p /usr/bin/link (there is no file /usr/bin/link)",
		"postinst line 9: setcap cap_chown=p /usr/bin/gone (there is no file /usr/bin/gone)",
		"postinst line 10: setcap cap_chown+ep cap_kill /usr/bin/e (an option that is not known)",
	}
	if diff := cmp.Diff(want, tree.Unread["tool"]); diff != "" {
		t.Error(diff)
	}
}
