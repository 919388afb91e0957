// Package links says where a path leads among files whose folders may be symbolic links. It reads nothing: what is a link, its caller
// says.
package links

import (
	"fmt"
	"path"
	"strings"

	"github.com/envpack/envpack/imagegen/layertar"
)

// Most bounds the symbolic links on the way of one path, as the kernel's ELOOP does.
const Most = 40

// Follow gives a path without the symbolic links in it: relative to the root, which is "". target tells where a link leads that lies at
// such a path; of what is none, or is missing, false. A link as the last part is followed only if last is set. What leads above the root
// stays at it. Errors: more links than [Most].
func Follow(p string, last bool, target func(p string) (string, bool)) (string, error) {
	left := strings.Split(layertar.Clean(p), "/")
	at, links := "", 0
	for len(left) > 0 {
		name := left[0]
		left = left[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = layertar.Clean(path.Dir("/" + at))
			continue
		}
		next := path.Join(at, name)
		link, ok := target(next)
		if !ok || len(left) == 0 && !last {
			at = next
			continue
		}
		if links++; links > Most {
			return "", fmt.Errorf("/%s: too many symbolic links", layertar.Clean(p))
		}
		if strings.HasPrefix(link, "/") {
			at = ""
		}
		left = append(strings.Split(strings.Trim(link, "/"), "/"), left...)
	}
	return at, nil
}
