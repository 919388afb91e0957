package sources

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// Host is the machine whose configuration counts.
type Host struct {
	GOOS string                   // as runtime.GOOS: linux, darwin, windows
	Env  func(name string) string // "" for an unset variable
	Home string                   // the user's home directory; "" for none
	Root string                   // stands before the paths of system files; "" but in tests
}

// ThisHost is the machine that the process runs on; goos is runtime.GOOS.
func ThisHost(goos string) Host {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return Host{GOOS: goos, Env: os.Getenv, Home: home}
}

// setting is the value of an environment variable.
func (h Host) setting(name string) setting {
	return setting{value: strings.TrimSpace(h.Env(name)), origin: name}
}

// system is a path of the whole machine.
func (h Host) system(parts ...string) string {
	return filepath.Join(append([]string{h.Root + string(filepath.Separator)}, parts...)...)
}

// home is a path below the user's home directory, "" without one.
func (h Host) home(parts ...string) string {
	if h.Home == "" {
		return ""
	}
	return filepath.Join(append([]string{h.Home}, parts...)...)
}

// variable is a path below the directory that an environment variable names, "" if it is not set.
func (h Host) variable(name string, parts ...string) string {
	dir := h.Env(name)
	if dir == "" {
		return ""
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// userConfig is a path below the user's configuration directory (XDG Base Directory Specification;
// on Windows %APPDATA%).
func (h Host) userConfig(parts ...string) string {
	if h.GOOS == "windows" {
		return h.variable("APPDATA", parts...)
	}
	if p := h.variable("XDG_CONFIG_HOME", parts...); filepath.IsAbs(p) {
		return p
	}
	return h.home(append([]string{".config"}, parts...)...)
}

// systemConfigs are the paths below the machine's XDG configuration directories, the most important
// first.
func (h Host) systemConfigs(parts ...string) []string {
	dirs := h.Env("XDG_CONFIG_DIRS")
	if dirs == "" {
		return []string{h.system(append([]string{"etc", "xdg"}, parts...)...)}
	}
	var out []string
	for _, dir := range strings.Split(dirs, string(os.PathListSeparator)) {
		if filepath.IsAbs(dir) {
			out = append(out, filepath.Join(append([]string{dir}, parts...)...))
		}
	}
	return out
}

// maxConfig bounds configuration files, in bytes.
const maxConfig = 4 << 20

// read gives the text of a file; ok is false if there is none.
func read(file string) (text string, ok bool, err error) {
	if file == "" {
		return "", false, nil
	}
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return "", false, nil
	}
	if err == nil && info.Size() > maxConfig {
		return "", false, diag.New(diag.Failure, "%s has %d bytes: more than a configuration can have", file, info.Size())
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		// The path is in the error already.
		return "", false, diag.Wrap(err, diag.Failure, "reading configuration")
	}
	return strings.TrimPrefix(string(data), "\ufeff"), true, nil
}

// place is a place in a configuration. A line that may hold a password is not kept: errors end up in
// logs.
func place(file string, line, col int, source string) diag.Position {
	if strings.Contains(source, "@") {
		source = ""
	}
	return diag.Position{File: file, Line: line, Col: col, Source: source}
}

// lineOf is a place as file:line.
func lineOf(pos diag.Position) string { return pos.File + ":" + strconv.Itoa(pos.Line) }

func isDir(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && !info.IsDir()
}
