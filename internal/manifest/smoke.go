package manifest

import (
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// Smoke is the [smoke] table: what --smoke imports. It is never part of lock or digest.
type Smoke struct {
	Imports []string // modules besides those of the requirements, in the manifest's order
	Except  []string // modules, with all below them, and packages, that are not imported

	ImportsPos, ExceptPos []diag.Position
}

// moduleName is how modules are named in Python source: names of all scripts, with dots between them.
var moduleName = pattern.New(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)

func (d *document) readSmoke(m *Manifest) error {
	names, at := d.list("smoke", "imports")
	for i, name := range names {
		pos := d.value(item(at, i))
		if !moduleName().MatchString(name) {
			e := d.fail(pos, "smoke.imports: %q is no name of a module", name)
			if fixed := strings.ReplaceAll(name, "-", "_"); moduleName().MatchString(fixed) {
				return e.Hint("did you mean %q? Modules are named as in an import", fixed)
			}
			return e.Hint("modules are named as in an import: \"torch\", \"google.protobuf\"")
		}
		m.Smoke.Imports, m.Smoke.ImportsPos = append(m.Smoke.Imports, name), append(m.Smoke.ImportsPos, pos)
	}
	names, at = d.list("smoke", "except")
	for i, name := range names {
		pos := d.value(item(at, i))
		if strings.TrimSpace(name) != name || name == "" {
			return d.fail(pos, "smoke.except: %q is neither a module nor a package", name)
		}
		m.Smoke.Except, m.Smoke.ExceptPos = append(m.Smoke.Except, name), append(m.Smoke.ExceptPos, pos)
	}
	return nil
}
