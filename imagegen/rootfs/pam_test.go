package rootfs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/testenv"
)

// pamTemplate is a file of /usr/share/pam for tests.
const pamTemplate = `# the rules
# here are the per-package modules (the "Primary" block)
$primary
# here's the fallback if no module succeeds
TYPE	requisite			pam_deny.so
# and here are more per-package modules (the "Additional" block)
$additional
# end of pam-auth-update config
# more
`

// pamRuntime is a libpam-runtime, and pamPackage one with a profile of its own.
func pamRuntime() Deb {
	files := map[string]string{"usr/sbin/pam-auth-update": "#!/usr/bin/perl -w\n", "etc/pam.d/": "", "usr/share/pam-configs/unix": `Name: Unix authentication
Default: yes
Priority: 256
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_unix.so nullok try_first_pass
Auth-Initial:
	[success=end default=ignore]	pam_unix.so   nullok
Session-Type: Additional
Session:
	required	pam_unix.so
`, "usr/share/pam-configs/off": "Name: Off\nDefault: no\nPriority: 900\nAuth-Type: Primary\nAuth:\n\trequired pam_off.so\n"}
	for _, name := range pamTypes {
		files["usr/share/pam/common-"+name] = strings.ReplaceAll(pamTemplate, "TYPE", strings.TrimSuffix(name, "-noninteractive"))
	}
	return deb("libpam-runtime", testenv.DebOptions{Files: files, Members: map[string]string{
		"postinst": "#!/bin/sh -e\n. /usr/share/debconf/confmodule\npam-auth-update --root \"$DPKG_ROOT\" --package --force\nrm -f \"$DPKG_ROOT\"/etc/pam.d/common-auth.pam-old\n",
	}})
}

func pamPackage(name, profile string) Deb {
	return deb(name, testenv.DebOptions{
		Fields: map[string]string{"Depends": "libpam-runtime"}, Files: map[string]string{"usr/share/pam-configs/" + name: profile},
		Members: map[string]string{"postinst": "#!/bin/sh\nset -e\npam-auth-update --package\n"},
	})
}

const pamFirst = `Name: First
Default: yes
Priority: 704
Conflicts: third, fourth
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_first.so minimum_uid=1000
	optional	pam_more.so
Session-Interactive-Only: yes
Session-Type: Additional
Session:
	optional	pam_first.so   minimum_uid=1000
`

func TestPAMAuthUpdate(t *testing.T) {
	tree := mustAssemble(t, append(fakeBase(), pamRuntime(), pamPackage("first", pamFirst),
		pamPackage("third", "Name: Third\nDefault: yes\nPriority: 300\nAuth-Type: Primary\nAuth:\n\trequired pam_third.so\n"))...)
	if len(tree.Unread) > 0 {
		t.Errorf("unread: %v", tree.Unread)
	}
	filled := func(kind, primary, additional string) string {
		return strings.NewReplacer("TYPE", kind, "$primary\n", primary, "$additional\n", additional).Replace(pamTemplate)
	}
	const nobody = "\t[default=1]\t\t\tpam_permit.so\n"
	for p, want := range map[string]string{
		"etc/pam.d/common-auth": filled("auth", "auth\t[success=3 default=ignore]\tpam_first.so minimum_uid=1000\nauth\toptional\tpam_more.so \n"+
			"auth\t[success=1 default=ignore]\tpam_unix.so nullok try_first_pass\n", ""),
		"etc/pam.d/common-account":                filled("account", "account"+nobody, ""),
		"etc/pam.d/common-session":                filled("session", "session"+nobody, "session\toptional\tpam_first.so minimum_uid=1000\nsession\trequired\tpam_unix.so \n"),
		"etc/pam.d/common-session-noninteractive": filled("session", "session"+nobody, "session\trequired\tpam_unix.so \n"),
		"var/lib/pam/auth": "Module: first\n[success=end default=ignore]\tpam_first.so minimum_uid=1000\noptional\tpam_more.so\n" +
			"Module: unix\n[success=end default=ignore]\tpam_unix.so nullok try_first_pass\n",
		"var/lib/pam/account": "Module: null\n[default=1]\t\t\tpam_permit.so\n",
		"var/lib/pam/seen":    "off\nfirst\nthird\nunix\n",
	} {
		if diff := cmp.Diff(want, tree.text(t, p)); diff != "" {
			t.Errorf("/%s: %s", p, diff)
		}
	}
}

// TestPAMAuthUpdateAbove has a profile come with a layer above the base.
func TestPAMAuthUpdateAbove(t *testing.T) {
	b, err := AssembleBoth(t.Context(), append(fakeBase(), pamRuntime()), []Deb{pamPackage("first", pamFirst)}, options())
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Base.text(t, "etc/pam.d/common-auth"); !strings.Contains(got, "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n") {
		t.Errorf("the base: %s", got)
	}
	if got := (&Tree{Entries: b.System}).text(t, "etc/pam.d/common-auth"); !strings.Contains(got, "[success=3 default=ignore]\tpam_first.so") {
		t.Errorf("above: %s", got)
	}
}

// TestPAMAuthUpdateOnto has an image whose rules are as pam-auth-update left them, and one where they are not.
func TestPAMAuthUpdateOnto(t *testing.T) {
	made := mustAssemble(t, append(fakeBase(), pamRuntime())...)
	files := map[string]string{"usr/share/": "", "usr/share/pam/": "", "usr/share/pam-configs/": "", "etc/pam.d/": "", "var/lib/pam/": "", "usr/sbin/": "", "usr/sbin/pam-auth-update": "?"}
	for _, e := range made.Entries {
		for _, folder := range []string{pamProfiles, pamTemplates, pamRules, pamSaved} {
			if strings.HasPrefix(e.Path, folder+"/") {
				files[e.Path] = made.text(t, e.Path)
			}
		}
	}
	tree, unread := onto(t, image(files), pamPackage("first", pamFirst))
	if got := tree.text(t, "etc/pam.d/common-auth"); !strings.Contains(got, "[success=3 default=ignore]\tpam_first.so") || len(unread) > 0 {
		t.Errorf("%v: %s", unread, got)
	}
	files["etc/pam.d/common-auth"] += "auth required pam_ours.so\n"
	tree, unread = onto(t, image(files), pamPackage("first", pamFirst))
	if _, there := tree.find("etc/pam.d/common-auth"); there {
		t.Error("rules that were changed are written over")
	}
	want := map[string][]string{"first": {"postinst line 3: pam-auth-update --package (the rules for logging in are not as it left them, and stay)"}}
	if diff := cmp.Diff(want, unread); diff != "" {
		t.Error(diff)
	}
}

func TestPAMAuthUpdateNotUnderstood(t *testing.T) {
	for profile, want := range map[string]string{
		"Name: X\nDefault: yes\nPriority: 1\nAuth-Type: Primary\nAuth:\n\trequired\n": `a rule of a profile is not understood: "required"`,
	} {
		tree := mustAssemble(t, append(fakeBase(), pamRuntime(), pamPackage("x", profile))...)
		if got := strings.Join(tree.Unread["libpam-runtime"], ""); !strings.Contains(got, want) {
			t.Errorf("%q: %s", profile, got)
		}
	}
	tree := configured(t, map[string]string{"postinst": "pam-auth-update --remove x\npam-auth-update --frob\npam-auth-update --package\n"}, nil)
	if got := tree.Unread["service"]; len(got) != 3 {
		t.Errorf("%q", got)
	}
}
