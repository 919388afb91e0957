package sources

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// Host is the machine as this package sees it.
type Host struct {
	Env  func(string) string
	Home string // "" for none
	Root string // of the system's files; "/" but in tests
	GOOS string
}

// ThisHost is the machine that envpack runs on.
func ThisHost(goos string) Host {
	home, _ := os.UserHomeDir()
	return Host{Env: os.Getenv, Home: home, Root: "/", GOOS: goos}
}

// Options are what flags and manifest say.
type Options struct {
	Index    string            // flag: address of the default index
	Apt      map[string]string // flag: archive name → address
	Manifest string            // address of the manifest's own default index
	Codename string            // of the distribution whose archives are looked for in apt's sources
}

// Source is an address and where it was found.
type Source struct {
	URL  string // without credentials, ends as its kind wants it
	From string // for people: "PIP_INDEX_URL", "/etc/pip.conf:2", "the default"
}

// Sources is the result of Find.
type Sources struct {
	Index    Source
	Archives map[string]Source // by archive name
	Keyrings []string          // files with further keys that sign the distribution
	Warnings []Warning

	credentials map[string]credential // by host[:port]
}

// Warning is a setting of the host that would have added a source.
type Warning struct {
	What string
	Hint string // the manifest lines to write instead
}

type credential struct{ user, password string }

// Find looks for every source. Errors are diag errors that name the file and line of a setting
// that cannot be understood.
func Find(h Host, o Options) (*Sources, error) {
	s := &Sources{Archives: map[string]Source{}, credentials: map[string]credential{}}
	cfg, err := h.ownConfig()
	if err != nil {
		return nil, err
	}
	if err := s.findIndex(h, o, cfg); err != nil {
		return nil, err
	}
	if err := s.findArchives(h, o, cfg); err != nil {
		return nil, err
	}
	s.Keyrings = append(s.Keyrings, cfg.Apt.Keyrings...)
	return s, s.readNetrc(h)
}

// setting is one value of the host's configuration.
type setting struct {
	value string
	from  string
}

func (s *Sources) findIndex(h Host, o Options, cfg config) error {
	pip, err := h.pipSettings()
	if err != nil {
		return err
	}
	uv, err := h.uvSettings()
	if err != nil {
		return err
	}
	own := setting{cfg.Index.URL, cfg.from}
	candidates := []setting{
		{o.Index, "--index-url"}, {o.Manifest, "the manifest"},
		h.env("PIP_INDEX_URL"), h.env("UV_DEFAULT_INDEX"), h.env("UV_INDEX_URL"),
		pip.index, uv.index, own, {wellKnownURL("index"), "the default"},
	}
	for _, c := range candidates {
		if c.value == "" {
			continue
		}
		u, err := s.take(c)
		if err != nil {
			return err
		}
		s.Index = Source{URL: strings.TrimSuffix(u, "/") + "/", From: c.from}
		break
	}
	extra := append([]setting{h.env("PIP_EXTRA_INDEX_URL"), h.env("UV_INDEX"), h.env("UV_EXTRA_INDEX_URL")}, pip.extra...)
	for _, e := range append(extra, uv.extra...) {
		for _, address := range strings.Fields(e.value) {
			s.warn(e.from, "an extra index", address)
		}
	}
	for _, e := range append([]setting{h.env("PIP_FIND_LINKS"), h.env("UV_FIND_LINKS")}, pip.links...) {
		for _, address := range strings.Fields(e.value) {
			s.Warnings = append(s.Warnings, Warning{
				What: fmt.Sprintf("%s names a place to find wheels (%s), which is not used: the lock would depend on this machine", e.from, Redact(address)),
			})
		}
	}
	return nil
}

func (s *Sources) warn(from, what, address string) {
	clean := Redact(address)
	s.Warnings = append(s.Warnings, Warning{
		What: fmt.Sprintf("%s names %s (%s), which is not used: the lock would depend on this machine", from, what, clean),
		Hint: fmt.Sprintf("to use it, write into the manifest:\n  [[index]]\n  name = \"extra\"\n  url = %q\n  packages = [\"…\"]", clean),
	})
}

func (h Host) env(name string) setting { return setting{strings.TrimSpace(h.Env(name)), name} }

// take parses an address and keeps its credentials apart.
func (s *Sources) take(c setting) (string, error) {
	u, err := url.Parse(c.value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", diag.New(diag.Failure, "%s: %q is no http or https address", c.from, Redact(c.value))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.credentials[u.Host] = credential{u.User.Username(), password}
		u.User = nil
	}
	return u.String(), nil
}

// Credentials gives what is known for a host (with its port, if one is in the address).
func (s *Sources) Credentials(host string) (user, password string, ok bool) {
	c, ok := s.credentials[host]
	if !ok {
		if name, _, found := strings.Cut(host, ":"); found {
			c, ok = s.credentials[name]
		}
	}
	return c.user, c.password, ok
}

// Redact takes credentials out of an address that is to be shown.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		if at := strings.LastIndex(address, "@"); at >= 0 {
			return "…" + address[at:]
		}
		return address
	}
	if u.User != nil {
		u.User = url.User("…")
		return strings.Replace(u.String(), "%E2%80%A6@", "…@", 1)
	}
	return address
}

// readable reads a file of the host; false if there is none.
func readable(path string) (string, bool, error) {
	data, err := os.ReadFile(path)
	switch {
	case os.IsNotExist(err) || os.IsPermission(err):
		return "", false, nil
	case err != nil:
		if info, serr := os.Stat(path); serr == nil && info.IsDir() {
			return "", false, nil
		}
		return "", false, diag.Wrap(err, diag.Failure, "reading %s", path)
	}
	return string(data), true, nil
}

func (h Host) system(path string) string { return filepath.Join(h.Root, path) }
