package sources

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDocker(t *testing.T) {
	home := t.TempDir()
	write := func(text string, parts ...string) string {
		file := filepath.Join(append([]string{home}, parts...)...)
		os.MkdirAll(filepath.Dir(file), 0o755)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	id := func(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name))) }
	meta := func(name, host string) {
		write(`{"Name":"`+name+`","Metadata":{},"Endpoints":{"docker":{"Host":"`+host+`","SkipTLSVerify":false}}}`, ".docker", "contexts", "meta", id(name), "meta.json")
	}
	meta("rootless", "unix:///run/user/1000/docker.sock")
	meta("far", "tcp://engine.example:2376")
	ca := write("", ".docker", "contexts", "tls", id("far"), "docker", "ca.pem")
	const ours = "unix:///var/run/docker.sock"
	for _, c := range []struct {
		name, config, goos string
		env                map[string]string
		want               Engine
		fails              string
	}{
		{name: "default", want: Engine{Address: ours}},
		{name: "Windows", goos: "windows", want: Engine{Address: "npipe:////./pipe/docker_engine"}},
		{name: "variable", config: `{"currentContext":"rootless"}`, env: map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:2375"},
			want: Engine{Address: "tcp://127.0.0.1:2375", From: "DOCKER_HOST"}},
		{name: "TLS", env: map[string]string{"DOCKER_HOST": "tcp://engine.example:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certificates"},
			want: Engine{Address: "tcp://engine.example:2376", From: "DOCKER_HOST", Certificates: filepath.Join("/certificates")}},
		{name: "TLS by default", env: map[string]string{"DOCKER_HOST": "tcp://engine.example:2376", "DOCKER_TLS_VERIFY": "1"},
			want: Engine{Address: "tcp://engine.example:2376", From: "DOCKER_HOST", Certificates: filepath.Join(home, ".docker")}},
		{name: "context", config: `{"auths":{},"currentContext":"rootless"}`,
			want: Engine{Address: "unix:///run/user/1000/docker.sock", From: "the Docker context rootless"}},
		{name: "context by variable", config: `{"currentContext":"rootless"}`, env: map[string]string{"DOCKER_CONTEXT": "far"},
			want: Engine{Address: "tcp://engine.example:2376", From: "the Docker context far", Certificates: filepath.Dir(ca)}},
		{name: "default context", config: `{"currentContext":"rootless"}`, env: map[string]string{"DOCKER_CONTEXT": "default"}, want: Engine{Address: ours}},
		{name: "no context", config: `{"currentContext":"gone"}`, fails: `config.json names the Docker context "gone", which does not exist`},
		{name: "no configuration", config: `{"currentContext":`, fails: "config.json: reading configuration"},
	} {
		os.Remove(filepath.Join(home, ".docker", "config.json"))
		if c.config != "" {
			write(c.config, ".docker", "config.json")
		}
		h := Host{GOOS: "linux", Home: home, Env: func(name string) string { return c.env[name] }}
		if c.goos != "" {
			h.GOOS = c.goos
		}
		got, err := h.Docker()
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, want %+v (%v)", c.name, got, c.want, err)
		}
	}
}
