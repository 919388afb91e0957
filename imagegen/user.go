package imagegen

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/imagegen/parent"
	"github.com/envpack/envpack/imagegen/rootfs"
)

// accountTables are the tables that get a line for the user app, with what the line is.
var accountTables = []struct {
	path string
	line string // NAME and ID are replaced
}{
	{"etc/group", "app:x:ID:"},
	{"etc/gshadow", "app:!::"},
	{"etc/passwd", "app:x:ID:ID::/home/app:SHELL"},
	{"etc/shadow", "app:!::0:99999:7:::"},
}

// UserID is the number that the user app has in an image: its own if it has one, else the first from 1000 on
// that is free for a user and a group.
func UserID(tree *parent.Tree) int64 {
	passwd, _ := tree.Read("etc/passwd")
	group, _ := tree.Read("etc/group")
	taken := map[string]bool{}
	for _, table := range [][]byte{passwd, group} {
		for line := range strings.Lines(string(table)) {
			fields := strings.Split(strings.TrimRight(line, "\n"), ":")
			if len(fields) < 3 {
				continue
			}
			var id int64
			if fields[0] == rootfs.AppUser && len(fields) > 5 {
				if _, err := fmt.Sscan(fields[2], &id); err == nil {
					return id
				}
			}
			taken[fields[2]] = true
		}
	}
	id := int64(rootfs.AppID)
	for taken[fmt.Sprint(id)] {
		id++
	}
	return id
}

// account is what the image has for its user app, or will have.
type account struct {
	id, group int64
	home      string
}

// accountOf is the user app of an image, which has the number id.
func accountOf(tree *parent.Tree, id int64) account {
	a := account{id, id, rootfs.AppHome}
	passwd, _ := tree.Read("etc/passwd")
	for line := range strings.Lines(string(passwd)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), ":")
		if fields[0] != rootfs.AppUser || len(fields) < 7 || fields[2] != fmt.Sprint(id) {
			continue
		}
		if n, err := strconv.ParseInt(fields[3], 10, 64); err == nil {
			a.group = n
		}
		if path.IsAbs(fields[5]) {
			a.home = fields[5]
		}
		return a
	}
	return a
}

// userEntries are the files that give an image the user app; none that it has already is changed. Into its home may
// write whose group is root, as container platforms make users up.
func userEntries(tree *parent.Tree, id int64) []layer.Entry {
	shell := "/bin/sh"
	if _, ok := tree.Stat("bin/bash"); ok {
		shell = "/bin/bash"
	}
	var entries []layer.Entry
	for _, t := range accountTables {
		text, ok := tree.Read(t.path)
		if !ok && strings.HasSuffix(t.path, "shadow") {
			continue // an image without hidden passwords
		}
		have := slices.ContainsFunc(bytes.Split(text, []byte("\n")), func(line []byte) bool {
			return bytes.HasPrefix(line, []byte(rootfs.AppUser+":"))
		})
		if have {
			continue
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		line := strings.NewReplacer("ID", fmt.Sprint(id), "SHELL", shell).Replace(t.line)
		e := layer.Entry{Path: t.path, Kind: layer.File, Mode: 0o644, Content: layer.Bytes(string(text) + line + "\n")}
		if old, ok := tree.Stat(t.path); ok {
			e.Path, e.Mode, e.UID, e.GID = old.Path, old.Mode, old.UID, old.GID
		}
		entries = append(entries, e)
	}
	for _, dir := range []string{"home/app", "home/app/.cache", "home/app/.config", "home/app/.local"} {
		if _, ok := tree.Stat(dir); !ok {
			entries = append(entries, layer.Entry{Path: dir, Kind: layer.Dir, Mode: 0o775, UID: int(id)})
		}
	}
	return withParents(tree, entries)
}

// withParents adds the folders above the entries as the image below has them: a layer that named them with
// other owners or modes would change them.
func withParents(tree *parent.Tree, entries []layer.Entry) []layer.Entry {
	named := map[string]bool{}
	for _, e := range entries {
		named[e.Path] = true
	}
	for _, e := range slices.Clone(entries) {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if named[dir] {
				continue
			}
			named[dir] = true
			if old, ok := tree.Lstat(dir); ok && old.Kind == layer.Dir {
				entries = append(entries, layer.Entry{Path: dir, Kind: layer.Dir, Mode: old.Mode, UID: old.UID, GID: old.GID})
			}
		}
	}
	return entries
}
