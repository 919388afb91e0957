package pep508

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// Environment is what a marker is evaluated against: the variables of the specification under
// their names.
type Environment struct {
	PythonVersion                string // "3.12"
	PythonFullVersion            string // "3.12.4"
	OSName                       string // "posix"
	SysPlatform                  string // "linux"
	PlatformRelease              string
	PlatformSystem               string // "Linux"
	PlatformVersion              string
	PlatformMachine              string // "x86_64"
	PlatformPythonImplementation string // "CPython"
	ImplementationName           string // "cpython"
	ImplementationVersion        string // "3.12.4"

	// Extra is the extra that a package's dependencies are asked for with, "" for none. It need not
	// be normalised.
	Extra string
	// Extras and DependencyGroups are the sets that lock files' markers speak of (PEP 751). They
	// need not be normalised. Nil means that there is no such variable, as in package metadata; a
	// marker that uses it cannot then be evaluated.
	Extras, DependencyGroups []string
}

// EvaluationError says that a comparison has no meaning. The specification has such a marker make
// the release that it belongs to ineligible, neither true nor false.
type EvaluationError struct {
	Comparison string
	Reason     string
}

func (e *EvaluationError) Error() string {
	return fmt.Sprintf("cannot evaluate marker %s: %s", e.Comparison, e.Reason)
}

// Evaluate tells whether the marker holds; a nil marker always does. The error is an
// [*EvaluationError]; every comparison is made, so that whether it occurs does not depend on the
// others.
func (m *Marker) Evaluate(env Environment) (bool, error) {
	if m == nil {
		return true, nil
	}
	return m.root.evaluate(&env)
}

func (g group) evaluate(env *Environment) (bool, error) {
	some := false
	for _, operands := range g {
		all := true
		for _, o := range operands {
			var holds bool
			var err error
			if o.item != nil {
				holds, err = o.item.evaluate(env)
			} else {
				holds, err = o.group.evaluate(env)
			}
			if err != nil {
				return false, err
			}
			all = all && holds
		}
		some = some || all
	}
	return some, nil
}

func (it *item) fail(format string, args ...any) error {
	comparison := it.left.String() + " " + it.op + " " + it.right.String()
	return &EvaluationError{Comparison: comparison, Reason: fmt.Sprintf(format, args...)}
}

// evaluate compares as packaging does. The environment gives the left side if that is a variable,
// and the right side stands for itself. Otherwise the right side names the variable.
func (it *item) evaluate(env *Environment) (bool, error) {
	variable, left, right := it.right.text, it.left.text, it.right.text
	if it.left.variable {
		variable = it.left.text
	}
	if isSet(variable) {
		return it.evaluateSet(env, variable)
	}
	content, ok := env.lookup(variable)
	if !ok {
		return false, it.fail("there is no marker variable %q", variable)
	}
	if it.left.variable {
		left = content
	} else {
		right = content
	}
	if isVersion(variable) {
		spec := it.spec
		if !it.left.variable {
			spec = specifier(it.op, right)
		}
		if spec != nil {
			return containsText(spec, left), nil
		}
	}
	switch it.op {
	case "==", "<=", ">=":
		return left == right, nil
	case "!=":
		return left != right, nil
	case "<", ">":
		return false, nil
	case "in":
		return strings.Contains(right, left), nil
	case "not in":
		return !strings.Contains(right, left), nil
	}
	return false, it.fail("%s needs versions, and there are %q and %q", it.op, left, right)
}

// containsText is the specifier's verdict on a version that may be none. Then only === can hold.
func containsText(spec *pep440.Specifier, text string) bool {
	if spec.Op() == pep440.Arbitrary {
		return strings.EqualFold(strings.TrimPrefix(spec.String(), "==="), text)
	}
	v, err := pep440.Parse(text)
	return err == nil && spec.Contains(v)
}

// evaluateSet compares a name with a set of names.
func (it *item) evaluateSet(env *Environment, variable string) (bool, error) {
	set := env.Extras
	if variable == "dependency_groups" {
		set = env.DependencyGroups
	}
	if set == nil {
		return false, it.fail("%s has a meaning in lock files only", variable)
	}
	if it.left.variable {
		return false, it.fail("%s must be on the right of \"in\"", variable)
	}
	switch it.op {
	case "in", "not in":
		name := NormalizeName(it.left.text)
		has := slices.ContainsFunc(set, func(s string) bool { return NormalizeName(s) == name })
		return has == (it.op == "in"), nil
	case "!=":
		return true, nil // a name is never a set
	case "~=", "===":
		return false, it.fail("%s needs versions", it.op)
	}
	return false, nil
}

// lookup is a variable's content.
func (env *Environment) lookup(variable string) (string, bool) {
	switch variable {
	case "python_version":
		return env.PythonVersion, true
	case "python_full_version":
		// A build from a working tree calls itself "3.14.0a1+", which is no version.
		if strings.HasSuffix(env.PythonFullVersion, "+") {
			return env.PythonFullVersion + "local", true
		}
		return env.PythonFullVersion, true
	case "os_name":
		return env.OSName, true
	case "sys_platform":
		return env.SysPlatform, true
	case "platform_release":
		return env.PlatformRelease, true
	case "platform_system":
		return env.PlatformSystem, true
	case "platform_version":
		return env.PlatformVersion, true
	case "platform_machine":
		return env.PlatformMachine, true
	case "platform_python_implementation":
		return env.PlatformPythonImplementation, true
	case "implementation_name":
		return env.ImplementationName, true
	case "implementation_version":
		return env.ImplementationVersion, true
	case "extra":
		return NormalizeName(env.Extra), true
	}
	return "", false
}
