package interpreter

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// sysconfigText are the files from which sysconfig answers: the module (all versions), its JSON form (3.14 and newer)
// and PEP 739's build-details.json.
var sysconfigText = pattern.New(`^lib/python3\.[0-9]+t?/(_sysconfigdata[^/]*\.py|_sysconfig_vars[^/]*\.json|build-details\.json)$`)

// otherText are the other texts that name the folder for which the interpreter was built.
var otherText = pattern.New(`^(lib/python3\.[0-9]+t?/config-[^/]+/(Makefile|python-config\.py)|lib/pkgconfig/[^/]+\.pc|bin/[^/]+)$`)

var patchlevel = pattern.New(`^include/python3\.[0-9]+[a-z]*/patchlevel\.h$`)

// isText tells whether a file with this head is kept in memory. In bin, only scripts are: programs may be large.
func isText(p string, head []byte) bool {
	if path.Dir(p) == "bin" {
		return strings.HasPrefix(string(head), "#!")
	}
	return sysconfigText().MatchString(p) || otherText().MatchString(p) || patchlevel().MatchString(p)
}

// isDropped tells what has no place in an image; the package's comment gives the reasons.
func isDropped(p string) bool {
	return slices.Contains(strings.Split(p, "/"), "__pycache__") || strings.HasPrefix(p, "lib/") && path.Ext(p) == ".a"
}

var statedPrefix = pattern.New(`(?m)^(?:build_time_vars = )?[ {]*['"]prefix['"]: ?['"]([^'"]*)['"]`)

// builtFor is the folder for which the interpreter was built, by its _sysconfigdata.
func (t *tree) builtFor() (string, error) {
	prefix, from := "", ""
	for _, p := range t.order {
		n := t.nodes[p]
		if n.text == nil || !sysconfigText().MatchString(p) || path.Ext(p) != ".py" {
			continue
		}
		m := statedPrefix().FindSubmatch(n.text)
		if m == nil {
			return "", fmt.Errorf("%s tells no prefix", p)
		}
		if prefix != "" && prefix != string(m[1]) {
			return "", fmt.Errorf("%s was built for %s, %s for %s", from, prefix, p, m[1])
		}
		prefix, from = string(m[1]), p
	}
	switch {
	case prefix == "":
		return "", errors.New("it has no lib/python3.N/_sysconfigdata….py")
	case prefix == "/" || prefix == "/usr":
		// In texts, its own folders could not be told from the system's, such as that of the compiler.
		return "", fmt.Errorf("it was built to lie in %s", prefix)
	case prefix[0] != '/' || prefix != path.Clean(prefix):
		return "", fmt.Errorf("%s tells the prefix %q, which is not an absolute path", from, prefix)
	}
	return prefix, nil
}

// rewrite makes the texts speak of the image's folder.
func (t *tree) rewrite(prefix string) {
	for p, n := range t.nodes {
		if n.text == nil || patchlevel().MatchString(p) {
			continue
		}
		text := replacePrefix(string(n.text), prefix, "/"+Prefix)
		if sysconfigText().MatchString(p) {
			text = compiler().ReplaceAllStringFunc(text, usualCompiler)
		}
		n.text = []byte(text)
		n.size = int64(len(n.text))
	}
}

// replacePrefix replaces a folder's path where it stands alone or begins a path: not within a longer name or below
// another folder, but behind a compiler's -I, -L and -B.
func replacePrefix(text, old, now string) string {
	if old == now {
		return text
	}
	var b strings.Builder
	for {
		at := strings.Index(text, old)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(old)
		b.WriteString(text[:at])
		if beginsPath(text[:at]) && (end == len(text) || !inName(text[end])) {
			b.WriteString(now)
		} else {
			b.WriteString(old)
		}
		text = text[end:]
	}
}

func beginsPath(before string) bool {
	for _, flag := range []string{"-I", "-L", "-B"} {
		if rest, ok := strings.CutSuffix(before, flag); ok {
			return rest == "" || !inName(rest[len(rest)-1])
		}
	}
	return before == "" || !inName(before[len(before)-1]) && before[len(before)-1] != '/'
}

func inName(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-' || c == '.'
}

// compiler finds the program that a variable of sysconfig begins with, where it is one of those by which
// python-build-standalone is built (its cpython-unix/targets.yml; the variables are those that uv corrects).
var compiler = pattern.New(`(?m)^((?:build_time_vars = )?[ {]*['"](?:BLDSHARED|CC|CXX|LDCXXSHARED|LDSHARED|LINKCC|AR)['"]: ?['"])` +
	`(clang|clang\+\+|musl-clang|/usr/bin/[a-z0-9_]+-linux-gnu[a-z]*-(?:gcc|g\+\+|clang|clang\+\+)|(?:[^ '"]*/)?llvm-ar)([ '"])`)

func usualCompiler(found string) string {
	m := compiler().FindStringSubmatch(found)
	name := "cc"
	switch {
	case strings.HasSuffix(m[2], "++"):
		name = "c++"
	case strings.HasSuffix(m[2], "llvm-ar"):
		name = "ar"
	}
	return m[1] + name + m[3]
}
