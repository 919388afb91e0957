package sources

import "strings"

// origin is where something is found unless somebody says otherwise. Hosts are reversed domain
// names, as in org.example.packages, and become addresses only when they are asked for: no other
// file of the repository names them, so that every lock and example works unchanged behind a mirror.
type origin struct {
	scheme  string
	reverse string // host, reversed
	path    string
}

// The names of the distribution's archives.
const (
	Debian         = "debian"
	DebianSecurity = "debian-security"
)

// The well-known places. Debian's archive is signed, so that plain HTTP suffices, as in the sources
// that Debian's own installer and images write.
var (
	pythonIndex    = origin{"https", "org.pypi", "/simple/"}
	debianArchive  = origin{"http", "org.debian.deb", "/debian"}
	debianSecurity = origin{"http", "org.debian.deb", "/debian-security"}
)

func (p origin) url() string {
	parts := strings.Split(p.reverse, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return p.scheme + "://" + strings.Join(parts, ".") + p.path
}
