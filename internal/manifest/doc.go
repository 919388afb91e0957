// Package manifest reads what a project asks for: envpack.toml, or [tool.envpack] and the standard
// tables in pyproject.toml, and the requirements files that they name.
//
// [Load] checks every key and every value. An error is a [diag.Error] with the exit code for
// manifests and the place of the mistake; a key that is not known, or known and not served yet, is
// an error too, so that nothing is ever ignored. A [Manifest] is values only: it knows no clock, no
// network and no machine.
package manifest
