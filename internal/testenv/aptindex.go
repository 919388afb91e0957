package testenv

import (
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"
)

// listing is a release's list of indexes.
type listing struct {
	repo   *AptRepo
	folder string
	sums   strings.Builder
}

// add adds an index, packed and not.
func (l *listing) add(below, name string, data []byte) {
	l.file(below, name, data)
	l.file(below, name+".gz", Gzip(data))
	l.file(below, name+".xz", packXZ(data))
}

func (l *listing) file(below, name string, data []byte) {
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	fmt.Fprintf(&l.sums, " %s %d %s\n", sum, len(data), below+name)
	l.repo.files[l.folder+below+name] = data
	if !l.repo.NoByHash {
		l.repo.files[l.folder+below+"by-hash/SHA256/"+sum] = data
	}
}

// contents adds the index of files: Ubuntu has one for all components, Debian one for each.
func (l *listing) contents(arch string) {
	var lines []string
	for _, d := range l.repo.debs {
		if d.arch != arch || d.pocket != "release" {
			continue
		}
		section := d.section
		if section == "" {
			section = "libs"
		}
		for _, f := range d.files {
			lines = append(lines, f+" "+section+"/"+d.name+"\n")
		}
	}
	sort.Strings(lines)
	below := "main/"
	if l.repo.Archive == "ubuntu" {
		below = ""
	}
	l.file(below, "Contents-"+arch+".gz", Gzip([]byte(strings.Join(lines, ""))))
}
