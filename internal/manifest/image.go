package manifest

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// defaultWorkdir is where the project's files lie in an image.
const defaultWorkdir = "/app"

func (d *document) readImage(m *Manifest) error {
	image := &m.Image
	if tag, at, ok := d.str("image", "tag"); ok {
		if !checkTag(tag) {
			return d.fail(d.value(at), "image.tag %q is no image reference", tag).
				Hint("as in registry.example/team/digits or registry.example/team/digits:v1, in lower case")
		}
		image.Tag = tag
	}
	if repo, at, ok := d.str("image", "cache-repo"); ok {
		slash := strings.LastIndexByte(repo, '/')
		if !checkTag(repo) || slash < 0 || strings.Contains(repo[slash:], ":") {
			return d.fail(d.value(at), "image.cache-repo %q is no repository", repo).
				Hint("as in registry.example/team/layers, without a tag, in lower case")
		}
		image.CacheRepo = repo
	}
	for _, step := range []func(*Image) error{d.readCommand, d.readInclude, d.readUser, d.readWorkdir, d.readPorts, d.readVolumes, d.readEnv, d.readLabels} {
		if err := step(image); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) readCommand(image *Image) error {
	words, at := d.list("image", "command")
	for i, word := range words {
		if i == 0 && word == "" || strings.ContainsRune(word, 0) {
			return d.fail(d.value(item(at, i)), "image.command has a word %q that cannot be run or passed on", word)
		}
	}
	image.Command = words
	return nil
}

func (d *document) readInclude(image *Image) error {
	patterns, at := d.list("image", "include")
	for i, p := range patterns {
		clean := path.Clean(p)
		if p == "" || path.IsAbs(p) || clean == ".." || strings.HasPrefix(clean, "../") {
			return d.fail(d.value(item(at, i)), "image.include %q: a path or pattern inside the project is wanted", p)
		}
		image.IncludePos = append(image.IncludePos, d.value(item(at, i)))
	}
	image.Include = patterns
	return nil
}

func (d *document) readUser(image *Image) error {
	image.User = "app"
	user, at, ok := d.str("image", "user")
	if !ok {
		return nil
	}
	if user != "app" && user != "root" {
		return d.fail(d.value(at), "image.user %q: there is app and root", user)
	}
	image.User = user
	return nil
}

// reservedDirs belong to the base or the environment.
var reservedDirs = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys", "/usr", "/var", "/opt/env"}

func (d *document) readWorkdir(image *Image) error {
	image.Workdir = defaultWorkdir
	dir, at, ok := d.str("image", "workdir")
	if !ok {
		return nil
	}
	if !isPlace(dir) {
		return d.fail(d.value(at), "image.workdir %q: a clean absolute path below / is wanted, as in %s", dir, defaultWorkdir)
	}
	for _, r := range reservedDirs {
		if within(dir, r) || within(r, dir) {
			return d.fail(d.value(at), "image.workdir %q would be mixed with %s, which belongs to the base or the environment", dir, r)
		}
	}
	image.Workdir = dir
	return nil
}

// isPlace tells whether p is a clean absolute path below the root, without control characters.
func isPlace(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p && p != "/" && !strings.ContainsFunc(p, unicode.IsControl)
}

// within tells whether p is dir or lies in it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func (d *document) readPorts(image *Image) error {
	ports, at := d.list("image", "ports")
	for i, text := range ports {
		m := portForm().FindStringSubmatch(text)
		n := 0
		if m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		if n < 1 || n > 65535 {
			return d.fail(d.value(item(at, i)), "port %q: a number from 1 to 65535 is wanted, then /tcp, /udp, /sctp or nothing", text)
		}
		protocol := m[2]
		if protocol == "" {
			protocol = "tcp"
		}
		image.Ports = append(image.Ports, strconv.Itoa(n)+"/"+protocol)
	}
	image.Ports = unique(image.Ports)
	return nil
}

func (d *document) readVolumes(image *Image) error {
	volumes, at := d.list("image", "volumes")
	for i, v := range volumes {
		if within("/opt/env", v) || within(v, "/opt/env") {
			return d.fail(d.value(item(at, i)), "volume %q would hide the environment, which is /opt/env", v)
		}
		if !isPlace(v) {
			return d.fail(d.value(item(at, i)), "volume %q: a clean absolute path below / is wanted", v)
		}
	}
	image.Volumes = unique(volumes)
	return nil
}

func (d *document) readEnv(image *Image) error {
	table, at := d.strings("env")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		switch {
		case !envName().MatchString(name):
			return d.fail(d.key(join(at, name)), "%q is no name of an environment variable", name)
		case name == "PATH" || name == "VIRTUAL_ENV":
			return d.fail(d.key(join(at, name)), "image.env.%s cannot be set: the environment depends on it", name)
		case strings.ContainsRune(table[name], 0):
			return d.fail(d.value(join(at, name)), "image.env.%s holds a NUL character", name)
		}
	}
	image.Env = table
	return nil
}

func (d *document) readLabels(image *Image) error {
	table, at := d.strings("labels")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if !labelForm().MatchString(name) {
			return d.fail(d.key(join(at, name)), "%q is no name of a label", name)
		}
	}
	image.Labels = table
	return nil
}

// strings reads a table of strings of [image].
func (d *document) strings(key string) (map[string]string, string) {
	raw, _ := d.table("image")[key].(map[string]any)
	at := d.path("image", key)
	if len(raw) == 0 {
		return nil, at
	}
	table := map[string]string{}
	for name, value := range raw {
		table[name] = value.(string)
	}
	return table, at
}
