package project

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// gitRule is one line of a .gitignore (gitignore(5), "Pattern format").
type gitRule struct {
	pattern    string
	negated    bool
	folderOnly bool
	anchored   bool // matches the whole path below the file's folder; else the name alone
}

// gitRules is one ignore file.
type gitRules struct {
	folder string // that its patterns are relative to; slash-separated, "." for the top
	rules  []gitRule
}

func parseGitRules(folder string, data []byte) gitRules {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	set := gitRules{folder: folder}
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = trimBlanks(line)
		var r gitRule
		line, r.negated = strings.CutPrefix(line, "!")
		line, r.folderOnly = strings.CutSuffix(line, "/")
		if line == "" {
			continue
		}
		r.anchored = strings.Contains(line, "/")
		r.pattern = strings.TrimPrefix(line, "/")
		set.rules = append(set.rules, r)
	}
	return set
}

// trimBlanks drops blanks at the end, save those behind a backslash.
func trimBlanks(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// verdict is what the last rule that matches says of a path; matched is false if none does.
func (s gitRules) verdict(p string, folder bool) (ignored, matched bool) {
	if s.folder != "." {
		var inside bool
		if p, inside = strings.CutPrefix(p, s.folder+"/"); !inside {
			return false, false
		}
	}
	for i := len(s.rules) - 1; i >= 0; i-- {
		r := s.rules[i]
		if r.folderOnly && !folder {
			continue
		}
		if r.anchored && gitPatterns.matchPath(r.pattern, p) || !r.anchored && gitPatterns.matchName(r.pattern, path.Base(p)) {
			return !r.negated, true
		}
	}
	return false, false
}

// gitIgnores is the ignore files that count for a folder, those with more weight last: a file deeper in
// the tree goes before one above it.
type gitIgnores []gitRules

func (g gitIgnores) ignored(p string, folder bool) bool {
	for i := len(g) - 1; i >= 0; i-- {
		if ignored, matched := g[i].verdict(p, folder); matched {
			return ignored
		}
	}
	return false
}

// enter adds the folder's own .gitignore. Paths are relative to top, slash-separated.
func (g gitIgnores) enter(top, folder string) (gitIgnores, error) {
	return g.load(filepath.Join(top, filepath.FromSlash(folder), ".gitignore"), folder)
}

func (g gitIgnores) load(name, folder string) (gitIgnores, error) {
	data, err := readIfRegular(name)
	if err != nil || data == nil {
		return g, err
	}
	return append(g[:len(g):len(g)], parseGitRules(folder, data)), nil
}

// readIfRegular gives nil for what is not there or not a file; git does not follow links here.
func readIfRegular(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil, err
	}
	return os.ReadFile(name)
}

// dockerIgnore is a .dockerignore, whose language is not that of gitignore: every pattern is anchored at
// the top, a folder that is left out may have parts taken in again, and `**` may stand anywhere.
type dockerIgnore struct {
	rules      []dockerRule
	exceptions bool
}

type dockerRule struct {
	pattern *regexp.Regexp
	negated bool
}

// parseDockerIgnore reads the file as Docker does. Lines that are no pattern match nothing.
func parseDockerIgnore(data []byte) dockerIgnore {
	var d dockerIgnore
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		line, negated := strings.CutPrefix(strings.TrimSpace(line), "!")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		line = strings.TrimPrefix(path.Clean(line), "/")
		re, err := regexp.Compile(dockerExpression(line))
		if err != nil || line == "" || line == "." {
			continue
		}
		d.rules = append(d.rules, dockerRule{re, negated})
		d.exceptions = d.exceptions || negated
	}
	return d
}

// dockerExpression translates a pattern as moby/patternmatcher does.
func dockerExpression(pattern string) string {
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			if !strings.HasPrefix(pattern[i:], "**") {
				b.WriteString("[^/]*")
				continue
			}
			i++
			switch {
			case i+1 == len(pattern):
				b.WriteString(".*")
			case pattern[i+1] == '/':
				i++
				b.WriteString("(.*/)?")
			default:
				b.WriteString(".*")
			}
		case '?':
			b.WriteString("[^/]")
		case '\\':
			if i+1 < len(pattern) {
				i++
				b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			}
		case '[', ']', '^', '-':
			b.WriteByte(c)
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	b.WriteString("$")
	return b.String()
}

// ignored tells what the last rule says that matches the path or a folder above it.
func (d dockerIgnore) ignored(p string) bool {
	ignored := false
	for _, r := range d.rules {
		if r.negated != ignored {
			continue // it could change nothing
		}
		for part := p; part != "." && part != "/"; part = path.Dir(part) {
			if r.pattern.MatchString(part) {
				ignored = !r.negated
				break
			}
		}
	}
	return ignored
}
