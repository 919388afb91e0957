package sources

import (
	"fmt"
	"strings"
)

// List is the text of an apt sources.list for a release of a distribution, with the well-known archives and all
// pockets: what its installer would write. "" for a distribution without archives here.
func List(distro, codename, architecture string) string {
	family, _, _ := strings.Cut(distro, ":")
	components := map[string]string{"debian": "main", "ubuntu": "main universe"}[family]
	if components == "" || codename == "" {
		return ""
	}
	var b strings.Builder
	for _, suffix := range []string{"", "-updates", "-security"} {
		name := family
		switch {
		case family == "ubuntu" && architecture != "amd64" && architecture != "i386":
			name = UbuntuPorts
		case suffix == "-security":
			name += suffix
		}
		for _, a := range archives {
			if a.name == name {
				fmt.Fprintf(&b, "deb %s %s%s %s\n", a.at.url(), codename, suffix, components)
			}
		}
	}
	return b.String()
}
