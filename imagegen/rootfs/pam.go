package rootfs

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/maintscript"
	"github.com/envpack/envpack/internal/pattern"
)

// Where pam-auth-update(8) reads and writes.
const (
	pamProfiles  = "usr/share/pam-configs"
	pamTemplates = "usr/share/pam"
	pamRules     = "etc/pam.d"
	pamSaved     = "var/lib/pam"
)

// pamTypes are the files common-TYPE.
var pamTypes = []string{"auth", "account", "password", "session", "session-noninteractive"}

// pamProfile is a file of /usr/share/pam-configs: its fields, those of several lines without the blanks around each.
type pamProfile struct {
	name      string
	fields    map[string]string
	conflicts map[string]bool
}

var pamField = pattern.New(`^(\S+):\s+(.*)\s*$`)

// parsePAMProfile reads a profile as pam-auth-update's parse_pam_profile does.
func parsePAMProfile(name, text string) pamProfile {
	p := pamProfile{name, map[string]string{}, map[string]bool{}}
	field := ""
	for line := range strings.Lines(text) {
		if m := pamField().FindStringSubmatch(line); m != nil {
			field = strings.TrimSuffix(m[1], "-Final")
			value := m[2]
			if field == "Conflicts" {
				for _, c := range strings.Split(value, ", ") {
					p.conflicts[c] = true
				}
			} else {
				p.fields[field] = value
			}
			continue
		}
		if line = strings.TrimSpace(line); line != "" {
			p.fields[field] = strings.TrimLeft(p.fields[field]+"\n"+line, "\n \t")
		}
	}
	if _, defined := p.fields["Session-Interactive-Only"]; !defined {
		for _, f := range []string{"Type", "", "Initial"} {
			if value, there := p.fields[strings.TrimSuffix("Session-"+f, "-")]; there {
				p.fields[strings.TrimSuffix("Session-noninteractive-"+f, "-")] = value
			}
		}
	}
	return p
}

func (p pamProfile) priority() int {
	n, err := strconv.Atoi(strings.TrimSpace(p.fields["Priority"]))
	if err != nil {
		return 0
	}
	return n
}

// lines are the rules of a type, of the first enabled profile those that stand for it there.
func (p pamProfile) lines(kind string, first bool) string {
	if initial := p.fields[kind+"-Initial"]; first && initial != "" {
		return initial
	}
	return p.fields[kind]
}

// pamConfiguration is what pam-auth-update makes of profiles: the contents of common-TYPE and of its memory of them.
type pamConfiguration struct{ rules, saved map[string]string }

// pamMade says what pam-auth-update writes for the enabled profiles, in their order. why is set where it would give up.
func pamMade(enabled []pamProfile, templates map[string]string) (made pamConfiguration, why string) {
	made = pamConfiguration{map[string]string{}, map[string]string{}}
	for _, name := range pamTypes {
		kind := strings.ToUpper(name[:1]) + name[1:]
		blocks := map[string]string{}
		saved := ""
		for _, block := range []string{"Primary", "Additional"} {
			var all []string
			for _, p := range enabled {
				// What is of neither block is remembered with both, and written in none.
				if of := p.fields[kind+"-Type"]; of == block {
					all = append(all, p.lines(kind, len(all) == 0))
				}
			}
			if blocks[block], why = pamBlock(block, strings.TrimSuffix(name, "-noninteractive"), all); why != "" {
				return made, why
			}
			saved += pamMemory(enabled, kind, block)
		}
		made.saved[name] = saved
		if made.rules[name], why = pamFill(templates[name], blocks); why != "" {
			return made, why
		}
	}
	return made, ""
}

var (
	pamLines = pattern.New(`\n+`)
	pamLine  = pattern.New(`^((?:\[[^]]+\]|\w+)\s+\S+)\s*(.*)`)
)

// pamBlock writes the rules of several profiles, each with the number of lines to jump over instead of `end`.
func pamBlock(block, kind string, all []string) (text, why string) {
	count := 0
	for _, lines := range all {
		if lines != "" {
			count += len(pamLines().Split(lines, -1))
		}
	}
	switch {
	case block == "Additional":
		count--
	case count == 0:
		return kind + "\t[default=1]\t\t\tpam_permit.so\n", ""
	}
	for _, lines := range all {
		if lines == "" {
			continue
		}
		for _, line := range strings.Split(lines, "\n") {
			m := pamLine().FindStringSubmatch(line)
			if m == nil {
				return "", fmt.Sprintf("a rule of a profile is not understood: %q", line)
			}
			text += kind + "\t" + strings.ReplaceAll(m[1], "end", strconv.Itoa(count)) + " " + strings.Join(strings.Fields(m[2]), " ") + "\n"
			count--
		}
	}
	return text, ""
}

// pamMemory is what is saved of a block: its profiles with their rules as they were read.
func pamMemory(enabled []pamProfile, kind, block string) string {
	other := map[string]string{"Primary": "Additional", "Additional": "Primary"}[block]
	text, i := "", 0
	for _, p := range enabled {
		of := p.fields[kind+"-Type"]
		if of == "" || of == other {
			continue
		}
		if lines := p.lines(kind, i == 0); lines != "" {
			text += "Module: " + p.name + "\n" + lines + "\n"
		}
		i++
	}
	if block == "Primary" && i == 0 {
		return "Module: null\n[default=1]\t\t\tpam_permit.so\n"
	}
	return text
}

// The lines of a template that blocks stand between.
var pamMarks = []struct{ begin, end, block string }{
	{`# here are the per-package modules (the "Primary" block)`, "# here's the fallback if no module succeeds", "Primary"},
	{`# and here are more per-package modules (the "Additional" block)`, "# end of pam-auth-update config", "Additional"},
}

// pamFill puts the blocks into a template, in the place of what stands there.
func pamFill(template string, blocks map[string]string) (text, why string) {
	within, at := false, 0
	for line := range strings.Lines(template) {
		switch {
		case at < len(pamMarks) && !within && strings.HasPrefix(line, pamMarks[at].begin):
			within = true
			text += line + blocks[pamMarks[at].block]
		case within && strings.HasPrefix(line, pamMarks[at].end):
			within = false
			at++
			text += line
		case !within:
			text += line
		}
	}
	if at < len(pamMarks) {
		return "", "a template lacks the lines that rules stand between"
	}
	return text, ""
}

// pamOptions splits the words of a call: names follow the options that take some.
func pamOptions(words []string) (flags map[string]bool, names map[string][]string, ok bool) {
	flags, names = map[string]bool{}, map[string][]string{}
	for i := 0; i < len(words); i++ {
		switch w := words[i]; w {
		case "--package", "--force":
			flags[w] = true
		case "--root":
			if i++; i >= len(words) || words[i] != "" && words[i] != "/" {
				return nil, nil, false
			}
		case "--enable", "--disable", "--remove":
			for i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
				i++
				names[w] = append(names[w], words[i])
			}
		default:
			return nil, nil, false
		}
	}
	return flags, names, true
}

// pamAuthUpdate is pam-auth-update(8) where nobody is asked: the profiles that are enabled so far, and those that it
// has not seen yet and that are meant to be by default. Rules that are not what it makes stay as they are, as it
// leaves them.
func pamAuthUpdate(c *configuration, call maintscript.Call) string {
	flags, names, ok := pamOptions(call.Words())
	if !ok || len(names["--remove"]) > 0 {
		return unknownOption
	}
	all, err := c.pamProfiles()
	if err != nil {
		return err.Error()
	}
	byName := map[string]pamProfile{}
	for _, p := range all {
		byName[p.name] = p
	}
	templates := map[string]string{}
	for _, name := range pamTypes {
		text, err := c.t.read(path.Join(pamTemplates, "common-"+name))
		if err != nil {
			return err.Error()
		}
		templates[name] = string(text)
	}
	chosen, intact := c.pamEnabled(byName, templates)
	if !intact && !flags["--force"] {
		if !c.t.exists(path.Join(pamSaved, "seen")) && !c.t.exists(path.Join(pamRules, "common-auth")) {
			return "" // before libpam-runtime's own, which does it for all
		}
		return "the rules for logging in are not as it left them, and stay"
	}
	seen := map[string]bool{}
	if text, _ := c.Read("/" + pamSaved + "/seen"); len(chosen) > 0 {
		for line := range strings.Lines(text) {
			seen[strings.TrimSuffix(line, "\n")] = true
		}
	}
	for _, name := range names["--disable"] {
		seen[name] = true
	}
	var enabled []pamProfile
	for _, p := range all {
		wanted := slices.Contains(chosen, p.name) || slices.Contains(names["--enable"], p.name)
		if wanted && !slices.Contains(names["--disable"], p.name) || p.fields["Default"] == "yes" && !seen[p.name] {
			enabled = append(enabled, p)
		}
	}
	enabled = withoutConflicts(enabled)
	made, why := pamMade(enabled, templates)
	if why != "" {
		return why
	}
	c.t.dir(pamSaved, 0o755, 0)
	for _, name := range pamTypes {
		c.t.replace(path.Join(pamRules, "common-"+name), []byte(made.rules[name]))
		c.t.replace(path.Join(pamSaved, name), []byte(made.saved[name]))
	}
	known := ""
	for _, p := range all {
		known += p.name + "\n"
	}
	c.t.replace(pamSaved+"/seen", []byte(known))
	return ""
}

// pamProfiles are those of the tree, the one of the highest priority first.
func (c *configuration) pamProfiles() ([]pamProfile, error) {
	program, _ := c.Read("/usr/sbin/pam-auth-update")
	dropsTally := strings.Contains(program, "@invalid_modules = ('pam_tally')")
	at, err := c.t.resolve(pamProfiles)
	if err != nil {
		return nil, err
	}
	var all []pamProfile
	for _, p := range c.t.paths(at) {
		name := path.Base(p)
		if path.Dir(p) != at || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
			continue
		}
		text, err := c.t.read(p)
		if err != nil {
			return nil, err
		}
		if dropsTally && strings.Contains(string(text), "pam_tally") {
			continue
		}
		all = append(all, parsePAMProfile(name, string(text)))
	}
	sort.Slice(all, func(i, j int) bool {
		if x, y := all[i].priority(), all[j].priority(); x != y {
			return x > y
		}
		return all[i].name > all[j].name
	})
	return all, nil
}

// pamEnabled are the names that an earlier run remembered, if the rules are what it made of them.
func (c *configuration) pamEnabled(all map[string]pamProfile, templates map[string]string) ([]string, bool) {
	var names []string
	for _, kind := range pamTypes {
		text, ok := c.Read("/" + path.Join(pamSaved, kind))
		if !ok {
			return nil, false
		}
		for line := range strings.Lines(text) {
			name, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "Module: ")
			if _, there := all[name]; ok && there && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	var enabled []pamProfile
	for _, name := range names {
		enabled = append(enabled, all[name])
	}
	sort.SliceStable(enabled, func(i, j int) bool {
		if x, y := enabled[i].priority(), enabled[j].priority(); x != y {
			return x > y
		}
		return enabled[i].name > enabled[j].name
	})
	made, why := pamMade(enabled, templates)
	if why != "" {
		return nil, false
	}
	for _, kind := range pamTypes {
		if text, ok := c.Read("/" + path.Join(pamRules, "common-"+kind)); !ok || text != made.rules[kind] {
			return nil, false
		}
	}
	return names, true
}

// withoutConflicts drops, for each profile in turn, those that it does not want beside it.
func withoutConflicts(enabled []pamProfile) []pamProfile {
	for i := 0; i < len(enabled); i++ {
		for at := len(enabled) - 1; at >= 0 && i < len(enabled); at-- {
			if enabled[i].conflicts[enabled[at].name] {
				enabled = slices.Delete(slices.Clone(enabled), at, at+1)
			}
		}
	}
	return enabled
}
