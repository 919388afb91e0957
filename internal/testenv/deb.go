package testenv

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"path"
	"slices"
	"strings"
)

// DebOptions say what is in a package made by [Deb]. The zero value is a package without files.
type DebOptions struct {
	Fields     map[string]string // of the control file: "Depends", "Provides", "Priority", …
	Files      map[string]string // by path without leading slash; a path that ends in a slash is a folder
	Links      map[string]string // symbolic links: target by path
	Hardlinks  map[string]string // hard links: path of the earlier file by path
	Modes      map[string]uint32 // instead of 0644 (folders 0755)
	Owners     map[string][2]int // UID and GID instead of 0, 0
	Members    map[string]string // further control members: "postinst", "conffiles", …
	Uncompress bool              // members control.tar and data.tar instead of .gz
	Pocket     string            // for [AptRepo.AddDeb]: "release" (default), "updates", "security"
}

// Deb makes a .deb, the same bytes for the same arguments on every machine. Parents of files are added, and md5sums.
func Deb(name, version, arch string, o DebOptions) (filename string, content []byte) {
	_, unepoched, ok := strings.Cut(version, ":")
	if !ok {
		unepoched = version
	}
	members := map[string]string{"control": debControl(name, version, arch, o.Fields)}
	var sums strings.Builder
	for _, p := range slices.Sorted(maps.Keys(o.Files)) {
		if !strings.HasSuffix(p, "/") {
			fmt.Fprintf(&sums, "%x  %s\n", md5.Sum([]byte(o.Files[p])), p)
		}
	}
	members["md5sums"] = sums.String()
	for p, text := range o.Members {
		members[p] = text
	}
	control := []*tar.Header{{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}}
	for _, p := range slices.Sorted(maps.Keys(members)) {
		mode := int64(0o644)
		switch p {
		case "preinst", "postinst", "prerm", "postrm", "config":
			mode = 0o755
		}
		control = append(control, &tar.Header{Name: "./" + p, Typeflag: tar.TypeReg, Mode: mode, Size: int64(len(members[p]))})
	}
	out := bytes.NewBufferString("!<arch>\n")
	arMember(out, "debian-binary", []byte("2.0\n"))
	for _, part := range []struct {
		name string
		tar  []byte
	}{
		{"control.tar", tarball(control, func(p string) string { return members[strings.TrimPrefix(p, "./")] })},
		{"data.tar", tarball(debHeaders(o), func(p string) string { return o.Files[strings.TrimPrefix(p, "./")] })},
	} {
		if o.Uncompress {
			arMember(out, part.name, part.tar)
		} else {
			arMember(out, part.name+".gz", Gzip(part.tar))
		}
	}
	return name + "_" + unepoched + "_" + arch + ".deb", out.Bytes()
}

// ArMember is a member of an archive made by [Ar].
type ArMember struct {
	Name    string
	Content []byte
}

// Ar makes an ar archive, as packages are, of the members in their order. It makes no judgement of them.
func Ar(members ...ArMember) []byte {
	out := bytes.NewBufferString("!<arch>\n")
	for _, m := range members {
		arMember(out, m.Name, m.Content)
	}
	return out.Bytes()
}

// DebControl is the member control.tar of a package.
func DebControl(name, version, arch string) []byte {
	text := debControl(name, version, arch, nil)
	return tarball([]*tar.Header{{Name: "./control", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}}, func(string) string { return text })
}

// debControl is the text of the control file, without the fields that only an index has.
func debControl(name, version, arch string, fields map[string]string) string {
	all := map[string]string{"Maintainer": "Nobody <nobody@maintainer.example>", "Description": name}
	for k, v := range fields {
		all[k] = v
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Package: %s\nVersion: %s\nArchitecture: %s\n", name, version, arch)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s: %s\n", k, all[k])
	}
	return b.String()
}

// debHeaders lists the files in order of their paths, hard links behind all else.
func debHeaders(o DebOptions) []*tar.Header {
	headers := map[string]*tar.Header{}
	for p, text := range o.Files {
		clean := strings.TrimSuffix(p, "/")
		if clean != p {
			headers[clean] = &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}
		} else {
			headers[clean] = &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}
		}
	}
	for p, target := range o.Links {
		headers[p] = &tar.Header{Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}
	}
	for p, target := range o.Hardlinks {
		headers[p] = &tar.Header{Typeflag: tar.TypeLink, Linkname: "./" + target, Mode: 0o644}
	}
	for _, p := range slices.Sorted(maps.Keys(headers)) {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if headers[dir] == nil {
				headers[dir] = &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}
			}
		}
	}
	list := []*tar.Header{{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}}
	for _, links := range []bool{false, true} {
		for _, p := range slices.Sorted(maps.Keys(headers)) {
			h := headers[p]
			if (h.Typeflag == tar.TypeLink) != links {
				continue
			}
			h.Name = "./" + p
			if h.Typeflag == tar.TypeDir {
				h.Name += "/"
			}
			if mode, ok := o.Modes[p]; ok {
				h.Mode = int64(mode)
			}
			h.Uid, h.Gid = o.Owners[p][0], o.Owners[p][1]
			list = append(list, h)
		}
	}
	return list
}

func tarball(headers []*tar.Header, content func(name string) string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Format = tar.FormatGNU
		if err := w.WriteHeader(h); err != nil {
			panic(fmt.Sprintf("testenv: %s: %v", h.Name, err))
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(content(h.Name))); err != nil {
				panic(fmt.Sprintf("testenv: %s: %v", h.Name, err))
			}
		}
	}
	if err := w.Close(); err != nil {
		panic(fmt.Sprintf("testenv: %v", err))
	}
	return b.Bytes()
}

func arMember(out *bytes.Buffer, name string, content []byte) {
	fmt.Fprintf(out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", len(content))
	out.Write(content)
	if len(content)%2 == 1 {
		out.WriteByte('\n')
	}
}

// Gzip packs with the frozen deflate encoder: the same bytes on every machine.
func Gzip(p []byte) []byte {
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	out = append(out, Deflate(p)...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(p))
	return binary.LittleEndian.AppendUint32(out, uint32(len(p)))
}
