package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
	"github.com/envpack/envpack/internal/wheelfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// instead is what to do without an option that is not supported yet.
var instead = map[string]string{
	"--trusted-host":             "take the line out; SSL_CERT_FILE names the certificates of an index that is not known to the system",
	"--use-feature":              "take the line out: it is about pip itself",
	"--always-unzip":             takeOut,
	"--use-wheel":                takeOut,
	"--no-use-wheel":             takeOut,
	"--allow-external":           takeOut,
	"--allow-unverified":         takeOut,
	"--process-dependency-links": takeOut,

	"--global-option":   wheelsOnly,
	"--config-settings": wheelsOnly,
	"--config-setting":  wheelsOnly,
	"--install-option":  wheelsOnly,
}

const (
	takeOut    = "take the line out: pip has the option no more"
	wheelsOnly = "take the option out: it is about building from source, and envpack installs wheels only"
)

// notYet says that something is not supported, and what to do instead where there is something.
func notYet(e *diag.Error, name string) *diag.Error {
	if h := instead[name]; h != "" {
		return e.Hint("%s", h)
	}
	return e
}

// keyAdvice are keys that are often looked for in a table where they are not.
var keyAdvice = map[string]string{
	"project.optional-dependencies": "put them into [project.optional-dependencies] of " + PyProject + ", and ask for them with extras = [\"…\"]; or into [dependency-groups] there, with groups = [\"…\"]",
	"gpu.driver":                    "it is called min-driver here, as in min-driver = \"535\"",
	"gpu.gpus":                      "it is called devices here, as in devices = [\"A100\"]",
	"gpu.arch":                      "it is called devices here, as in devices = [\"A100\", \"sm_90\"]",
	"gpu.arch-list":                 "it is called devices here, as in devices = [\"A100\", \"sm_90\"]",
	"project.requires-python":       "it is called python here, as in python = \"3.11\"",
	"image.cmd":                     "it is called command here",
	"image.entrypoint":              "it is called command here",
	"image.files":                   "it is called include here",
	"project.index-url":             "write an index as a table of its own:\n    [[index]]\n    name = \"main\"\n    url = \"…\"\n    default = true",
}

// listAdvice is a list for what was written as a string. Words of a command are taken apart where no shell
// would be needed for it.
func listAdvice(name, value string) string {
	words := []string{value}
	if strings.HasSuffix(name, ".command") {
		words = strings.Fields(value)
		if strings.ContainsAny(value, "\"'`$\\|&;<>()*?[]{}~\n") {
			words = []string{"sh", "-c", value}
		}
	}
	if len(words) == 0 {
		return "write a list: []"
	}
	for i, w := range words {
		words[i] = fmt.Sprintf("%q", w)
	}
	return "write a list: [" + strings.Join(words, ", ") + "]"
}

// dependenciesAdvice is for dependencies that are a table, as Poetry has them.
const dependenciesAdvice = `write a list of requirements: dependencies = ["numpy>=1.26,<2", "scipy"]`

var (
	leadForm    = pattern.New(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?)\s*\(?\s*([=<>!~^]+)\s*([0-9][A-Za-z0-9.*+!-]*)?`)
	twoWordForm = pattern.New(`^\s*([A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?)\s+([0-9][A-Za-z0-9.+!-]*)\s*$`)
	operators   = []string{"==", "!=", "<=", ">=", "<", ">", "~=", "==="}
	meant       = map[string]string{"=": "==", ">>": ">", "<<": "<", "=>": ">=", "=<": "<=", "=~": "~=", "~": "~=", "<>": "!=", "=!": "!=", "!": "!="}
)

// addressForm is an address or a path that stands without a name before it, as pip takes them.
var addressForm = pattern.New(`^\s*(?:(?:git\+)?[A-Za-z]+://\S+|\.{0,2}/\S*|\S+\.(?:whl|tar\.gz|zip))\s*$`)

// requirementAdvice is what a text that is no requirement may have been meant to be, "" if that is not seen.
func requirementAdvice(text string) string {
	if addressForm().MatchString(text) {
		name := "NAME"
		base, _, _ := strings.Cut(path.Base(strings.TrimSpace(text)), "#")
		if n, _, err := wheelfile.ParseName(base); err == nil {
			name = wheelfile.Normalize(n)
		}
		return fmt.Sprintf("before an address or a path stands the name of its package: %q", name+" @ "+strings.TrimSpace(text))
	}
	if m := twoWordForm().FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("the operator is missing: for one version write %s==%s", m[1], m[2])
	}
	m := leadForm().FindStringSubmatch(text)
	if m == nil || slices.Contains(operators, m[2]) {
		return ""
	}
	name, op, version := m[1], m[2], m[3]
	switch {
	case op == "^" && version != "":
		major, _, _ := strings.Cut(version, ".")
		return fmt.Sprintf("^ is Poetry's; write both bounds, as in %s>=%s,<%s", name, version, next(major))
	case meant[op] != "" && version != "":
		return fmt.Sprintf("the operator is %s: write %s%s%s", meant[op], name, meant[op], version)
	}
	return "the operators are " + strings.Join(operators[:7], ", ")
}

// next is a number and one.
func next(digits string) string {
	var n int
	if _, err := fmt.Sscanf(digits, "%d", &n); err != nil {
		return "…"
	}
	return fmt.Sprint(n + 1)
}

// noRequirement is the error of a text that is no requirement, with what it may have been meant to be.
func noRequirement(err error, text string) *diag.Error {
	e := diag.New(diag.Manifest, "%s", whyNot(err))
	if s := (*pep508.SyntaxError)(nil); !errors.As(err, &s) {
		return e
	}
	if h := requirementAdvice(text); h != "" {
		return e.Hint("%s", h)
	}
	return e
}

// shownFiles are how many files a hint names.
const shownFiles = 5

// textFiles adds to the error of a requirements file that is not there those that might be meant, which are
// none of the open ones.
func textFiles(e *diag.Error, dir, name string, open []string, cause error) *diag.Error {
	if !errors.Is(cause, fs.ErrNotExist) {
		return e
	}
	var found []string
	for _, pattern := range []string{"*.txt", "*requirements*/*.txt", "*.in"} {
		matches, err := filepath.Glob(filepath.Join(escaped(dir), pattern))
		if err != nil {
			continue
		}
		for _, m := range matches {
			if rel, err := filepath.Rel(dir, m); err == nil && exists(m) && !known(open, filepath.Clean(m)) {
				found = append(found, filepath.ToSlash(rel))
			}
		}
	}
	if len(found) == 0 {
		return e.Hint("no other *.txt file is there; make it, or list the packages in dependencies")
	}
	far := func(file string) int {
		if strings.Contains(file, "require") {
			return 0
		}
		return 1 + diag.Distance(file, name)
	}
	slices.SortStableFunc(found, func(a, b string) int { return far(a) - far(b) })
	more := ""
	if n := len(found) - shownFiles; n > 0 {
		found, more = found[:shownFiles], fmt.Sprintf(" and %d more", n)
	}
	return e.Hint("there is %s%s", strings.Join(found, ", "), more)
}

// escaped is a path as a pattern that matches it alone.
func escaped(dir string) string {
	return regexp.MustCompile(`[*?[\\]`).ReplaceAllStringFunc(dir, func(s string) string {
		if s == `\` && filepath.Separator == '\\' {
			return s
		}
		return "[" + s + "]"
	})
}

// projectAdvice is how a pyproject.toml without [project] gets one.
func (d *document) projectAdvice(e *diag.Error) *diag.Error {
	const table = "\n    [project]\n    name = \"…\"\n    requires-python = \">=3.11\"\n    dependencies = [\"…\"]"
	tool, _ := d.root["tool"].(map[string]any)
	if _, poetry := tool["poetry"]; poetry {
		return e.Hint("[tool.poetry] is not read; write name and dependencies in the standard form, which Poetry 2 reads as well:"+table).
			Hint("or leave %s as it is, take [tool.envpack] out of it, and write %s beside it", PyProject, FileName)
	}
	return e.Hint("add it:"+table).Hint("or write %s instead of [tool.envpack]", FileName)
}
