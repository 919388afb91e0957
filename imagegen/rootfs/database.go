package rootfs

import (
	"bytes"
	"crypto/md5" //nolint:gosec // dpkg's own format for conffiles
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

// dpkg's folder of facts about packages.
const (
	admin = "var/lib/dpkg"
	info  = admin + "/info"
)

// database writes dpkg's database as if it had unpacked and configured the packages: status, the
// files below info, and the files that dpkg wants to find. The format file makes it know the
// names with an architecture (dpkg, infodb-format).
func (t *tree) database(debs []*unpacked, arch string) error {
	var status strings.Builder
	for _, d := range debs {
		stanza, err := t.statusStanza(d)
		if err != nil {
			return err
		}
		status.WriteString(stanza)
		status.WriteString("\n")
		name := d.Name
		if d.multiArch == "same" {
			name += ":" + d.Architecture
		}
		t.file(info+"/"+name+".list", 0o644, 0, []byte(d.list()))
		for _, member := range slices.Sorted(maps.Keys(d.members)) {
			mode := uint32(0o644)
			switch member {
			case "preinst", "postinst", "prerm", "postrm", "config":
				mode = 0o755
			}
			t.file(info+"/"+name+"."+member, mode, 0, d.members[member])
		}
	}
	t.file(info+"/format", 0o644, 0, []byte("1\n"))
	t.file(admin+"/arch", 0o644, 0, []byte(arch+"\n"))
	if t.knowsNativeFile() {
		t.file(admin+"/arch-native", 0o644, 0, []byte(arch+"\n"))
	}
	t.file(admin+"/status", 0o644, 0, []byte(status.String()))
	for _, empty := range []string{"available", "diversions", "statoverride", "triggers/Unincorp"} {
		t.fileIfMissing(admin+"/"+empty, 0o644, 0, nil)
	}
	t.fileIfMissing(admin+"/lock", 0o640, 0, nil)
	t.fileIfMissing(admin+"/triggers/Lock", 0o600, 0, nil)
	t.triggers(debs)
	for _, d := range []string{"alternatives", "parts", "updates"} {
		t.dir(admin+"/"+d, 0o755, 0)
	}
	return nil
}

// list is info/PACKAGE.list: every path of the package as it was packaged, the root first.
func (u *unpacked) list() string {
	var b strings.Builder
	b.WriteString("/.\n")
	for _, p := range u.shipped {
		b.WriteString("/" + p + "\n")
	}
	return b.String()
}

// statusStanza is the package's control file with its status after the name, and the hashes of
// its configuration files before the description, where dpkg has them.
func (t *tree) statusStanza(d *unpacked) (string, error) {
	var conffiles strings.Builder
	for _, line := range strings.Split(string(d.members["conffiles"]), "\n") {
		line = strings.TrimSpace(line)
		if gone, ok := strings.CutPrefix(line, "remove-on-upgrade "); ok {
			// A file of older versions, which is not there: so dpkg has it.
			fmt.Fprintf(&conffiles, " %s newconffile remove-on-upgrade\n", strings.TrimSpace(gone))
			continue
		}
		if !strings.HasPrefix(line, "/") {
			continue
		}
		data, err := t.read(t.merge(clean(line), '0'))
		if err != nil {
			return "", fmt.Errorf("%s: conffile %w", d.Name, err)
		}
		sum := md5.Sum(data)
		fmt.Fprintf(&conffiles, " %s %s\n", line, hex.EncodeToString(sum[:]))
	}
	var b strings.Builder
	for _, field := range controlFields(d.control) {
		key, _, _ := strings.Cut(field, ":")
		if strings.EqualFold(key, "Description") && conffiles.Len() > 0 {
			b.WriteString("Conffiles:\n" + conffiles.String())
		}
		b.WriteString(field)
		if strings.EqualFold(key, "Package") {
			b.WriteString("Status: install ok installed\n")
		}
	}
	return b.String(), nil
}

// controlFields splits a control file into its fields, continuation lines and line ends included.
func controlFields(control string) []string {
	var fields []string
	for _, line := range strings.SplitAfter(strings.Trim(control, "\n")+"\n", "\n") {
		switch {
		case line == "":
		case (line[0] == ' ' || line[0] == '\t') && len(fields) > 0:
			fields[len(fields)-1] += line
		default:
			fields = append(fields, line)
		}
	}
	return fields
}

// triggers records who is interested in what, which dpkg reads before it configures a further
// package: triggers/File for paths, a file per name for explicit triggers.
func (t *tree) triggers(debs []*unpacked) {
	var paths []string
	named := map[string][]string{}
	for _, d := range debs {
		for _, line := range strings.Split(string(d.members["triggers"]), "\n") {
			line, _, _ = strings.Cut(line, "#")
			words := strings.Fields(line)
			if len(words) != 2 || !strings.HasPrefix(words[0], "interest") {
				continue
			}
			who := d.Name
			if d.multiArch == "same" {
				who += ":" + d.Architecture
			}
			if strings.HasSuffix(words[0], "-noawait") {
				who += "/noawait"
			}
			if strings.HasPrefix(words[1], "/") {
				paths = append(paths, words[1]+" "+who)
			} else {
				named[words[1]] = append(named[words[1]], who)
			}
		}
	}
	sort.Strings(paths)
	text := strings.Join(paths, "\n")
	if text != "" {
		text += "\n"
	}
	t.file(admin+"/triggers/File", 0o644, 0, []byte(text))
	for _, name := range slices.Sorted(maps.Keys(named)) {
		sort.Strings(named[name])
		t.file(admin+"/triggers/"+name, 0o644, 0, []byte(strings.Join(named[name], "\n")+"\n"))
	}
}

// knowsNativeFile tells whether the dpkg of the tree keeps its architecture in a file of its own, as it does
// from 1.22 on: its program names the file.
func (t *tree) knowsNativeFile() bool {
	if t.owner["usr/bin/dpkg"] == "" {
		return false
	}
	program, err := t.read("usr/bin/dpkg")
	return err == nil && bytes.Contains(program, []byte("arch-native"))
}
