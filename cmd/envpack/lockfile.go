package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/lockfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// lockFlags say which lock a command is about, and for which dependency groups.
type lockFlags struct {
	file            string
	groups, without []string
}

// addTo adds the flags that say which project's lock is meant.
func (f *lockFlags) addTo(cmd *cobra.Command) {
	f.addFile(cmd)
	cmd.Flags().String("project", ".", "the project's folder, `DIR`, or its manifest")
	completeFlag(cmd, "project", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
}

// addFile adds the one that names the lock, for commands that have projects as arguments.
func (f *lockFlags) addFile(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "lock", "", "the lock's `FILE` (default: envpack.lock beside the manifest)")
	completeFlag(cmd, "lock", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"lock"}, cobra.ShellCompDirectiveFilterFileExt
	})
}

func (f *lockFlags) addGroups(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.groups, "group", nil, "take this dependency `GROUP` in place of the manifest's; may be given several times")
	cmd.Flags().StringArrayVar(&f.without, "no-group", nil, "leave this dependency `GROUP` out; may be given several times")
	completeFlag(cmd, "group", completeGroup)
	completeFlag(cmd, "no-group", completeGroup)
}

// dirOf is the project's folder or manifest: the argument of a command that takes one, or --project; none is the working
// directory.
func dirOf(cmd *cobra.Command, args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	if f := cmd.Flags().Lookup("project"); f != nil {
		return f.Value.String()
	}
	return "."
}

// folderOf is the project's folder, of which its manifest may be named.
func folderOf(dir string) string {
	if info, err := os.Stat(dir); err == nil && info.Mode().IsRegular() {
		return filepath.Dir(dir)
	}
	return dir
}

// path is where the lock is.
func (f *lockFlags) path(dir string) string {
	if f.file != "" {
		return f.file
	}
	return filepath.Join(folderOf(dir), lockfile.Name)
}

// load reads the manifest for the lock: with the groups that the lock was made for, or with those that are asked for if
// there is no lock. A lock of other groups is left alone: it is another image's.
func (f *lockFlags) load(dir string) (*manifest.Manifest, string, error) {
	for _, name := range f.groups {
		if slices.ContainsFunc(f.without, func(o string) bool { return pep508.NormalizeName(o) == pep508.NormalizeName(name) }) {
			return nil, "", diag.New(diag.Usage, "--group %s and --no-group %s say the opposite: give one of them", name, name)
		}
	}
	path := f.path(dir)
	recorded, there, err := selectionOf(path, f.file != "")
	if err != nil {
		return nil, "", err
	}
	asked := manifest.Selection{Groups: f.groups, Without: f.without}
	if asked.IsZero() {
		asked = recorded
	}
	m, err := manifest.Load(dir, asked)
	if err != nil && len(f.groups)+len(f.without) == 0 {
		return nil, "", recordedHint(err, path, recorded)
	}
	if err != nil {
		return nil, "", err
	}
	if there && !m.Selection.Equal(recorded) {
		return nil, "", otherGroups(path, recorded, m).Hint("name another lock with --lock FILE, or remove this one to make it for others")
	}
	return m, path, nil
}

// otherGroups is the error of a lock that is not for the groups that the manifest was read with.
func otherGroups(path string, recorded manifest.Selection, m *manifest.Manifest) *diag.Error {
	return diag.New(diag.Usage, "%s is for %s, not for %s", path, describeSelection(recorded), describeSelection(m.Selection))
}

// selectionOf reads for which groups a lock was made, as far as it can be read. A file that the user names must be a lock
// if it is there, for it may be written.
func selectionOf(path string, named bool) (s manifest.Selection, there bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		if named && !errors.Is(err, fs.ErrNotExist) {
			return s, false, diag.Wrap(err, diag.Usage, "reading the lock")
		}
		return s, false, nil // whoever needs it says so
	}
	if named && len(data) > 0 && !strings.Contains(string(data), lockfile.Mark) {
		return s, false, diag.New(diag.Usage, "%s is no lock, and would be lost", path).Hint("--lock names a new file, or a lock")
	}
	l, err := lockfile.ParseLoose(path, data)
	if err != nil { // a merge may have left it in two halves, of which the head is one
		ours, _, conflict := lockfile.Sides(path, data)
		if l = ours.Lock; !conflict {
			return s, false, nil
		}
	}
	return manifest.Selection{Groups: l.Project.Groups, Without: l.Project.WithoutGroups}, true, nil
}

func describeSelection(s manifest.Selection) string {
	text := "the manifest's groups"
	if len(s.Groups) > 0 {
		text = "the groups " + strings.Join(s.Groups, ", ")
	}
	if len(s.Without) > 0 {
		text += " without " + strings.Join(s.Without, ", ")
	}
	return text
}

// lockCommand is what makes the lock at a path anew, for hints; options stand before the project, as "--upgrade".
func lockCommand(m *manifest.Manifest, path string, options ...string) string {
	of := m.Dir
	if base := filepath.Base(m.File); base != manifest.FileName && base != manifest.PyProject {
		of = m.File
	}
	words := append(append([]string{"envpack", "lock"}, options...), shellWord(of))
	if filepath.Clean(path) != filepath.Join(m.Dir, lockfile.Name) {
		words = append(words, "--lock", shellWord(path))
	}
	return strings.Join(words, " ")
}

// ownCommand is a command in a text that is about the lock.
var ownCommand = pattern.New("`envpack (?:lock|build|push|tree|why|outdated|export|add|remove)(?: [^`]*)?`")

// keepLock has the commands in a text be about the project and the lock that --project and --lock name, as the command is
// that prints it.
func (s *session) keepLock(text string) string {
	if s.lockFile == "" && s.project == "" {
		return text
	}
	return ownCommand().ReplaceAllStringFunc(text, func(command string) string {
		command = strings.TrimSuffix(command, "`")
		words := strings.Fields(command)
		named := slices.ContainsFunc([]string{s.project, folderOf(s.project)}, func(dir string) bool { return slices.Contains(words, shellWord(dir)) })
		if s.project != "" && !named {
			command += " --project " + shellWord(s.project)
		}
		if s.lockFile != "" && !slices.Contains(words, "--lock") {
			command += " --lock " + shellWord(s.lockFile)
		}
		return command + "`"
	})
}

// recordedHint adds to an error about the manifest for which groups the lock was made.
func recordedHint(err error, path string, recorded manifest.Selection) error {
	var e *diag.Error
	if errors.As(err, &e) && !recorded.IsZero() {
		return e.Hint("%s is for %s; to make it for others remove it first", path, describeSelection(recorded))
	}
	return err
}
