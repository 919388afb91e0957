package sources

import (
	"strings"
	"time"
)

// origin is where something is found unless somebody says otherwise. Hosts are reversed domain
// names, as in org.example.packages, and become addresses only when they are asked for: no other
// file of the repository names them, so that every lock and example works unchanged behind a mirror.
type origin struct {
	scheme  string
	reverse string // host, reversed
	path    string
}

// The names of the distributions' archives.
const (
	Debian         = "debian"
	DebianSecurity = "debian-security"
	Ubuntu         = "ubuntu"
	UbuntuSecurity = "ubuntu-security"
	UbuntuPorts    = "ubuntu-ports" // all of Ubuntu for other architectures than amd64 and i386
)

// PythonBuilds is the place of python-build-standalone's releases.
const PythonBuilds = "python-build-standalone"

// pythonBuilds is where they are.
var pythonBuilds = origin{"https", "com.github", "/astral-sh/python-build-standalone/releases/download"}

// pythonIndex is the default index.
var pythonIndex = origin{"https", "org.pypi", "/simple/"}

// ubuntuFiles is where Ubuntu's packages are built, and whose library keeps what was published of them. All of Ubuntu's
// archives are one there.
var ubuntuFiles = origin{"https", "net.launchpad", "/ubuntu/+archive/primary/+files"}

// templates are the indexes of frameworks by the names that manifests call them (manifest.Templates). A variant comes after the
// address, and a slash before that.
var templates = map[string]origin{
	"pytorch": {"https", "org.pytorch.download", "/whl"},
}

// archive is what is known of a distribution's archive. Archives are signed, so that plain HTTP
// suffices, as in the sources that the distributions' own installers and images write.
type archive struct {
	name     string
	main     string // the archive that stands beside it on mirrors; "" for one that is that itself
	suffix   string // of its suites: "-security"
	keyword  string // in the paths or hosts of mirrors, and in the names of keyrings
	at       origin
	ended    origin // where releases go when their support has ended
	snapshot origin // a time as 20060102T150405Z comes after it, and a slash before that
	files    origin // has every file that the archive ever had, by its name; none: Debian's snapshot service finds them
}

var archives = []archive{
	{Debian, "", "", "debian", origin{"http", "org.debian.deb", "/debian"},
		origin{"http", "org.debian.archive", "/debian"}, origin{"http", "org.debian.snapshot", "/archive/debian"}, origin{}},
	{DebianSecurity, Debian, "-security", "debian", origin{"http", "org.debian.deb", "/debian-security"},
		origin{"http", "org.debian.archive", "/debian-security"}, origin{"http", "org.debian.snapshot", "/archive/debian-security"}, origin{}},
	{Ubuntu, "", "", "ubuntu", origin{"http", "com.ubuntu.archive", "/ubuntu"},
		origin{"http", "com.ubuntu.old-releases", "/ubuntu"}, origin{"https", "com.ubuntu.snapshot", "/ubuntu"}, ubuntuFiles},
	{UbuntuSecurity, Ubuntu, "-security", "ubuntu", origin{"http", "com.ubuntu.security", "/ubuntu"},
		origin{"http", "com.ubuntu.old-releases", "/ubuntu"}, origin{"https", "com.ubuntu.snapshot", "/ubuntu"}, ubuntuFiles},
	{UbuntuPorts, "", "", "ubuntu", origin{"http", "com.ubuntu.ports", "/ubuntu-ports"},
		origin{"http", "com.ubuntu.old-releases", "/ubuntu"}, origin{"https", "com.ubuntu.snapshot", "/ubuntu"}, ubuntuFiles},
}

// The names of snapshot services, for mirrors of them. Below Debian's are debian/ and debian-security/, as below
// /archive of its own; all of Ubuntu is one. UbuntuFiles is the name of the library of Ubuntu's packages, which has them by
// their files' names.
const (
	DebianSnapshot = "debian-snapshot"
	UbuntuSnapshot = "ubuntu-snapshot"
	UbuntuFiles    = "ubuntu-files"
)

// snapshots is the name of the service that has the archive's states.
func (a archive) snapshots() string { return a.keyword + "-snapshot" }

// snapshotAt is the archive's folder at a mirror of its snapshot service.
func (a archive) snapshotAt(mirror string) string {
	mirror = strings.TrimRight(mirror, "/")
	if a.keyword == Debian {
		return mirror + "/" + a.name
	}
	return mirror
}

// library is the name of the place that has the archive's files by their names; "" if there is none.
func (a archive) library() string {
	if a.files == (origin{}) {
		return ""
	}
	return a.keyword + "-files"
}

// service is the root of the snapshot service one of whose archives, as it names them, is at an address: there, and at what
// mirrors all of it, these are below /archive. "" for a mirror of the states alone.
func (a archive) service(snapshot string) string {
	if root, ok := strings.CutSuffix(snapshot, "/archive/"+a.name); ok && a.keyword == Debian {
		return root
	}
	return ""
}

// SnapshotAt is the base URL of the archive as it was at a time, at its snapshot service: a time's address has the
// last state before it. "" for what has no such service.
func (s Source) SnapshotAt(at time.Time) string {
	if s.Snapshot == "" {
		return ""
	}
	return s.Snapshot + "/" + at.UTC().Format("20060102T150405Z")
}

func (p origin) url() string {
	parts := strings.Split(p.reverse, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return p.scheme + "://" + strings.Join(parts, ".") + p.path
}
