package rootfs

import (
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
)

// mergedDirs are the folders of the root that the merged /usr turns into links.
// Debian's usrmerge package, convert-usrmerge: the same names.
var mergedDirs = []string{"bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"}

// merge gives the place of a packaged path under the merged /usr. A link at the root itself, as
// newer base-files ship it, stays where it is.
func merge(p string, kind layer.Kind) string {
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
	for _, d := range mergedDirs {
		if _, there := t.nodes[d]; there {
			continue
		}
		if e, ok := t.nodes["usr/"+d]; ok && e.Kind == layer.Dir {
			t.nodes[d] = &layer.Entry{Path: d, Kind: layer.Symlink, Mode: 0o777, Link: "usr/" + d}
		}
	}
}
