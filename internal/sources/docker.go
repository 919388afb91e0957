package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"

	"github.com/envpack/envpack/internal/diag"
)

// Engine is where Docker's engine listens, or another that speaks its language.
type Engine struct {
	Address string // unix:///var/run/docker.sock, tcp://HOST:PORT
	From    string // what says so; "" for the default
	// Certificates is a folder with ca.pem, cert.pem and key.pem, for TLS; "" for none.
	Certificates string
}

// Docker finds the engine as Docker's own command does: by DOCKER_HOST, with DOCKER_CERT_PATH if DOCKER_TLS_VERIFY is set;
// by the context that DOCKER_CONTEXT or the user's configuration names; else where it listens by default. Errors: a configuration that cannot be read, a
// context that does not exist.
func (h Host) Docker() (Engine, error) {
	folder := h.variable("DOCKER_CONFIG")
	if folder == "" {
		folder = h.home(".docker")
	}
	if address := h.Env("DOCKER_HOST"); address != "" {
		e := Engine{Address: address, From: "DOCKER_HOST"}
		if h.Env("DOCKER_TLS_VERIFY") != "" {
			if e.Certificates = h.variable("DOCKER_CERT_PATH"); e.Certificates == "" {
				e.Certificates = folder
			}
		}
		return e, nil
	}
	context, from := h.Env("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	if context == "" && folder != "" {
		from = filepath.Join(folder, "config.json")
		var config struct{ CurrentContext string }
		if err := readJSON(from, &config); err != nil {
			return Engine{}, err
		}
		context = config.CurrentContext
	}
	if context == "" || context == "default" {
		if h.GOOS == "windows" {
			return Engine{Address: "npipe:////./pipe/docker_engine"}, nil
		}
		return Engine{Address: "unix:///var/run/docker.sock"}, nil
	}
	return dockerContext(folder, context, from)
}

// dockerContext reads a context of Docker's command, which is kept below the SHA-256 of its name.
func dockerContext(folder, name, from string) (Engine, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	file := filepath.Join(folder, "contexts", "meta", id, "meta.json")
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := readJSON(file, &meta); err != nil {
		return Engine{}, err
	}
	host := meta.Endpoints["docker"].Host
	if host == "" {
		return Engine{}, diag.New(diag.Failure, "%s names the Docker context %q, which does not exist", from, name).
			Hint("`docker context ls` lists them; DOCKER_HOST names an address instead")
	}
	e := Engine{Address: host, From: "the Docker context " + name}
	if certificates := filepath.Join(folder, "contexts", "tls", id, "docker"); isFile(filepath.Join(certificates, "ca.pem")) {
		e.Certificates = certificates
	}
	return e, nil
}

// readJSON reads a configuration; one that is not there says nothing.
func readJSON(file string, into any) error {
	text, ok, err := read(file)
	if err != nil || !ok {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return diag.Wrap(err, diag.Failure, "reading configuration").At(diag.Position{File: file})
	}
	return nil
}
