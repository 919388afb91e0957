package sources

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// RootCAs are the authorities that servers are checked against; nil: those of the system.
// SSL_CERT_FILE and SSL_CERT_DIR replace the system's, as Go and OpenSSL have it; the bundles that
// pip (PIP_CERT, cert in pip.conf) and requests (REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE) are given are
// trusted beside those, so that a company's authority does not hide the public ones.
func (h Host) RootCAs() (*x509.CertPool, error) {
	pip, err := readPip(h)
	if err != nil {
		return nil, err
	}
	var pool *x509.CertPool
	own := h.setting("SSL_CERT_FILE")
	if h.GOOS == "windows" || h.GOOS == "darwin" { // elsewhere Go reads these variables itself
		if pool, err = replaced(own, h.setting("SSL_CERT_DIR")); err != nil {
			return nil, err
		}
	}
	for _, s := range []setting{h.setting("PIP_CERT"), h.setting("REQUESTS_CA_BUNDLE"), h.setting("CURL_CA_BUNDLE"), pip.get("cert")} {
		if s.value == "" || s.value == own.value {
			continue
		}
		if pool == nil {
			system, err := x509.SystemCertPool()
			if err != nil {
				system = x509.NewCertPool() // the machine has none: then the bundle is all there is
			}
			pool = system
		}
		if err := addBundle(pool, s); err != nil {
			return nil, err
		}
	}
	return pool, nil
}

// replaced gives the authorities that are to stand in place of the system's; nil if there are none.
func replaced(file, dirs setting) (*x509.CertPool, error) {
	if file.value == "" && dirs.value == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if err := addBundle(pool, file); err != nil {
		return nil, err
	}
	for _, dir := range strings.Split(dirs.value, string(os.PathListSeparator)) {
		if !isDir(dir) {
			continue // as Go and OpenSSL do
		}
		if err := addBundle(pool, setting{value: dir, origin: dirs.origin}); err != nil {
			return nil, err
		}
	}
	return pool, nil
}

// addBundle adds the certificates of a PEM file, or of a directory of them.
func addBundle(pool *x509.CertPool, s setting) error {
	if s.value == "" {
		return nil
	}
	fail := func(err error) error {
		return diag.Wrap(err, diag.Failure, "%s: reading certificates", s.origin).At(s.pos)
	}
	files := []string{s.value}
	inDir := isDir(s.value)
	if inDir {
		entries, err := os.ReadDir(s.value)
		if err != nil {
			return fail(err)
		}
		files = nil
		for _, e := range entries {
			if path := filepath.Join(s.value, e.Name()); isFile(path) {
				files = append(files, path)
			}
		}
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fail(err)
		}
		if !pool.AppendCertsFromPEM(data) && !inDir {
			return diag.New(diag.Failure, "%s: %s holds no certificate", s.origin, file).At(s.pos).Hint("certificates in PEM form are wanted, which begin with -----BEGIN CERTIFICATE-----")
		}
	}
	return nil
}
