package backend

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// maxPatched bounds a file that is patched, in bytes.
const maxPatched = 64 << 20

// Patch changes the files below root as a patch says, unified or as git writes it (docs: git-diff, Generating patch text). The
// first folder of its paths counts as git's "a/" and "b/" and is left off; paths without one are taken as they stand. Lines
// may stand elsewhere than the patch says, and have to be what it says. A file that is changed is of the time modified.
//
// Errors: what is no patch, changes nothing or is binary; a file that is not there, or that has other lines; a path that leads out.
func Patch(root *os.Root, data []byte, modified time.Time) error {
	files, _, err := gitdiff.Parse(bytes.NewReader(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))))
	if err != nil {
		return fmt.Errorf("not a patch: %w", err)
	}
	if len(files) == 0 {
		return errors.New("not a patch: it changes no file")
	}
	for _, f := range files {
		if err := patchFile(root, f, modified); err != nil {
			return err
		}
	}
	return nil
}

// patchFile does what a patch says of one file.
func patchFile(root *os.Root, f *gitdiff.File, modified time.Time) error {
	if f.IsBinary {
		return fmt.Errorf("it changes %s, which is binary: only text can be patched", f.NewName)
	}
	from, err := patchedName(root, f.OldName, f.IsNew)
	if err != nil {
		return err
	}
	to, err := patchedName(root, f.NewName, true)
	if err != nil {
		return err
	}
	switch {
	case f.IsNew || from == "":
		if _, err := root.Lstat(to); err == nil {
			return fmt.Errorf("it makes %s, which is there", to)
		}
		from = to
	case f.IsDelete || to == "":
		to = from
	case f.OldName == f.NewName:
		to = from
	}
	var before []byte
	mode := fs.FileMode(0o644)
	if !f.IsNew {
		info, err := root.Lstat(from)
		if err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("it changes %s, which is no file of the source", from)
		}
		mode = info.Mode().Perm()
		if before, err = readPatched(root, from); err != nil {
			return err
		}
	}
	if f.NewMode != 0 && f.NewMode.Perm()&0o111 != 0 {
		mode = 0o755
	}
	after, err := applied(from, before, f.TextFragments)
	if err != nil {
		return err
	}
	if f.IsDelete {
		return root.Remove(from)
	}
	if err := root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	if err := root.WriteFile(to, after, mode); err != nil {
		return err
	}
	if err := root.Chmod(to, mode); err != nil {
		return err
	}
	if f.IsRename && from != to {
		if err := root.Remove(from); err != nil {
			return err
		}
	}
	return root.Chtimes(to, modified, modified)
}

// patchedName is the path that a patch means by a name. The parser has git's prefixes taken off; those of others stay, and so
// does that of a file without one.
func patchedName(root *os.Root, name string, made bool) (string, error) {
	if name == "" || name == "/dev/null" {
		return "", nil
	}
	clean := path.Clean(name)
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return "", fmt.Errorf("it changes %s, which is not in the source", name)
	}
	if _, err := root.Lstat(clean); err == nil || made && !strings.HasPrefix(clean, "b/") {
		return clean, nil
	}
	if _, below, ok := strings.Cut(clean, "/"); ok {
		if _, err := root.Lstat(below); err == nil || made {
			return below, nil
		}
	}
	return clean, nil
}

func readPatched(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPatched+1))
	if err == nil && len(data) > maxPatched {
		err = fmt.Errorf("%s has more than %d bytes", name, maxPatched)
	}
	return data, err
}

// applied is a file with fragments of a patch applied in their order. Each begins where its old lines stand: at the line that it
// says, moved as those before it were, or else at the place nearest to that.
func applied(name string, before []byte, fragments []*gitdiff.TextFragment) ([]byte, error) {
	lines := strings.SplitAfter(string(before), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	crlf := len(lines) > 0 && strings.HasSuffix(lines[0], "\r\n")
	var out []string
	done, moved := 0, 0
	for _, f := range fragments {
		var old, fresh []string
		for _, l := range f.Lines {
			text := l.Line
			if crlf && strings.HasSuffix(text, "\n") {
				text = strings.TrimSuffix(text, "\n") + "\r\n"
			}
			if l.Op != gitdiff.OpAdd {
				old = append(old, text)
			}
			if l.Op != gitdiff.OpDelete {
				fresh = append(fresh, text)
			}
		}
		want := int(f.OldPosition) - 1
		if len(old) == 0 {
			want = int(f.OldPosition)
		}
		at := nearest(lines, old, done, want+moved)
		if at < 0 {
			return nil, fmt.Errorf("%s does not have the lines that it changes at line %d", name, f.OldPosition)
		}
		moved = at - want
		out = append(append(out, lines[done:at]...), fresh...)
		done = at + len(old)
	}
	return []byte(strings.Join(append(out, lines[done:]...), "")), nil
}

// nearest is where some lines stand among others, from first on: the place nearest to want; -1 if they stand nowhere.
func nearest(lines, some []string, first, want int) int {
	fits := func(at int) bool {
		if at < first || at+len(some) > len(lines) {
			return false
		}
		for i, l := range some {
			if lines[at+i] != l {
				return false
			}
		}
		return true
	}
	for d := 0; d <= len(lines)+max(want, 0); d++ {
		if fits(want - d) {
			return want - d
		}
		if fits(want + d) {
			return want + d
		}
	}
	return -1
}
