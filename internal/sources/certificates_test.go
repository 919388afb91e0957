package sources

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRootCAs holds which variables bring a server's authority in, with a certificate of httptest's.
func TestRootCAs(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	bundle := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	files := "-- ca.pem --\n" + bundle + "-- dir/ca.pem --\n" + bundle + "-- dir/README --\nno certificate\n-- empty.pem --\nno certificate\n"
	trusts := func(pool *x509.CertPool) bool {
		if pool == nil {
			return false
		}
		_, err := server.Certificate().Verify(x509.VerifyOptions{Roots: pool, DNSName: "example.com"})
		return err == nil
	}
	for _, c := range []struct {
		goos string
		env  map[string]string
		conf string
		want bool
		err  string
	}{
		{goos: "linux", want: false},
		{goos: "linux", env: map[string]string{"PIP_CERT": "$ROOT/ca.pem"}, want: true},
		{goos: "linux", env: map[string]string{"REQUESTS_CA_BUNDLE": "$ROOT/dir"}, want: true},
		{goos: "linux", env: map[string]string{"CURL_CA_BUNDLE": "$ROOT/ca.pem"}, want: true},
		{goos: "linux", conf: "[global]\ncert = $ROOT/ca.pem\n", want: true},
		{goos: "windows", env: map[string]string{"SSL_CERT_FILE": "$ROOT/ca.pem"}, want: true},
		{goos: "darwin", env: map[string]string{"SSL_CERT_DIR": "$ROOT/none" + string(os.PathListSeparator) + "$ROOT/dir"}, want: true},
		{goos: "linux", env: map[string]string{"PIP_CERT": "$ROOT/empty.pem"}, err: "PIP_CERT: "},
		{goos: "linux", env: map[string]string{"PIP_CERT": "$ROOT/none.pem"}, err: "PIP_CERT: reading certificates: "},
	} {
		h := machine(t, files, c.env)
		h.GOOS = c.goos
		if c.conf != "" {
			conf := strings.ReplaceAll(c.conf, "$ROOT", filepath.Dir(h.Home))
			if err := os.MkdirAll(filepath.Join(h.Root, "etc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(h.Root, "etc", "pip.conf"), []byte(conf), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		pool, err := h.RootCAs()
		if c.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("%s %v: %v", c.goos, c.env, err)
			}
			continue
		}
		if err != nil || trusts(pool) != c.want {
			t.Errorf("%s %v %q: trusted is not %t, %v", c.goos, c.env, c.conf, c.want, err)
		}
	}
}
