package manifest

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// kind is the TOML type that a key wants.
type kind string

const (
	aString  kind = "a string"
	aBoolean kind = "true or false"
	aList    kind = "a list of strings"
	aTable   kind = "a table of strings"
	aMoment  kind = "a date, an instant or a duration"

	byPackage kind = "a table for each package"    // likewise, see packagePolicyKeys
	anArchive kind = "a table with url and sha256" // checked where it is read
)

// pythonArchiveKeys are those of system.python-archive.
var pythonArchiveKeys = map[string]kind{"platform": aString, "url": aString, "path": aString, "sha256": aString}

// packagePolicyKeys are those below resolver.packages and the name of a package.
var packagePolicyKeys = map[string]kind{"prereleases": aString, "as-of": aMoment}

// schema is every key of the manifest.
var schema = map[string]map[string]kind{
	"project": {
		"name": aString, "python": aString, "dependencies": aList, "requirements": aList, "groups": aList, "extras": aList,
		"platforms": aList, "as-of": aMoment,
	},
	"system": {
		"distro": aString, "pockets": aList, "auto": aBoolean, "accept-expired": aBoolean, "image": aString, "packages": aList, "python-archive": anArchive,
		"as-of": aMoment, "libc": aString,
	},
	"gpu": {"cuda": aString, "min-driver": aString, "devices": aList},
	"image": {
		"tag": aString, "cache-repo": aString, "command": aList, "include": aList, "env": aTable, "ports": aList, "volumes": aList,
		"user": aString, "workdir": aString, "labels": aTable,
	},
	"apt":         {"name": aString, "url": aString, "suite": aString, "components": aList, "key": aString, "fingerprints": aList},
	"index":       {"name": aString, "url": aString, "path": aString, "variant": aString, "format": aString, "undated": aString, "default": aBoolean, "packages": aList},
	"file":        {"url": aString, "path": aString, "sha256": aString, "to": aString, "executable": aBoolean, "platforms": aList},
	"resolver":    {"prereleases": aString, "no-binary": aList, "exclude": aList, "packages": byPackage},
	"constraints": nil, // package = "bounds"
	"overrides":   nil,
	"metadata":    {"version": aString, "requires": aList, "python": aString, "extras": aList},                    // below the name of a package
	"build":       {"requires": aList, "isolation": aBoolean, "env": aTable, "packages": aList, "patches": aList}, // likewise
	"smoke":       {"imports": aList, "except": aList},
	"ownership":   nil, // path = "package"
}

// document is a decoded manifest with the places of its keys. prefix is "" in envpack.toml and
// "tool.envpack" in pyproject.toml.
type document struct {
	*positions
	prefix  string
	root    map[string]any
	others  *document // the pyproject.toml that is read, with other tools' tables; nil if none is
	sibling *string   // text of the pyproject.toml beside it; nil: that of the file
}

func (d *document) path(parts ...string) string {
	p := d.prefix
	for _, part := range parts {
		p = join(p, part)
	}
	return p
}

func (d *document) fail(pos diag.Position, format string, args ...any) *diag.Error {
	return diag.New(diag.Manifest, format, args...).At(pos)
}

// check holds the document against the schema: unknown keys, wrong types. The
// first mistake in the file's order is the one that is told.
func (d *document) check() error {
	var problems []*diag.Error
	for _, table := range slices.Sorted(maps.Keys(d.root)) {
		at := d.path(table)
		keys, known := schema[table]
		if !known {
			problems = append(problems, d.unknownTable(at, table))
			continue
		}
		if isList(table) {
			problems = append(problems, d.checkList(at, table, keys)...)
			continue
		}
		content, ok := d.root[table].(map[string]any)
		if !ok {
			problems = append(problems, d.fail(d.key(at), "%s is %s, not a table", table, describe(d.root[table])))
			continue
		}
		if table == "constraints" || table == "overrides" || table == "ownership" {
			for _, name := range slices.Sorted(maps.Keys(content)) {
				problems = append(problems, d.checkKind(d.path(table, name), table+"."+name, aString, content[name])...)
			}
			continue
		}
		if table == "metadata" || table == "build" {
			problems = append(problems, d.checkPackages(at, table, keys, content)...)
			continue
		}
		problems = append(problems, d.checkTable(at, table, keys, content)...)
	}
	return first(problems)
}

// isList tells whether a table is one of several, each headed [[…]].
func isList(table string) bool { return table == "index" || table == "apt" || table == "file" }

// checkPackages checks tables, or lists of tables, below names of packages.
func (d *document) checkPackages(at, name string, keys map[string]kind, content map[string]any) []*diag.Error {
	var problems []*diag.Error
	for _, pkg := range slices.Sorted(maps.Keys(content)) {
		here := join(at, pkg)
		switch value := content[pkg].(type) {
		case map[string]any:
			problems = append(problems, d.checkTable(here, name+"."+pkg, keys, value)...)
		default:
			list, ok := tables(value)
			if !ok || name != "metadata" {
				problems = append(problems, d.fail(d.key(here), "%s.%s is %s, not a table", name, pkg, describe(value)))
			}
			for i, one := range list {
				problems = append(problems, d.checkTable(item(here, i), name+"."+pkg, keys, one)...)
			}
		}
	}
	return problems
}

// checkList checks a list of tables.
func (d *document) checkList(at, name string, keys map[string]kind) []*diag.Error {
	list, ok := tables(d.root[name])
	if !ok {
		return []*diag.Error{d.fail(d.key(at), "%s is %s, not a list of tables", name, describe(d.root[name])).
			Hint("write each as a table of its own, headed [[%s]]", name)}
	}
	var problems []*diag.Error
	for i, content := range list {
		problems = append(problems, d.checkTable(fmt.Sprintf("%s[%d]", at, i), name, keys, content)...)
	}
	return problems
}

// tables gives a list of tables, whether it was written as [[index]] or as an inline list.
func tables(v any) ([]map[string]any, bool) {
	if list, ok := v.([]map[string]any); ok {
		return list, true
	}
	list, ok := v.([]any)
	out := make([]map[string]any, len(list))
	for i := range list {
		t, isTable := list[i].(map[string]any)
		out[i], ok = t, ok && isTable
	}
	return out, ok
}

func (d *document) checkTable(at, table string, keys map[string]kind, content map[string]any) []*diag.Error {
	var problems []*diag.Error
	for _, name := range slices.Sorted(maps.Keys(content)) {
		here := join(at, name)
		want, known := keys[name]
		switch {
		case !known:
			problems = append(problems, d.unknown(here, d.path(table, name), d.knownKeys(table, keys), "key"))
		default:
			problems = append(problems, d.checkKind(here, table+"."+name, want, content[name])...)
		}
	}
	return problems
}

func (d *document) checkKind(at, name string, want kind, value any) []*diag.Error {
	wrong := func(at string, value any) *diag.Error {
		e := d.fail(d.value(at), "%s must be %s, not %s", name, want, describe(value))
		if _, isTable := value.(map[string]any); isTable && strings.HasSuffix(name, ".dependencies") {
			return e.Hint(dependenciesAdvice)
		}
		if text, isString := value.(string); isString && want == aList {
			return e.Hint("%s", listAdvice(name, text))
		}
		if want == aString && isNumber(value) {
			return e.Hint("write it in quotes: %q", written(e.Pos))
		}
		return e
	}
	switch want {
	case aString:
		if _, ok := value.(string); !ok {
			return []*diag.Error{wrong(at, value)}
		}
	case byPackage:
		table, ok := value.(map[string]any)
		if !ok {
			return []*diag.Error{wrong(at, value)}
		}
		return d.checkPackages(at, name, packagePolicyKeys, table)
	case aBoolean:
		if _, ok := value.(bool); !ok {
			return []*diag.Error{wrong(at, value)}
		}
	case aList:
		list, ok := value.([]any)
		if !ok {
			return []*diag.Error{wrong(at, value)}
		}
		for i, item := range list {
			if _, ok := item.(string); !ok {
				return []*diag.Error{d.fail(d.value(fmt.Sprintf("%s[%d]", at, i)), "%s must have strings, not %s", name, describe(item))}
			}
		}
	case aTable:
		table, ok := value.(map[string]any)
		if !ok {
			return []*diag.Error{wrong(at, value)}
		}
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if _, ok := table[key].(string); !ok {
				return []*diag.Error{d.fail(d.value(join(at, key)), "%s.%s must be a string, not %s", name, key, describe(table[key]))}
			}
		}
	}
	return nil
}

// knownKeys are the keys of a table. What a pyproject.toml has in its standard table is not to be repeated.
func (d *document) knownKeys(table string, keys map[string]kind) []string {
	list := slices.Sorted(maps.Keys(keys))
	if d.prefix != "" && table == "project" {
		list = slices.DeleteFunc(list, func(k string) bool { return k == "name" || k == "dependencies" })
	}
	return list
}

func (d *document) unknown(at, name string, known []string, what string) *diag.Error {
	e := d.fail(d.key(at), "unknown %s %s", what, name)
	last := name[strings.LastIndex(name, ".")+1:]
	if h := keyAdvice[strings.TrimPrefix(name, d.prefix+".")]; h != "" {
		return e.Hint("%s", h)
	}
	if near := diag.Nearest(last, known); near != "" {
		return e.Hint("did you mean %s?", near)
	}
	return e.Hint("known here: %s", strings.Join(known, ", "))
}

// unknownTable is about a name at the top, which may be a key that lost its table.
func (d *document) unknownTable(at, name string) *diag.Error {
	if name == "tool" {
		return d.fail(d.key(at), "[tool.envpack] belongs into %s", PyProject).Hint("the tables of %s have no prefix", FileName)
	}
	if _, isTable := d.root[name].(map[string]any); !isTable {
		for _, table := range slices.Sorted(maps.Keys(schema)) {
			if _, ok := schema[table][name]; ok && !isList(table) && table != "metadata" && table != "build" {
				return d.fail(d.key(at), "%s stands outside of a table", name).Hint("it belongs below [%s]", d.path(table))
			}
		}
	}
	return d.unknown(at, name, slices.Sorted(maps.Keys(schema)), "table")
}

func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

// describe names a TOML value's type for people.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", v)
	case bool:
		return fmt.Sprintf("%t", v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date"
}

func first(problems []*diag.Error) error {
	if len(problems) == 0 {
		return nil
	}
	sort.SliceStable(problems, func(i, j int) bool {
		a, b := problems[i].Pos, problems[j].Pos
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	return problems[0]
}
