package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/store"
)

// StatusError says that a server answered with a status that is of no use.
type StatusError struct {
	URL    string // without secrets
	Status int
	Sent   bool // credentials were sent along
}

// Error implements error.
func (e *StatusError) Error() string {
	text := http.StatusText(e.Status)
	if text == "" {
		return fmt.Sprintf("the server answered %d", e.Status)
	}
	return fmt.Sprintf("the server answered %d %s", e.Status, text)
}

// StatusOf is the HTTP status that err is about; 0: about none.
func StatusOf(err error) int {
	var e *StatusError
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// ProxyError says that a proxy did not open the way to a host.
type ProxyError struct {
	Status int // that it answered
}

// Error implements error.
func (e *ProxyError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy answered %d %s", e.Status, http.StatusText(e.Status)))
}

// TooLargeError says that a body is larger than the caller would take.
type TooLargeError struct {
	Limit int64 // bytes
}

// Error implements error.
func (e *TooLargeError) Error() string { return fmt.Sprintf("larger than %d bytes", e.Limit) }

var (
	errStalled   = errors.New("the server sends next to nothing")
	errTruncated = errors.New("the download ended early")
)

// Redact is an address without what may be secret: credentials and the query.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that is no URL"
	}
	u.User = nil
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// retryable tells whether the same request may succeed the next time.
func retryable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	var proxy *ProxyError
	status := StatusOf(err)
	if errors.As(err, &proxy) {
		status = proxy.Status
	}
	if status != 0 {
		switch status {
		case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	var large *TooLargeError
	var own *diag.Error // of the store or of this package: final
	var dns *net.DNSError
	switch {
	case errors.As(err, &large), errors.As(err, &own), errors.Is(err, ErrNoRange), errors.Is(err, errDowngrade), errors.Is(err, errRedirects):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case isCertificate(err), isPlainHTTP(err):
		return false
	}
	return true
}

func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// isProxy tells of a connection to a proxy that failed, by the name that net/http gives the operation.
func isProxy(err error) bool {
	var op *net.OpError
	var answer *ProxyError
	return errors.As(err, &op) && op.Op == "proxyconnect" || errors.As(err, &answer)
}

// proxyOf is the address of the proxy that an address is asked through, without credentials; "": through none.
func proxyOf(u *url.URL) string {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil || proxy == nil {
		return ""
	}
	return Redact(proxy.String())
}

// withoutURL is an error of net/http without the address that was asked, which the message has, and which may hold secrets.
func withoutURL(u *url.URL, err error) error {
	var inner *url.Error // its text has the whole URL
	switch {
	case !errors.As(err, &inner):
		return err
	case inner.URL != u.String() && inner.URL != "":
		return fmt.Errorf("redirected to %s: %w", Redact(inner.URL), inner.Err)
	}
	return inner.Err
}

func isPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record)
}

// explain makes the diag error for a request that failed for good.
func explain(ctx context.Context, u *url.URL, err error, tries int) error {
	if ctx.Err() != nil {
		return diag.Wrap(ctx.Err(), diag.Fetch, "fetching %s", Redact(u.String()))
	}
	if errors.Is(err, ErrNoRange) {
		return diag.Wrap(err, diag.Fetch, "fetching %s", Redact(u.String()))
	}
	var own *diag.Error
	if errors.As(err, &own) { // has its code and hints
		return diag.Wrap(err, 0, "fetching %s", Redact(u.String()))
	}
	err = withoutURL(u, err)
	what := "fetching " + Redact(u.String())
	proxy := "the proxy"
	if address := proxyOf(u); address != "" {
		proxy += " " + address
		what += " through " + proxy
	}
	if tries > 1 {
		what = fmt.Sprintf("%s (tried %d times)", what, tries)
	}
	e := diag.Wrap(err, diag.Fetch, "%s", what)
	if answer := (*ProxyError)(nil); errors.As(err, &answer) && answer.Status != http.StatusProxyAuthRequired {
		return e.Hint("it is %s that answers so: it may not let %s through, or not reach it; NO_PROXY has hosts that need no proxy", proxy, u.Host)
	} else if answer != nil {
		return hintStatus(e, u, answer.Status, false)
	}
	if answer := (*StatusError)(nil); errors.As(err, &answer) {
		return hintStatus(e, u, answer.Status, answer.Sent)
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && !isProxy(err):
		return e.Hint("no address was found for %s: check the network, HTTPS_PROXY if there is a proxy, and the spelling if the name is yours; a mirror can be named instead", u.Hostname())
	case isProxy(err):
		return e.Hint("it is %s that cannot be reached: check HTTPS_PROXY and HTTP_PROXY, and NO_PROXY for hosts that need none", proxy)
	case errors.Is(err, syscall.ECONNREFUSED):
		return e.Hint("nothing answers at %s: check host and port, and HTTPS_PROXY if there is a proxy", u.Host)
	case isPlainHTTP(err):
		return e.Hint("%s seems to speak plain HTTP: check the address's scheme and port", u.Host)
	case isCertificate(err):
		return e.Hint("if a proxy or a private authority signs for %s, name its certificates in SSL_CERT_FILE", u.Hostname())
	case errors.Is(err, errStalled), errors.As(err, &timeout) && timeout.Timeout():
		return e.Hint("%s does not answer in time: check the network, and HTTPS_PROXY if there is a proxy, or try again later", u.Hostname())
	case errors.Is(err, errTruncated), errors.Is(err, io.ErrUnexpectedEOF):
		return e.Hint("the connection breaks before the end: try again, which goes on where it stopped, or look at the proxy's limits")
	case errors.Is(err, errRedirects):
		return e.Hint("%s sends from one address to the next without end: check the address, https or http included, and whether it wants credentials", u.Host)
	case errors.Is(err, errDowngrade):
		return e.Hint("the server sends on to an address without encryption; use an address that does not")
	}
	return e
}

func hintStatus(e *diag.Error, u *url.URL, status int, sent bool) *diag.Error {
	switch {
	case status == http.StatusUnauthorized && sent:
		return e.Hint("%s does not take the user and password that it was sent: they are from an address such as PIP_INDEX_URL, from UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD, or from netrc, in this order", u.Host)
	case status == http.StatusUnauthorized:
		return e.Hint("%s wants a user and a password, and none are known: write `machine %s login USER password PASSWORD` into ~/.netrc, or set UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD for the index NAME; no keyring is asked", u.Host, u.Hostname())
	case status == http.StatusForbidden && sent:
		return e.Hint("%s knows the user that it was sent (from an address, UV_INDEX_NAME_USERNAME or netrc) and does not let them read this", u.Host)
	case status == http.StatusForbidden:
		return e.Hint("%s lets nobody read this without credentials, if anyone: they are looked for in addresses such as PIP_INDEX_URL, in UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD, and in netrc", u.Host)
	case status == http.StatusProxyAuthRequired:
		return e.Hint("the proxy wants credentials: put them into HTTPS_PROXY")
	case status == http.StatusNotFound, status == http.StatusGone:
		return e.Hint("check the address; a file may also have been deleted there since")
	case status == http.StatusTooManyRequests:
		return e.Hint("%s takes no more requests for now: try again later", u.Host)
	case status >= 500:
		return e.Hint("%s has a fault at the moment: try again later", u.Host)
	}
	return e
}

// mismatch is the diag error for content that is not what was promised.
func mismatch(u *url.URL, err error) error {
	what := "fetching " + Redact(u.String())
	var m *store.MismatchError
	if errors.As(err, &m) {
		what = fmt.Sprintf("%s: expected sha256 %s, got sha256 %s", what, m.SHA256, m.Got)
	}
	return diag.Wrap(err, diag.Mismatch, "%s", what).
		Hint("the file was changed, or something between alters it; check the index, then lock again if the change is meant")
}
