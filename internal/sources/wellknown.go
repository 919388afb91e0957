package sources

import "strings"

// wellKnown are the default sources. Hosts are written as reversed domain names, so that no file of
// the project holds an address that would bypass a mirror.
var wellKnown = map[string]struct{ scheme, host, path string }{
	"index":           {"https", "org.pypi", "/simple/"},
	"debian":          {"http", "org.debian.deb", "/debian"},
	"debian-security": {"http", "org.debian.deb", "/debian-security"},
}

// archives are the names of the distribution's archives.
var archives = []string{"debian", "debian-security"}

func wellKnownURL(name string) string {
	s := wellKnown[name]
	labels := strings.Split(s.host, ".")
	for i, j := 0, len(labels)-1; i < j; i, j = i+1, j-1 {
		labels[i], labels[j] = labels[j], labels[i]
	}
	return s.scheme + "://" + strings.Join(labels, ".") + s.path
}
