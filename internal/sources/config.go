package sources

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
)

// ownConfig is ~/.config/envpack/config.toml (on Windows %APPDATA%\envpack\config.toml):
//
//	[index]
//	url = "https://pypi.example/simple/"            # of the default index
//
//	[templates]                                     # of indexes that manifests call by name; variants are below
//	pytorch = "https://mirror.example/whl"
//
//	[apt]
//	debian = "https://mirror.example/debian"
//	debian-security = "https://mirror.example/debian-security"
//	ubuntu = "https://mirror.example/ubuntu"        # and ubuntu-security, ubuntu-ports
//	debian-snapshot = "https://mirror.example/snapshot"  # has debian/TIME and debian-security/TIME
//	ubuntu-snapshot = "https://mirror.example/ubuntu-snapshot"  # has TIME
//	ubuntu-files = "https://mirror.example/ubuntu-files"  # has NAME_VERSION_ARCHITECTURE.deb
//	keyrings = ["/etc/envpack/mirror.asc"]          # trusted beside the distribution's own keys
//
//	[files]                                         # mirrors of what [[file]] names, by the beginning of addresses
//	"https://models.example/" = "https://mirror.example/models/"
//
//	[images]                                        # mirrors of images to stand on, by the beginning of references
//	"nvidia/cuda" = "mirror.example/nvidia/cuda"
//
//	[interpreters]
//	url = "https://mirror.example/python-builds"    # of python-build-standalone's releases
//
// A relative path of a keyring is relative to the file.
type ownConfig struct {
	index    setting
	archives map[string]setting // by name
	keyrings []string
	mirrors  []mirror
	// templates are the addresses of indexes that manifests call by name.
	templates map[string]setting
	images    map[string]string
}

func readOwn(h Host) (ownConfig, error) {
	var out ownConfig
	file := h.userConfig("envpack", "config.toml")
	text, ok, err := read(file)
	if err != nil || !ok {
		return out, err
	}
	var parsed struct {
		Index struct {
			URL string `toml:"url"`
		} `toml:"index"`
		Apt struct {
			Debian         string   `toml:"debian"`
			DebianSecurity string   `toml:"debian-security"`
			Ubuntu         string   `toml:"ubuntu"`
			UbuntuSecurity string   `toml:"ubuntu-security"`
			UbuntuPorts    string   `toml:"ubuntu-ports"`
			DebianSnapshot string   `toml:"debian-snapshot"`
			UbuntuSnapshot string   `toml:"ubuntu-snapshot"`
			UbuntuFiles    string   `toml:"ubuntu-files"`
			Keyrings       []string `toml:"keyrings"`
		} `toml:"apt"`
		Files        map[string]string `toml:"files"`
		Templates    map[string]string `toml:"templates"`
		Images       map[string]string `toml:"images"`
		Interpreters struct {
			URL string `toml:"url"`
		} `toml:"interpreters"`
	}
	if err := decode(file, text, &parsed); err != nil {
		return out, err
	}
	if unknown := unknownKey(text, &parsed); unknown != "" {
		return out, diag.New(diag.Failure, "unknown key %s", unknown).At(diag.Position{File: file}).
			Hint("known are url below [index] and [interpreters], and debian, debian-security, ubuntu, ubuntu-security, ubuntu-ports, debian-snapshot, ubuntu-snapshot, ubuntu-files and keyrings below [apt], beginnings of addresses below [files], of references below [images], and names of indexes below [templates]")
	}
	if parsed.Index.URL != "" {
		out.index = locate(file, text, parsed.Index.URL)
	}
	out.templates = map[string]setting{}
	for name, value := range parsed.Templates {
		if _, there := templates[name]; !there {
			return out, diag.New(diag.Failure, "no index is known by the name %s", name).At(locate(file, text, value).pos).
				Hint("below [templates] there is %s", strings.Join(slices.Sorted(maps.Keys(templates)), ", "))
		}
		out.templates[name] = locate(file, text, value)
	}
	out.archives = map[string]setting{}
	for name, value := range map[string]string{
		Debian: parsed.Apt.Debian, DebianSecurity: parsed.Apt.DebianSecurity,
		Ubuntu: parsed.Apt.Ubuntu, UbuntuSecurity: parsed.Apt.UbuntuSecurity, UbuntuPorts: parsed.Apt.UbuntuPorts,
		DebianSnapshot: parsed.Apt.DebianSnapshot, UbuntuSnapshot: parsed.Apt.UbuntuSnapshot, UbuntuFiles: parsed.Apt.UbuntuFiles,
		PythonBuilds: parsed.Interpreters.URL,
	} {
		if value != "" {
			out.archives[name] = locate(file, text, value)
		}
	}
	for _, from := range slices.Sorted(maps.Keys(parsed.Files)) {
		to := locate(file, text, parsed.Files[from])
		if parsed.Files[from] == "" {
			to = setting{origin: file, pos: diag.Position{File: file}}
		}
		m, err := newMirror(from, to)
		if err != nil {
			return out, err
		}
		out.mirrors = append(out.mirrors, m)
	}
	for from, to := range parsed.Images {
		if from == "" || to == "" || strings.ContainsAny(from+to, " @") {
			return out, diag.New(diag.Failure, "below [images], %q = %q is no mirror of images", from, to).At(diag.Position{File: file}).
				Hint(`as in "team/base" = "mirror.example/team/base"`)
		}
	}
	out.images = parsed.Images
	for _, k := range parsed.Apt.Keyrings {
		if !filepath.IsAbs(k) {
			k = filepath.Join(filepath.Dir(file), k)
		}
		if !isFile(k) {
			return out, diag.New(diag.Failure, "keyring %s does not exist", k).At(diag.Position{File: file}).Hint("keyrings below [apt] there names it; a path that is not absolute is seen from the folder of that file")
		}
		out.keyrings = append(out.keyrings, k)
	}
	return out, nil
}

// unknownKey is the first key of a valid text that into has no place for.
func unknownKey(text string, into any) string {
	meta, err := toml.Decode(text, into)
	if err != nil {
		return ""
	}
	for _, key := range meta.Undecoded() {
		return strings.Join(key, ".")
	}
	return ""
}
