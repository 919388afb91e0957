package sources

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
)

// Options are what flags and the manifest say.
type Options struct {
	Index   string            // flag: root of the default index's simple API
	Apt     map[string]string // flag: archive's name → address; Debian alone moves DebianSecurity too, and so does Ubuntu
	Indexes []manifest.Index  // the manifest's own
	Mirrors []string          // flag: mirrors of data files, each FROM=TO: the beginnings of addresses

	// Codename is that of the distribution whose archives are looked for in apt's sources, as in
	// "bookworm". "" looks for none.
	Codename string
}

// Sources is where packages come from.
type Sources struct {
	Index     Source            // the default index: the root of its simple API (PEP 503), "/" at the end
	Archives  map[string]Source // of the distributions, by name, no "/" at the end: dists/ and pool/ are below
	Templates map[string]Source // of the indexes that manifests call by name: variants are below, no "/" at the end
	Keyrings  []string          // files of keys that the user trusts beside the distribution's own
	Warnings  []Warning         // what the machine's configuration would have added, or has without effect

	credentials credentials
	mirrors     []mirror
	images      map[string]string // mirrors of images to stand on
}

// Source is an address and where it came from.
type Source struct {
	URL  string        // never with credentials; "" if Path is set
	Path string        // of a default index that is a folder or file, as the manifest has it
	From string        // for people: "--index-url", "PIP_INDEX_URL", "/etc/pip.conf:2", "the default"
	Pos  diag.Position // zero unless a file gave the address

	// WellKnown is true if nobody gave an address, or somebody the one that is well known.
	WellKnown bool
	// Further are addresses where files and suites of the archive may be that are not there any more: the archive
	// of ended releases. None where somebody gave an address: requests then go to no other place.
	Further []string
	// Snapshot is where the states that the archive had are, below their times, without "/" at the end; "" for what
	// has none. SnapshotFrom is who named it, "" if nobody did. See [Source.SnapshotAt].
	Snapshot, SnapshotFrom string
	// Service and Files are where a file is that the archive once had, whenever that was: Service is the root of Debian's
	// snapshot service, which is asked by name and version; below Files it has its own name. Both are without "/" at the end,
	// and "" where there is no such place, or where somebody gave the archive another address and the place none.
	Service, Files string
}

// Warning is about configuration that does not count.
type Warning struct {
	What string // one line
	Hint string // the manifest lines to write instead, or ""
}

// String is the warning for people, of several lines where there is a hint.
func (w Warning) String() string {
	if w.Hint == "" {
		return w.What
	}
	return w.What + "\n" + w.Hint
}

// Credentials gives user and password for a host, which has its port where the URL has one. They
// come from the addresses that were given, uv's variables for an index of the manifest, and netrc.
func (s *Sources) Credentials(host string) (user, password string, ok bool) {
	return s.credentials.lookup(host)
}

// Redact is an address without what may be secret, to be shown.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is no URL"
	}
	return bare(u)
}

// Find finds the sources. Errors are diag errors: an address that is none, or a file of
// configuration that cannot be read, with file and line.
func Find(h Host, o Options) (*Sources, error) {
	f := &finder{o: o, host: h, out: &Sources{Archives: map[string]Source{}, credentials: credentials{}}}
	for _, step := range []func() error{f.readConfigurations, f.findIndex, f.findTemplates, f.findArchives, f.findMirrors, f.findCredentials} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	f.findAdditions()
	f.out.images = f.own.images
	return f.out, nil
}

// finder is one Find.
type finder struct {
	o    Options
	host Host
	out  *Sources

	pip pipConfig
	uv  uvConfig
	own ownConfig
}

// setting is a value that somebody gave. An empty value is none.
type setting struct {
	value  string
	origin string
	pos    diag.Position
}

func (f *finder) env(name string) setting { return f.host.setting(name) }

func (f *finder) readConfigurations() error {
	var err error
	if f.own, err = readOwn(f.host); err != nil {
		return err
	}
	if f.pip, err = readPip(f.host); err != nil {
		return err
	}
	f.uv, err = readUV(f.host)
	return err
}

// findIndex chooses the address of the default index. envpack's own configuration comes before
// that of other tools, because it is the more particular one.
func (f *finder) findIndex() error {
	var manifests setting
	flat := false
	for _, i := range f.o.Indexes {
		if i.Default {
			manifests = setting{i.URL, "index " + i.Name + " of the manifest", i.Place}
			flat = i.Flat
			if i.Path != "" && f.o.Index == "" {
				f.out.Index = Source{From: manifests.origin, Pos: i.Place, Path: i.Path}
				return nil
			}
		}
	}
	uvDefault := f.env("UV_DEFAULT_INDEX")
	_, uvDefault.value = splitName(uvDefault.value)
	for _, s := range []setting{
		{value: f.o.Index, origin: "--index-url"}, manifests,
		f.env("PIP_INDEX_URL"), uvDefault, f.env("UV_INDEX_URL"),
		f.own.index, f.pip.get("index-url"), f.uv.index,
	} {
		if s.value == "" {
			continue
		}
		u, err := f.address(s)
		if err != nil {
			return err
		}
		if !flat { // that is a page, whose address can end in any way
			u = strings.TrimRight(u, "/") + "/"
		}
		f.out.Index = Source{URL: u, From: s.origin, Pos: s.pos}
		return nil
	}
	f.out.Index = Source{URL: pythonIndex.url(), From: "the default", WellKnown: true}
	return nil
}

// findArchives chooses the addresses of the distribution's archives.
func (f *finder) findArchives() error {
	var hosts []aptEntry
	if f.o.Codename != "" {
		var err error
		if hosts, err = f.readApt(); err != nil {
			return err
		}
	}
	for name := range f.o.Apt {
		if name != PythonBuilds && !slices.ContainsFunc(archives, func(a archive) bool { return a.name == name || a.snapshots() == name || a.library() == name }) {
			return diag.New(diag.Usage, "--apt-mirror: no archive is called %q", name).
				Hint("there is %s, %s, %s, %s, %s, %s, %s, %s and %s", Debian, DebianSecurity, DebianSnapshot, Ubuntu, UbuntuSecurity, UbuntuPorts, UbuntuSnapshot, UbuntuFiles, PythonBuilds)
		}
	}
	for _, a := range archives {
		given := f.o.Apt[a.name]
		if mirror := f.o.Apt[a.main]; given == "" && mirror != "" {
			given = strings.TrimRight(mirror, "/")
			if a.name == DebianSecurity {
				given += "-security" // side by side, as on every mirror; Ubuntu's mirrors have all suites in one
			}
		}
		source, err := f.archive([]setting{{value: given, origin: "--apt-mirror"}, f.own.archives[a.name]}, hosts, a)
		if err != nil {
			return err
		}
		if err := f.snapshot(&source, a); err != nil {
			return err
		}
		f.out.Archives[a.name] = source
	}
	f.out.Keyrings = f.own.keyrings
	return f.findPythonBuilds()
}

// snapshot chooses where the states that an archive had are, and each of its former files. A mirror has today's alone, so
// that the address of one says nothing of it.
func (f *finder) snapshot(to *Source, a archive) error {
	to.Snapshot = a.snapshot.url()
	u, from, err := f.named(a.snapshots())
	if err != nil {
		return err
	}
	if u != "" {
		to.Snapshot, to.SnapshotFrom = a.snapshotAt(u), from
	}
	if to.WellKnown || u != "" {
		to.Service = a.service(to.Snapshot)
	}
	if a.library() == "" {
		return nil
	}
	if u, _, err = f.named(a.library()); err != nil {
		return err
	}
	if to.Files = strings.TrimRight(u, "/"); to.WellKnown && u == "" {
		to.Files = a.files.url()
	}
	return nil
}

// named is the address that somebody gave a place, "" if nobody did, and who it was.
func (f *finder) named(place string) (address, from string, err error) {
	for _, s := range []setting{{value: f.o.Apt[place], origin: "--apt-mirror"}, f.own.archives[place]} {
		if s.value != "" {
			address, err = f.address(s)
			return address, s.origin, err
		}
	}
	return "", "", nil
}

// findPythonBuilds chooses the address of interpreter archives: a mirror, or where the project has them.
func (f *finder) findPythonBuilds() error {
	source := Source{URL: pythonBuilds.url(), From: "the default", WellKnown: true}
	for _, s := range []setting{
		{value: f.o.Apt[PythonBuilds], origin: "--apt-mirror"}, f.env("UV_PYTHON_INSTALL_MIRROR"), f.own.archives[PythonBuilds],
	} {
		if s.value == "" || s.pos.IsZero() && strings.HasPrefix(s.value, "file:") {
			continue // uv takes folders as well
		}
		u, err := f.address(s)
		if err != nil {
			return err
		}
		source = Source{URL: strings.TrimRight(u, "/"), From: s.origin, Pos: s.pos}
		break
	}
	f.out.Archives[PythonBuilds] = source
	return nil
}

func (f *finder) archive(given []setting, hosts []aptEntry, a archive) (Source, error) {
	var chosen aptEntry
	for _, s := range given {
		if s.value != "" {
			chosen.setting = s
			break
		}
	}
	for _, e := range hosts {
		if chosen.value != "" {
			break
		}
		switch {
		case !e.serves(a, f.o.Codename+a.suffix):
		case e.usable():
			chosen = e
		default:
			f.warn(e.setting, "only archives that are reached over HTTP are supported yet, so this one is not used", "")
		}
	}
	if chosen.value == "" {
		return Source{URL: a.at.url(), From: "the default", WellKnown: true, Further: []string{a.ended.url()}}, nil
	}
	u, err := f.address(chosen.setting)
	if err != nil {
		return Source{}, err
	}
	source := Source{URL: strings.TrimRight(u, "/"), From: chosen.origin, Pos: chosen.pos}
	if withoutScheme(source.URL) == withoutScheme(a.at.url()) {
		// As a distribution's own installer writes it: that is no wish for another place, nor against the others.
		source.WellKnown, source.Further = true, []string{a.ended.url()}
	}
	return source, nil
}

func withoutScheme(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	return rest
}

// address checks an address, keeps its credentials apart, and gives it without them.
func (f *finder) address(s setting) (string, error) {
	u, err := parseAddress(s)
	if err != nil {
		return "", err
	}
	f.out.credentials.addURL(u)
	return bare(u), nil
}

// parseAddress reads an HTTP address. Errors do not show it, since it may hold a password.
func parseAddress(s setting) (*url.URL, error) {
	fail := func(format string, args ...any) *diag.Error {
		code := diag.Failure
		if strings.HasPrefix(s.origin, "--") {
			code = diag.Usage
		}
		what := s.origin
		if !s.pos.IsZero() {
			what = "address"
		}
		return diag.New(code, "%s: %s", what, fmt.Sprintf(format, args...)).At(s.pos)
	}
	u, err := url.Parse(s.value)
	if with := withScheme(s.value); with != "" {
		return nil, fail("an address without scheme is no http or https address").Hint("write %s", with)
	}
	switch {
	case err != nil:
		e := fail("not a URL")
		if strings.Contains(s.value, "@") {
			return nil, e.Hint("in a user or a password %% is written %%25, / %%2F, # %%23, ? %%3F, a blank %%20")
		}
		return nil, e.Hint("it is https://, a host, perhaps a port, and a path, as in https://packages.example/simple/")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fail("%s is no http or https address", quoteScheme(u))
	case u.Hostname() == "":
		return nil, fail("the address names no host")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fail("the address has a query or a fragment")
	}
	return u, nil
}

// hostForm is how a host begins an address that has no scheme: with a dot, a port, or as this machine's own.
var hostForm = pattern.New(`^(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+:\d+)(?::\d+)?(?:/|$)`)

// withScheme is the address that somebody meant who left the scheme out, "" if that is not so. One that may
// hold a password is not shown.
func withScheme(text string) string {
	if strings.ContainsAny(text, "@?#") || !hostForm().MatchString(text) {
		return ""
	}
	for _, scheme := range []string{"https://", "http://"} {
		u, err := url.Parse(scheme + text)
		if err != nil {
			return ""
		}
		ip := net.ParseIP(u.Hostname())
		if own := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(); own == (scheme == "http://") {
			return u.String()
		}
	}
	return ""
}

func quoteScheme(u *url.URL) string {
	if u.Scheme == "" {
		return "an address without scheme"
	}
	return u.Scheme + ":"
}

// bare is an address without credentials.
func bare(u *url.URL) string {
	copied := *u
	copied.User = nil
	return copied.String()
}

// splitName splits uv's form name=url.
func splitName(s string) (name, address string) {
	name, address, found := strings.Cut(s, "=")
	if !found || strings.ContainsAny(name, ":/") {
		return "", s
	}
	return name, address
}
