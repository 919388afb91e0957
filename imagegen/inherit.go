package imagegen

import (
	"fmt"
	"maps"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// inherit is what the config takes over from the image below: as with a Dockerfile's FROM, all that the manifest does
// not set.
func (c *config) inherit(p *Plan) {
	below := p.standing.file
	c.Config.Entrypoint = below.Config.Entrypoint
	c.Config.StopSignal = below.Config.StopSignal
	c.Config.Env = inheritedEnv(below.Config.Env, p.Lock.Image, p.standing.user.home)
	if len(c.Config.Cmd) == 0 && len(p.Lock.Image.Command) == 0 {
		c.Config.Cmd = below.Config.Cmd
	}
	c.Config.Labels = union(below.Config.Labels, c.Config.Labels)
	c.Config.ExposedPorts = union(below.Config.ExposedPorts, c.Config.ExposedPorts)
	c.Config.Volumes = union(below.Config.Volumes, c.Config.Volumes)
	if c.Config.User != "0:0" {
		c.Config.User = fmt.Sprintf("%d:%d", p.standing.user.id, p.standing.user.group)
	}
	c.Variant = below.Variant
}

func union[V any](below, own map[string]V) map[string]V {
	if len(below) == 0 {
		return own
	}
	all := maps.Clone(below)
	maps.Copy(all, own)
	return all
}

// inheritedEnv is the environment below with ours in it: our folder before its search path, and ours for every
// other name that both have. home is that of the user app.
func inheritedEnv(below []string, image lockfile.Image, home string) []string {
	own := map[string]string{}
	var names []string
	for _, e := range environment(image) {
		name, value, _ := strings.Cut(e, "=")
		if _, asked := image.Env[name]; name == "HOME" && !asked {
			value = home
		}
		own[name] = value
		names = append(names, name)
	}
	var env []string
	for _, e := range below {
		name, value, _ := strings.Cut(e, "=")
		mine, ours := own[name]
		_, asked := image.Env[name]
		switch {
		case name == "PATH":
			mine = "/" + Prefix + "/bin:" + value
		case !ours, name == "LANG" && !asked:
			mine = value
		}
		env = append(env, name+"="+mine)
		delete(own, name)
	}
	for _, name := range names {
		if value, left := own[name]; left {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// history is the image's below: as many lines with a layer as there are layers, or made up where its config has
// others.
func (p *Plan) history() []history {
	below := p.standing.file
	var lines []history
	layers := 0
	for _, h := range below.History {
		line := history{CreatedBy: h.CreatedBy, Comment: h.Comment, EmptyLayer: h.EmptyLayer}
		if !h.Created.IsZero() {
			line.Created = stamp(h.Created.Time)
		}
		if !h.EmptyLayer {
			layers++
		}
		lines = append(lines, line)
	}
	if layers == len(p.parent.Layers) {
		return lines
	}
	lines = nil
	for range p.parent.Layers {
		lines = append(lines, history{Created: stamp(p.parent.Created), CreatedBy: "base image " + p.Lock.Base.Reference})
	}
	return lines
}
