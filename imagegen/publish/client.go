package publish

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Client says how registries are spoken to. Plain HTTP is used only for this machine's own addresses.
type Client struct {
	Keychain  authn.Keychain    // nil: Docker's and Podman's configuration and credential helpers
	Transport http.RoundTripper // nil: go-containerregistry's default
	UserAgent string            // put before go-containerregistry's own
}

func (c Client) options(ctx context.Context) []remote.Option {
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(c.keychain()),
		remote.WithTransport(c.guarded()),
	}
	if c.UserAgent != "" {
		options = append(options, remote.WithUserAgent(c.UserAgent))
	}
	return options
}

func (c Client) keychain() authn.Keychain {
	if c.Keychain == nil {
		return authn.DefaultKeychain
	}
	return c.Keychain
}

func (c Client) guarded() http.RoundTripper {
	if c.Transport == nil {
		return &guard{remote.DefaultTransport}
	}
	return &guard{c.Transport}
}

// transport is for requests of our own, which are tried again as go-containerregistry's are.
func (c Client) transport() http.RoundTripper {
	t := transport.NewRetry(c.guarded(), transport.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout))
	if c.UserAgent != "" {
		return transport.NewUserAgent(t, c.UserAgent)
	}
	return t
}

// guard refuses plain HTTP to any host but this machine: go-containerregistry falls back to it for
// private addresses as well, and would send credentials in the clear.
type guard struct{ base http.RoundTripper }

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !plainAllowed(req.URL.Host) {
		return nil, fmt.Errorf("plain HTTP to %s is not allowed", req.URL.Host)
	}
	return g.base.RoundTrip(req)
}

func plainAllowed(hostport string) bool {
	u := url.URL{Host: hostport}
	host := strings.ToLower(u.Hostname())
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
