package publish

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envpack/envpack/internal/diag"
)

// Engine is where Docker's engine listens, or another that speaks its language, as Podman's service does. Its API is asked by
// HTTP and without a version: the calls are in all of them.
type Engine struct {
	Address string      // unix://PATH, tcp://HOST:PORT
	From    string      // what says so, for errors; "": it is the default
	TLS     *tls.Config // for tcp; nil: none, which only this machine's own addresses may do without
}

// loadHint is the way around what this does not speak.
const loadHint = "`envpack build -o docker-archive:- | docker load` goes by Docker's own command"

// client speaks to the engine; base is the beginning of all addresses.
func (e Engine) client() (client *http.Client, base string, err error) {
	u, err := url.Parse(e.Address)
	if err != nil {
		return nil, "", diag.New(diag.Usage, "%s is no address of a Docker engine", e.describe())
	}
	switch u.Scheme {
	case "unix":
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", u.Path)
		}
		return &http.Client{Transport: &http.Transport{DialContext: dial}}, "http://docker", nil
	case "tcp", "http", "https":
		if e.TLS != nil || u.Scheme == "https" {
			return &http.Client{Transport: &http.Transport{TLSClientConfig: e.TLS}}, "https://" + u.Host, nil
		}
		if !plainAllowed(u.Host) {
			return nil, "", diag.New(diag.Usage, "%s is not on this machine, and is spoken to without TLS", e.describe()).
				Hint("set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or " + loadHint)
		}
		return &http.Client{Transport: &http.Transport{}}, "http://" + u.Host, nil
	}
	return nil, "", diag.New(diag.Usage, "%s is spoken to by %s, which is not supported", e.describe(), u.Scheme).Hint(loadHint)
}

func (e Engine) describe() string {
	if e.From == "" {
		return "the Docker engine at " + e.Address
	}
	return fmt.Sprintf("the Docker engine at %s (%s)", e.Address, e.From)
}

// Ping tells whether the engine can be reached. Errors are diag errors: 7 if it cannot, 2 for an address that is not spoken to.
func (e Engine) Ping(ctx context.Context) error {
	client, base, err := e.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/_ping", nil)
	if err != nil {
		return err
	}
	return e.do(client, req, nil)
}

// load gives the artifact's image to the engine, under the reference. One that it has by its digest is only given its name.
func (e Engine) load(ctx context.Context, a *Artifact, ref Reference, archive func(io.Writer) error) error {
	client, base, err := e.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	img, err := a.onlyImage(DockerDaemon)
	if err != nil {
		return err
	}
	there, err := e.tag(ctx, client, base, img, ref)
	if there || err != nil {
		return err
	}
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := archive(w)
		w.CloseWithError(err)
		written <- err
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/images/load?quiet=1", r)
	if err == nil {
		req.Header.Set("Content-Type", "application/x-tar")
		err = e.do(client, req, func(body io.Reader) error { return e.answer(body) })
	}
	r.CloseWithError(errGivenUp)
	if werr := <-written; werr != nil && !errors.Is(werr, errGivenUp) {
		return werr
	}
	return err
}

var errGivenUp = errors.New("the engine reads no more")

// tag gives an image its name that the engine has already: by its config's digest, or its manifest's where the engine keeps
// images in containerd.
func (e Engine) tag(ctx context.Context, client *http.Client, base string, img v1.Image, ref Reference) (bool, error) {
	config, err := img.ConfigName()
	if err != nil {
		return false, err
	}
	digest, err := img.Digest()
	if err != nil {
		return false, err
	}
	for _, id := range []v1.Hash{config, digest} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/images/"+id.String()+"/json", nil)
		if err != nil {
			return false, err
		}
		err = e.do(client, req, nil)
		var status *statusError
		if errors.As(err, &status) && status.code == http.StatusNotFound {
			continue
		}
		if err != nil {
			return false, err
		}
		name := url.Values{"repo": {strings.TrimSuffix(ref.String(), ":"+ref.Tag())}, "tag": {ref.Tag()}}
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, base+"/images/"+id.String()+"/tag?"+name.Encode(), nil)
		if err != nil {
			return false, err
		}
		return true, e.do(client, req, nil)
	}
	return false, nil
}

// answer reads what the engine says of an image that it was given: a JSON document for each step.
func (e Engine) answer(body io.Reader) error {
	for decoder := json.NewDecoder(body); ; {
		var step struct {
			Error string `json:"error"`
		}
		switch err := decoder.Decode(&step); {
		case err == io.EOF:
			return nil
		case err != nil:
			return diag.Wrap(err, diag.Failure, "%s gave an answer that is none", e.describe())
		case strings.Contains(step.Error, "no space left"):
			return diag.New(diag.Failure, "%s has no space left: %s", e.describe(), step.Error).Hint("`docker system df` shows what takes it")
		case step.Error != "":
			return diag.New(diag.Failure, "%s does not take the image: %s", e.describe(), step.Error)
		}
	}
}

// statusError is an answer that is no success.
type statusError struct {
	code    int
	message string
}

func (s *statusError) Error() string { return s.message }

// do asks the engine. read gets the body of a success; nil: nothing does.
func (e Engine) do(client *http.Client, req *http.Request, read func(io.Reader) error) error {
	resp, err := client.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return req.Context().Err()
		}
		failed := diag.Wrap(err, diag.Fetch, "cannot reach %s", e.describe())
		if errors.Is(err, fs.ErrPermission) {
			return failed.Hint("users of the group docker may; " + loadHint)
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return failed.Hint("is it running? DOCKER_HOST or a Docker context says where it listens")
		}
		return failed
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		var said struct {
			Message string `json:"message"`
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		if json.Unmarshal(text, &said) != nil || said.Message == "" {
			said.Message = resp.Status
		}
		return diag.Wrap(&statusError{resp.StatusCode, said.Message}, diag.Failure, "%s refuses", e.describe())
	}
	if read == nil {
		return nil
	}
	return read(resp.Body)
}
