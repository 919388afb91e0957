package imagegen

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/imagegen/rootfs"
	"github.com/envpack/envpack/lockfile"
)

// The OCI image specification's config, as far as it is written here. The types are our own, so
// that no release of a library moves a digest: the order of fields is the order of keys.
type config struct {
	Created      string    `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Variant      string    `json:"variant,omitempty"`
	Config       runConfig `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
	History      []history `json:"history"`
}

type runConfig struct {
	User         string              `json:"User,omitempty"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env,omitempty"`
	Entrypoint   []string            `json:"Entrypoint,omitempty"`
	Cmd          []string            `json:"Cmd,omitempty"`
	Volumes      map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir   string              `json:"WorkingDir,omitempty"`
	Labels       map[string]string   `json:"Labels,omitempty"`
	StopSignal   string              `json:"StopSignal,omitempty"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type history struct {
	Created    string `json:"created,omitempty"`
	CreatedBy  string `json:"created_by,omitempty"`
	Comment    string `json:"comment,omitempty"`
	EmptyLayer bool   `json:"empty_layer,omitempty"`
}

// searchPath has the environment first, then the folders that Docker's images have.
const searchPath = "/" + Prefix + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is the image's Env: ours, then the manifest's by name, which may replace ours.
func environment(image lockfile.Image) []string {
	env := []string{"PATH=" + searchPath, "LANG=C.UTF-8", "VIRTUAL_ENV=/" + Prefix}
	if image.User == rootfs.AppUser {
		env = append(env, "HOME="+rootfs.AppHome) // for users that are in no table, too
	}
	for _, name := range slices.Sorted(maps.Keys(image.Env)) {
		entry := name + "=" + image.Env[name]
		replaced := false
		for i, e := range env {
			if strings.HasPrefix(e, name+"=") {
				env[i], replaced = entry, true
			}
		}
		if !replaced {
			env = append(env, entry)
		}
	}
	return env
}

// user is the config's User. It is numeric, so that Kubernetes' runAsNonRoot can tell what it is.
func user(name string) string {
	if name == rootfs.AppUser {
		return appIDs
	}
	return "0:0"
}

func newConfig(p *Plan, layers []Layer) config {
	created := stamp(p.Created)
	image := p.Lock.Image
	c := config{
		Created:      created,
		Architecture: p.architecture(),
		OS:           "linux",
		Config: runConfig{
			User:         user(image.User),
			Env:          environment(image),
			Cmd:          image.Command,
			WorkingDir:   image.Workdir,
			Labels:       image.Labels,
			ExposedPorts: set(image.Ports),
			Volumes:      set(image.Volumes),
		},
		RootFS: rootFS{Type: "layers"},
	}
	if p.standing != nil {
		c.inherit(p)
		c.History = p.history()
	}
	for _, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.DiffID)
		if l.Kind != ParentFormat {
			c.History = append(c.History, history{Created: created, CreatedBy: historyPrefix + l.Name})
		}
	}
	return c
}

// stamp is a time as configs have it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// historyPrefix begins the history line of a layer that envpack made; the layer's name follows.
const historyPrefix = "envpack: "

func set(names []string) map[string]struct{} {
	if len(names) == 0 {
		return nil
	}
	m := map[string]struct{}{}
	for _, n := range names {
		m[n] = struct{}{}
	}
	return m
}

// marshal is JSON without HTML escapes and without the encoder's final newline.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
