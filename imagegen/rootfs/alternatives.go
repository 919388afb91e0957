package rootfs

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/envpack/envpack/imagegen/layer"
	"github.com/envpack/envpack/internal/pattern"
)

// alternative is one --install of update-alternatives(1).
type alternative struct {
	link, name, path string
	priority         int
	slaves           []slave
}

type slave struct{ link, name, path string }

// parseAlternatives reads the calls of `update-alternatives --install` out of a postinst. A call
// whose words need a shell to expand them is given back in unread instead.
func parseAlternatives(script string) (found []alternative, unread []string) {
	script = strings.ReplaceAll(script, "\\\n", " ")
	for _, line := range strings.Split(script, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, command := range strings.Split(separators.Replace(line), "\n") {
			at := strings.Index(command, "update-alternatives ")
			if at < 0 {
				continue
			}
			words := arguments(command[at:])
			if !slices.Contains(words, "--install") {
				continue
			}
			a, err := parseInstall(words[1:])
			if err != nil {
				unread = append(unread, strings.Join(words, " "))
				continue
			}
			found = append(found, a)
		}
	}
	return found, unread
}

// separators ends commands where the shell would.
var separators = strings.NewReplacer("&&", "\n", "||", "\n", ";", "\n", "|", "\n")

// redirection is a word of a command that only says where its output goes. What it captures is
// empty if the file is the next word.
var redirection = pattern.New(`^(?:[0-9]*|&)>{1,2}(.*)$`)

// arguments are the words of a command without redirections, comments, and quotes around that
// which needs none.
func arguments(command string) []string {
	var words []string
	skip := false
	for _, w := range strings.Fields(command) {
		if skip {
			skip = false
			continue
		}
		if strings.HasPrefix(w, "#") {
			break
		}
		if m := redirection().FindStringSubmatch(w); m != nil {
			skip = m[1] == ""
			continue
		}
		if n := len(w); n >= 2 && (w[0] == '"' || w[0] == '\'') && w[n-1] == w[0] && !strings.ContainsAny(w[1:n-1], shellCharacters) {
			w = w[1 : n-1]
		}
		words = append(words, w)
	}
	return words
}

// shellCharacters need a shell to say what they mean.
const shellCharacters = "$`\"'*?[]{}()<>&\\~"

func parseInstall(words []string) (alternative, error) {
	var a alternative
	for len(words) > 0 {
		switch word := words[0]; {
		case word == "--install" && len(words) >= 5:
			priority, err := strconv.Atoi(words[4])
			if err != nil {
				return a, err
			}
			a.link, a.name, a.path, a.priority = words[1], words[2], words[3], priority
			words = words[5:]
		case word == "--slave" && len(words) >= 4:
			a.slaves = append(a.slaves, slave{words[1], words[2], words[3]})
			words = words[4:]
		case word == "--quiet" || word == "--force":
			words = words[1:]
		default:
			return a, fmt.Errorf("unexpected word %q", word)
		}
	}
	for _, s := range append([]slave{{a.link, a.name, a.path}}, a.slaves...) {
		if strings.ContainsAny(s.link+s.name+s.path, shellCharacters) || !strings.HasPrefix(s.link, "/") || !strings.HasPrefix(s.path, "/") {
			return a, fmt.Errorf("words that a shell must expand")
		}
	}
	return a, nil
}

// alternatives makes the links of every alternative that some package's postinst installs, in
// automatic mode: the highest priority wins, and among equals the first path. A choice whose file
// is not there is left out, as the scripts that test for it would.
func (t *tree) alternatives(all []alternative) {
	groups := map[string][]alternative{}
	for _, a := range all {
		if !t.exists(a.path) {
			continue
		}
		// A later call for the same file takes the place of an earlier one.
		groups[a.name] = append(slices.DeleteFunc(groups[a.name], func(old alternative) bool { return old.path == a.path }), a)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		group := groups[name]
		sort.SliceStable(group, func(i, j int) bool {
			if group[i].priority != group[j].priority {
				return group[i].priority > group[j].priority
			}
			return group[i].path < group[j].path
		})
		best := group[0]
		t.alternativeLink(slave{best.link, best.name, best.path})
		for _, s := range best.slaves {
			if t.exists(s.path) {
				t.alternativeLink(s)
			}
		}
		t.file(path.Join("var/lib/dpkg/alternatives", name), 0o644, 0, alternativeRecord(group))
	}
}

func (t *tree) alternativeLink(s slave) {
	if e, there := t.get(s.link); there && e.Kind != layer.Symlink {
		return
	}
	t.symlink(s.link, "/etc/alternatives/"+s.name)
	t.symlink("etc/alternatives/"+s.name, s.path)
}

// alternativeRecord is dpkg's file about one group: mode, link, the slaves by name, then each
// choice by path with its priority and its slaves' paths.
func alternativeRecord(group []alternative) []byte {
	links := map[string]string{}
	for _, a := range group {
		for _, s := range a.slaves {
			links[s.name] = s.link
		}
	}
	var b strings.Builder
	b.WriteString("auto\n" + group[0].link + "\n")
	for _, name := range slices.Sorted(maps.Keys(links)) {
		b.WriteString(name + "\n" + links[name] + "\n")
	}
	b.WriteString("\n")
	byPath := append([]alternative(nil), group...)
	sort.SliceStable(byPath, func(i, j int) bool { return byPath[i].path < byPath[j].path })
	for _, a := range byPath {
		fmt.Fprintf(&b, "%s\n%d\n", a.path, a.priority)
		paths := map[string]string{}
		for _, s := range a.slaves {
			paths[s.name] = s.path
		}
		for _, name := range slices.Sorted(maps.Keys(links)) {
			b.WriteString(paths[name] + "\n")
		}
	}
	b.WriteString("\n")
	return []byte(b.String())
}
