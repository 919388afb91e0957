package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/sources"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/internal/supply"
	"github.com/envpack/envpack/resolver/index"
)

// registryClient is how registries are spoken to.
func registryClient() (publish.Client, error) {
	transport, err := registryTransport()
	return publish.Client{Transport: transport, UserAgent: "envpack/" + buildVersion()}, err
}

// openImage opens what an argument names that is an image; of the options are needed platform and tolerance.
func (s *session) openImage(ctx context.Context, spec string, o publish.OpenOptions) (*publish.Source, error) {
	var err error
	if o.Client, err = registryClient(); err != nil {
		return nil, err
	}
	o.Offline, o.Engine, o.Task = s.offline, dockerEngine, s.task
	o.Spool = func() (*os.File, error) {
		st, err := s.openStore(ctx)
		if err != nil {
			return nil, err
		}
		return st.TempFile()
	}
	return publish.Open(ctx, spec, o)
}

// closeImage closes an image in a defer, and has its error if there is none before.
func closeImage(src *publish.Source, err *error) {
	if cerr := src.Close(); cerr != nil && *err == nil {
		*err = cerr
	}
}

// dockerEngine is where Docker's engine is on this machine, as its own command finds it.
func dockerEngine() (publish.Engine, error) {
	found, err := sources.ThisHost(runtime.GOOS).Docker()
	if err != nil {
		return publish.Engine{}, err
	}
	e := publish.Engine{Address: found.Address, From: found.From}
	if found.Certificates == "" {
		return e, nil
	}
	file := func(name string) string { return filepath.Join(found.Certificates, name) }
	wrong := func(err error) (publish.Engine, error) {
		return e, diag.Wrap(err, diag.Failure, "the certificates for Docker's engine (%s)", found.From)
	}
	authority, err := os.ReadFile(file("ca.pem"))
	if err != nil {
		return wrong(err)
	}
	e.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !e.TLS.RootCAs.AppendCertsFromPEM(authority) {
		return wrong(fmt.Errorf("%s has no certificate", file("ca.pem")))
	}
	if exists(file("cert.pem")) {
		own, err := tls.LoadX509KeyPair(file("cert.pem"), file("key.pem"))
		if err != nil {
			return wrong(err)
		}
		e.TLS.Certificates = []tls.Certificate{own}
	}
	return e, nil
}

// registryTransport reaches registries with the same certificate authorities as indexes; nil is
// the default.
func registryTransport() (http.RoundTripper, error) {
	roots, err := sources.ThisHost(runtime.GOOS).RootCAs()
	if err != nil || roots == nil {
		return nil, err
	}
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, nil
	}
	t = t.Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t, nil
}

// warnOnce warns of something that several steps of a command may notice, and several goroutines at once.
func (s *session) warnOnce(text string) {
	if s.once("warning " + text) {
		s.ui().Warn("%s", text)
	}
}

// tellOnce tells something that several parts of a command find out.
func (s *session) tellOnce(text string) {
	if s.once(text) {
		s.ui().Printf("%s", text)
	}
}

// once tells whether a text was not said before.
func (s *session) once(text string) bool {
	s.warning.Lock()
	defer s.warning.Unlock()
	if s.said[text] {
		return false
	}
	if s.said == nil {
		s.said = map[string]bool{}
	}
	s.said[text] = true
	return true
}

// warnPlain warns of an index that is asked without encryption: what it says, hashes included, can be
// anybody's on the way. This machine's own addresses are trusted.
func (s *session) warnPlain(what, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return
	}
	s.warnOnce(what + " is asked over plain http (" + sources.Redact(address) + "): the hashes in a new lock are only as good as the network")
}

// undated is the manifest's policy as indexes have it.
func undated(u manifest.Undated) index.Undated {
	if u == manifest.UndatedError {
		return ""
	}
	return index.Undated(u)
}

// supplyFor opens what a manifest's lock is made from, and says where that is.
func (s *session) supplyFor(st *store.Store, m *manifest.Manifest, use use) (*supply.Supply, error) {
	var indexes []supply.Index
	for _, i := range m.Indexes {
		indexes = append(indexes, supply.Index{
			Name: i.Name, URL: i.URL, Path: i.Path, Flat: i.Flat, Undated: undated(i.Undated), Pos: i.Place, Default: i.Default, Packages: i.Packages, Variants: m.VariantsOf(i),
		})
	}
	keys := map[string]string{}
	for _, a := range m.System.Archives {
		s.warnPlain("the archive "+a.Name, a.URL)
		if a.KeyURL != "" {
			keys[a.Name] = a.KeyURL
		}
	}
	sup, err := s.openSupply(st, sources.Options{Indexes: m.Indexes}, supply.Options{
		Indexes: indexes, Undated: undated(m.Undated), KeyURLs: keys, Dir: m.Dir, Tell: s.tellOnce,
	}, use)
	if err != nil {
		return nil, err
	}
	if err := s.shelve(sup, st, m); err != nil {
		return nil, err
	}
	for _, i := range m.Indexes {
		if src := sup.Sources.Templates[i.Name]; i.Template && !src.WellKnown {
			s.tellOnce(fmt.Sprintf("%s from %s (%s)", i.Name, src.URL, src.From))
			s.warnPlain("the index "+i.Name, src.URL)
		}
	}
	if line := sup.Describe(); line != "" {
		s.ui().Printf("%s", line)
	}
	told := map[string]bool{"": true}
	for _, f := range m.Data {
		if f.SHA256 == "" {
			s.warnPlain("the file "+f.To, sup.Sources.Mirrored(f.URL))
		}
		if line := sup.Sources.DescribeMirror(f.URL); !told[line] {
			told[line] = true
			s.ui().Printf("%s", line)
		}
	}
	return sup, nil
}
