package sources

import (
	"crypto/x509"
	"os"
	"path/filepath"

	"github.com/envpack/envpack/internal/diag"
)

// RootCAs are the authorities that servers are checked against: the system's, which honour
// SSL_CERT_FILE and SSL_CERT_DIR on their own where Go does, and those of pip's and requests'
// variables. nil means the system's.
func (h Host) RootCAs() (*x509.CertPool, error) {
	var pool *x509.CertPool
	for _, name := range []string{"SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"} {
		file := h.Env(name)
		if file == "" {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			continue // a folder of hashed links, as OpenSSL's c_rehash makes; Go cannot say which are in use
		}
		data, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			return nil, diag.Wrap(err, diag.Fetch, "%s", name)
		}
		if pool == nil {
			if pool, err = x509.SystemCertPool(); err != nil {
				pool = x509.NewCertPool()
			}
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, diag.New(diag.Fetch, "%s: %s holds no certificate in PEM form", name, file)
		}
	}
	return pool, nil
}
