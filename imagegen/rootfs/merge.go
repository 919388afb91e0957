package rootfs

import (
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// mergedDirs are the folders of the root that the merged /usr turns into links.
// Debian's usrmerge package, convert-usrmerge: the same names.
var mergedDirs = []string{"bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"}

// merge gives the place of a packaged path under the merged /usr. A link at the root itself, as
// newer base-files ship it, stays where it is. Where /usr is not merged every path does.
func (t *tree) merge(p string, kind layer.Kind) string {
	if t.unmerged {
		return p
	}
	top, _, below := strings.Cut(p, "/")
	for _, d := range mergedDirs {
		if top == d && (below || kind == layer.Dir) {
			return "usr/" + p
		}
	}
	return p
}

// linkMerged makes the links of the root that packages do not ship.
func (t *tree) linkMerged() {
	if t.unmerged {
		return
	}
	for _, d := range mergedDirs {
		if _, there := t.nodes[d]; there {
			continue
		}
		if e, ok := t.nodes["usr/"+d]; ok && e.Kind == layer.Dir {
			t.nodes[d] = &layer.Entry{Path: d, Kind: layer.Symlink, Mode: 0o777, Link: "usr/" + d}
		}
	}
}

// isUnmerged tells whether the distribution keeps /bin, /lib and /sbin apart from /usr, by the os-release
// that its packages ship: Ubuntu's installer merges since 19.04, Debian's since 10. A set of packages without
// one is merged.
func isUnmerged(all []*unpacked) (bool, error) {
	for _, u := range all {
		for i := range u.entries {
			e := &u.entries[i]
			if e.Path != "usr/lib/os-release" && e.Path != "etc/os-release" || e.Kind != layer.File {
				continue
			}
			t := newTree()
			t.nodes[e.Path] = e
			text, err := t.read(e.Path)
			if err != nil {
				return false, err
			}
			facts := map[string]string{}
			for _, line := range strings.Split(string(text), "\n") {
				key, value, _ := strings.Cut(line, "=")
				facts[key] = strings.Trim(value, `"`)
			}
			first, ok := map[string]float64{"ubuntu": 19.04, "debian": 10}[facts["ID"]]
			version, err := strconv.ParseFloat(facts["VERSION_ID"], 64)
			return ok && err == nil && version < first, nil
		}
	}
	return false, nil
}
