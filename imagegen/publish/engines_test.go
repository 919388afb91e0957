package publish

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/testenv"
)

// The tests here hand outputs to the tools that people use. They run with ENVPACK_TEST=all, and then the
// tools must be there.
func needTools(t *testing.T) {
	t.Helper()
	testenv.Real(t, "skopeo, umoci, podman and docker-registry")
}

func tool(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

func TestSkopeoAndUmoci(t *testing.T) {
	needTools(t)
	img, _ := sample(t, "linux/amd64")
	a := artifact(t, img)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if err := write(t, "oci:"+out, a, Options{Reference: reference(t, "registry.example/x:v1")}); err != nil {
		t.Fatal(err)
	}
	if raw := tool(t, nil, "skopeo", "inspect", "--raw", "oci:"+out+":v1"); digest([]byte(raw)) != a.Digest() {
		t.Errorf("skopeo sees another manifest: %s", raw)
	}
	tool(t, nil, "umoci", "unpack", "--rootless", "--image", out+":v1", filepath.Join(dir, "bundle"))
	if got := read(t, filepath.Join(dir, "bundle/rootfs/etc/platform")); got != "linux/amd64" {
		t.Errorf("umoci unpacked %q", got)
	}
	for _, form := range []string{"oci-archive", "docker-archive"} {
		for _, ref := range []string{"", "registry.example/team/x:v1"} {
			file := filepath.Join(dir, "x.tar")
			opts := Options{}
			if ref != "" {
				opts.Reference = reference(t, ref)
			}
			if err := write(t, form+":"+file, a, opts); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(dir, form+fmt.Sprint(len(ref)))
			tool(t, nil, "skopeo", "copy", "-q", form+":"+file, "oci:"+copied+":x")
			tool(t, nil, "umoci", "unpack", "--rootless", "--image", copied+":x", copied+".bundle")
			if raw := tool(t, nil, "skopeo", "inspect", "--raw", "oci-archive:"+file); digest([]byte(raw)) != a.Digest() {
				t.Errorf("%s is no OCI archive of the image: %s", form, raw)
			}
		}
	}
}

func TestPodmanLoad(t *testing.T) {
	needTools(t)
	dir := t.TempDir()
	conf := filepath.Join(dir, "containers.conf")
	os.WriteFile(conf, []byte("[engine]\nruntime=\"runc\"\ncgroup_manager=\"cgroupfs\"\n"), 0o644)
	env := []string{"CONTAINERS_CONF=" + conf}
	podman := func(args ...string) string {
		return tool(t, env, "podman", append([]string{"--root", dir + "/storage", "--runroot", dir + "/state", "--storage-driver=vfs"}, args...)...)
	}
	img, _ := sample(t, "linux/amd64")
	a := artifact(t, img)
	config, _ := img.Image.ConfigName()
	for _, form := range []string{"oci-archive", "docker-archive"} {
		for ref, want := range map[string]string{
			"registry.example/team/x:v1": "registry.example/team/x:v1", "digits": "localhost/digits:latest", "": "<none>:<none>",
		} {
			file := filepath.Join(dir, "x.tar")
			opts := Options{}
			if ref != "" {
				opts.Reference = reference(t, ref)
			}
			if err := write(t, form+":"+file, a, opts); err != nil {
				t.Fatal(err)
			}
			loaded := podman("load", "-q", "-i", file)
			got := strings.TrimSpace(podman("images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"))
			if got != config.String()+" "+want {
				t.Errorf("%s, %q: podman says %q and has %q", form, ref, loaded, got)
			}
			podman("rmi", "-a", "-f")
		}
	}
}

// dockerRegistry starts the registry that most others descend from, and gives its address.
func dockerRegistry(t *testing.T) (host, dir string) {
	t.Helper()
	dir = t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = listener.Addr().String()
	listener.Close()
	conf := filepath.Join(dir, "registry.yml")
	os.WriteFile(conf, []byte("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: "+dir+"/data}}\nhttp: {addr: "+host+"}\n"), 0o644)
	server := exec.Command("docker-registry", "serve", conf)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", host); err == nil {
			c.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return host, dir
}

// TestDockerRegistryMounts has a real registry mount an origin's layers, and counts what passes on the way.
func TestDockerRegistryMounts(t *testing.T) {
	needTools(t)
	behind, _ := dockerRegistry(t)
	var mu sync.Mutex
	var asked []string // method, then "mount" or what is asked for, for blobs
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			mu.Lock()
			what := strings.TrimPrefix(r.URL.Path, "/v2/")
			if r.URL.Query().Get("mount") != "" {
				what = "mount"
			}
			asked = append(asked, r.Method+" "+what)
			mu.Unlock()
		}
		(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: behind})
			p.Out.Host = p.In.Host // which the registry's own addresses begin with
		}}).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	host := strings.TrimPrefix(proxy.URL, "http://")
	amd, lower := sample(t, "linux/amd64")
	if err := push(t, host+"/base/python:3.11", artifact(t, amd), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	o := origin(t, host+"/base/python:3.11", OriginOptions{})
	img := stack(t, o, newLayer("opt/env/x", "own"))
	asked = nil
	a := artifact(t, img)
	if err := push(t, host+"/team/app:v1", a, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, line := range asked {
		verb, what, _ := strings.Cut(line, " ")
		if what == "mount" {
			verb = what
		}
		count[verb]++
	}
	// The own layer and the config are sent: POST, PATCH and PUT; nothing is read.
	if want := map[string]int{"HEAD": len(lower) + 2, "mount": len(lower), "POST": 2, "PATCH": 2, "PUT": 2}; !maps.Equal(count, want) {
		t.Errorf("%v, want %v: %s", count, want, asked)
	}
	dir := t.TempDir()
	tool(t, nil, "skopeo", "copy", "-q", "--src-tls-verify=false", "docker://"+host+"/team/app:v1", "oci:"+dir+"/x:x")
	valid(t, dir+"/x")
}

func TestDockerRegistry(t *testing.T) {
	needTools(t)
	host, dir := dockerRegistry(t)
	amd, layers := sample(t, "linux/amd64")
	arm, _ := sample(t, "linux/arm64")
	for name, a := range map[string]*Artifact{"one": artifact(t, amd), "two": artifact(t, amd, arm)} {
		ref := host + "/team/" + name + ":v1"
		if err := push(t, ref, a, PushOptions{}); err != nil {
			t.Fatal(err)
		}
		if raw := tool(t, nil, "skopeo", "inspect", "--tls-verify=false", "--raw", "docker://"+ref); digest([]byte(raw)) != a.Digest() {
			t.Errorf("%s: the registry has another manifest: %s", name, raw)
		}
		tool(t, nil, "skopeo", "copy", "-q", "--all", "--src-tls-verify=false", "docker://"+ref, "oci:"+filepath.Join(dir, name)+":x")
		valid(t, filepath.Join(dir, name))
		for _, l := range layers {
			l.opened.Store(0)
		}
		if err := push(t, host+"/team/"+name+":v2", a, PushOptions{}); err != nil {
			t.Fatal(err)
		}
		for i, l := range layers {
			if l.opened.Load() != 0 {
				t.Errorf("%s: layer %d was sent again", name, i)
			}
		}
	}
}
