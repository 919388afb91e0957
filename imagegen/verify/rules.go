package verify

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/imagegen/compare"
)

// The rules of a base by which files come about that no package ships so, as docs/format.md has them in section 9.
const (
	merged       = "the merged /usr"
	folders      = "folders"
	accounts     = "accounts"
	defaults     = "defaults"
	alternatives = "alternatives"
	certificates = "certificates"
	python       = "names of Python"
	linker       = "the linker's cache"
	database     = "dpkg's database"
	scripts      = "packages' scripts"
)

// ruled are the paths of the rules; one that ends in a slash is all below it. The first that fits counts.
var ruled = []struct {
	rule  string
	paths []string
}{
	{merged, []string{"bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"}},
	{linker, []string{"etc/ld.so.cache"}},
	{alternatives, []string{"etc/alternatives/", "etc/alternatives", "var/lib/dpkg/alternatives/"}},
	{database, []string{"var/lib/dpkg/", "var/lib/dpkg"}},
	{certificates, []string{"etc/ssl/certs/", "etc/ca-certificates.conf", "usr/lib/ssl/cert.pem"}},
	{accounts, []string{
		"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid", "home/app", "home/app/",
	}},
	{python, []string{"usr/bin/python", "usr/bin/python3"}},
	{defaults, []string{
		"root/.profile", "root/.bashrc", "etc/profile", "etc/motd", "usr/share/info/dir", "etc/nsswitch.conf", "etc/inputrc",
		"etc/dpkg/origins/default", "etc/localtime", "etc/timezone", "etc/environment", "etc/hosts", "etc/networks",
		"etc/profile.d/envpack.sh", "etc/shells", "var/lib/shells.state",
	}},
	{folders, []string{
		"mnt", "srv", "opt", "etc/opt", "var/opt", "media", "home", "proc", "sys", "dev", "run", "run/lock", "boot", "usr/local",
		"usr/local/", "var/mail", "var/spool/mail", "tmp", "var/tmp", "root", "var/log/wtmp", "var/log/btmp", "var/log/lastlog",
		"var/run", "var/lock",
	}},
}

// ruleOf names the rule by which a file is as it is; what no other rule is about, packages' scripts do.
func ruleOf(p string, f compare.File) string {
	if f.Type == symbolicLink && strings.HasPrefix(f.Target, "/etc/alternatives/") {
		return alternatives
	}
	for _, r := range ruled {
		if slices.ContainsFunc(r.paths, func(q string) bool { return p == q || strings.HasSuffix(q, "/") && strings.HasPrefix(p, q) }) {
			return r.rule
		}
	}
	if f.Type == folder { // above what rules make
		return folders
	}
	return scripts
}
