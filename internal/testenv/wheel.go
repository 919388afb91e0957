// Package testenv makes what tests need and cannot fetch: packages, indexes, archives. It is no part of
// the product. What it makes is the same on every machine and with every version of Go.
package testenv

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/deflate"
)

// WheelOptions say what is in a wheel made by [Wheel]. The zero value is a pure wheel of one module.
type WheelOptions struct {
	Tag            string            // default "py3-none-any"
	Build          string            // build tag
	Requires       []string          // Requires-Dist
	RequiresPython string            // Requires-Python
	Extras         []string          // Provides-Extra
	Metadata       string            // more header lines of METADATA, each with its newline
	Files          map[string]string // by path in site-packages; nil is one module with __version__
	Executable     []string          // paths of Files, or members of the .data folder, with the executable bit
	Scripts        map[string]string // files of the scripts scheme, by name
	Data           map[string]string // other files of the .data folder: "headers/a.h", "data/share/a"
	EntryPoints    string            // text of entry_points.txt
	Stored         bool              // store members instead of deflating them
	// Record changes the text of RECORD, for wheels whose RECORD is wrong.
	Record func(text string) string
}

// Wheel makes a wheel, the same bytes for the same arguments on every machine: members are sorted, of one
// time, and deflated by the frozen encoder. name and version stand in METADATA as they are, in the
// file's name with underscores for runs of hyphens and dots (PyPA's binary distribution format).
func Wheel(name, version string, o WheelOptions) (filename string, content []byte) {
	escaped := strings.NewReplacer("-", "_", ".", "_").Replace(name)
	stem := escaped + "-" + strings.ReplaceAll(version, "-", "_")
	tag := o.Tag
	if tag == "" {
		tag = "py3-none-any"
	}
	filename = stem + "-"
	if o.Build != "" {
		filename += o.Build + "-"
	}
	filename += tag + ".whl"

	files := map[string]string{}
	if o.Files == nil {
		files[strings.ToLower(escaped)+"/__init__.py"] = fmt.Sprintf("__version__ = %q\n", version)
	}
	for p, text := range o.Files {
		files[p] = text
	}
	for p, text := range o.Scripts {
		files[stem+".data/scripts/"+p] = text
	}
	for p, text := range o.Data {
		files[stem+".data/"+p] = text
	}
	info := stem + ".dist-info/"
	files[info+"METADATA"] = metadata(name, version, o)
	files[info+"WHEEL"] = wheelText(tag, o.Build)
	if o.EntryPoints != "" {
		files[info+"entry_points.txt"] = o.EntryPoints
	}

	names := make([]string, 0, len(files))
	for p := range files {
		names = append(names, p)
	}
	sort.Strings(names)
	var record strings.Builder
	var members []ZipMember
	for _, p := range names {
		text := files[p]
		sum := sha256.Sum256([]byte(text))
		listed := p
		if strings.ContainsAny(p, ",\"") {
			listed = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
		}
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", listed, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
		mode := uint32(0o100644)
		for _, x := range o.Executable {
			if p == x || p == stem+".data/"+x {
				mode = 0o100755
			}
		}
		members = append(members, ZipMember{Name: p, Content: []byte(text), Mode: mode, Stored: o.Stored})
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	text := record.String()
	if o.Record != nil {
		text = o.Record(text)
	}
	members = append(members, ZipMember{Name: info + "RECORD", Content: []byte(text), Mode: 0o100644, Stored: o.Stored})
	return filename, Zip(members)
}

func metadata(name, version string, o WheelOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	if o.RequiresPython != "" {
		fmt.Fprintf(&b, "Requires-Python: %s\n", o.RequiresPython)
	}
	for _, x := range o.Extras {
		fmt.Fprintf(&b, "Provides-Extra: %s\n", x)
	}
	for _, r := range o.Requires {
		fmt.Fprintf(&b, "Requires-Dist: %s\n", r)
	}
	b.WriteString(o.Metadata)
	return b.String()
}

// wheelText is a WHEEL file with a line for each tag of a compressed set.
func wheelText(tag, build string) string {
	parts := strings.Split(tag, "-")
	var b strings.Builder
	fmt.Fprintf(&b, "Wheel-Version: 1.0\nGenerator: testenv\nRoot-Is-Purelib: %t\n", parts[len(parts)-1] == "any")
	if len(parts) == 3 {
		for _, py := range strings.Split(parts[0], ".") {
			for _, abi := range strings.Split(parts[1], ".") {
				for _, platform := range strings.Split(parts[2], ".") {
					fmt.Fprintf(&b, "Tag: %s-%s-%s\n", py, abi, platform)
				}
			}
		}
	}
	if build != "" {
		fmt.Fprintf(&b, "Build: %s\n", build)
	}
	return b.String()
}

// ZipMember is a member of an archive made by [Zip].
type ZipMember struct {
	Name    string
	Content []byte
	Mode    uint32 // Unix mode with its type; 0 for none
	Stored  bool
	Flags   uint16 // bit 11, for names in UTF-8, is set as it is needed
}

// Zip makes a zip archive of the members in their order. It makes no judgement of them: names may be
// anything and stand twice.
func Zip(members []ZipMember) []byte {
	var out, central bytes.Buffer
	le := binary.LittleEndian
	for _, m := range members {
		data, method := m.Content, uint16(0)
		if !m.Stored {
			data, method = Deflate(m.Content), 8
		}
		flags := m.Flags
		for _, c := range []byte(m.Name) {
			if c >= 0x80 {
				flags |= 1 << 11
			}
		}
		// What local and central header have in common: version, flags, method, time (1980-01-01), CRC,
		// sizes, lengths of name and extra field.
		var h []byte
		h = le.AppendUint16(h, 20)
		h = le.AppendUint16(h, flags)
		h = le.AppendUint16(h, method)
		h = le.AppendUint16(h, 0)
		h = le.AppendUint16(h, 1<<5|1)
		h = le.AppendUint32(h, crc32.ChecksumIEEE(m.Content))
		h = le.AppendUint32(h, uint32(len(data)))
		h = le.AppendUint32(h, uint32(len(m.Content)))
		h = le.AppendUint16(h, uint16(len(m.Name)))
		h = le.AppendUint16(h, 0)

		var c []byte
		c = append(c, "PK\x01\x02"...)
		c = le.AppendUint16(c, 3<<8|20) // made by Unix
		c = append(c, h...)
		c = append(c, make([]byte, 6)...) // comment, disk, internal attributes
		c = le.AppendUint32(c, m.Mode<<16)
		c = le.AppendUint32(c, uint32(out.Len()))
		central.Write(c)
		central.WriteString(m.Name)

		out.WriteString("PK\x03\x04")
		out.Write(h)
		out.WriteString(m.Name)
		out.Write(data)
	}
	var end []byte
	end = append(end, "PK\x05\x06\x00\x00\x00\x00"...)
	end = le.AppendUint16(end, uint16(len(members)))
	end = le.AppendUint16(end, uint16(len(members)))
	end = le.AppendUint32(end, uint32(central.Len()))
	end = le.AppendUint32(end, uint32(out.Len()))
	end = le.AppendUint16(end, 0)
	out.Write(central.Bytes())
	out.Write(end)
	return out.Bytes()
}

// Deflate is a raw deflate stream of p, the same for ever.
func Deflate(p []byte) []byte {
	var out bytes.Buffer
	e := deflate.NewEncoder(&out)
	if _, err := e.Write(p); err != nil {
		panic(err)
	}
	if err := e.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
