package lockfile

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// DataFile is a file that the manifest names, as data or a model's weights: a layer of its own.
type DataFile struct {
	To         string   `toml:"to"`     // absolute path in the image
	URL        string   `toml:"url"`    // without credentials; or
	Path       string   `toml:"path"`   // with slashes, relative to the project, or absolute
	SHA256     string   `toml:"sha256"` // of its content
	Size       int64    `toml:"size"`   // bytes; an empty file has none
	Hashed     bool     `toml:"hashed"` // the manifest promised no hash: SHA256 is that of what was downloaded or read
	Executable bool     `toml:"executable"`
	Targets    []string `toml:"targets"` // platforms that have it
}

// Source is where the file comes from: its address or its path.
func (f DataFile) Source() string { return cmp.Or(f.URL, f.Path) }

// DataOn are the data files of a platform.
func (l *Lock) DataOn(platform string) []DataFile {
	var list []DataFile
	for _, f := range l.Data {
		if slices.Contains(f.Targets, platform) {
			list = append(list, f)
		}
	}
	return list
}

// emptySHA256 is the hash of no bytes.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (v *validator) dataFiles() {
	taken := map[string]string{} // by platform and path
	for i, f := range v.lock.Data {
		at := fmt.Sprintf("file[%d].", i)
		if !path.IsAbs(f.To) || path.Clean(f.To) != f.To || f.To == "/" || strings.ContainsFunc(f.To, unicode.IsControl) {
			v.fail(at+"to", "%q is not an absolute path of a file in its shortest form", f.To)
		}
		switch {
		case f.Path == "":
			v.address(at+"url", f.URL)
		case f.URL != "":
			v.fail(at+"path", "there is an address as well")
		case path.Clean(f.Path) != f.Path || strings.ContainsAny(f.Path, "\\\x00"):
			v.fail(at+"path", "%q is not a path in its shortest form", f.Path)
		}
		v.hash(at+"sha256", f.SHA256)
		if f.SHA256 != emptySHA256 {
			v.size(at+"size", f.Size)
		} else if f.Size != 0 {
			v.fail(at+"size", "an empty file has no bytes")
		}
		v.platforms(at+"targets", f.Targets, true)
		for _, t := range f.Targets {
			if taken[t+" "+f.To] != "" {
				v.fail(at+"to", "%s has %s twice", t, f.To)
			}
			taken[t+" "+f.To] = f.To
		}
	}
	for i, f := range v.lock.Data {
		for _, t := range f.Targets {
			for dir := path.Dir(f.To); dir != "/"; dir = path.Dir(dir) {
				if taken[t+" "+dir] != "" {
					v.fail(fmt.Sprintf("file[%d].to", i), "%s lies below %s, which is a file", f.To, dir)
				}
			}
		}
	}
}
