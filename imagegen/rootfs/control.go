package rootfs

import (
	"fmt"
	"strings"

	"github.com/envpack/envpack/internal/debfile"
)

// readControl takes what the package says of itself, and holds it to what the lock said.
func (u *unpacked) readControl(file *debfile.File) error {
	control, members, err := file.Control()
	if err != nil {
		return err
	}
	fields := map[string]string{}
	for _, f := range controlFields(control) {
		key, value, _ := strings.Cut(f, ":")
		fields[strings.ToLower(key)] = strings.TrimSpace(value)
	}
	for key, want := range map[string]string{"package": u.Name, "version": u.Version, "architecture": u.Architecture} {
		if fields[key] != want {
			return fmt.Errorf("its control file says %s %q, not %q", key, fields[key], want)
		}
	}
	u.depends = append(relationNames(fields["pre-depends"]), relationNames(fields["depends"])...)
	u.provides = relationNames(fields["provides"])
	u.control, u.members, u.multiArch = control, members, fields["multi-arch"]
	return nil
}

// relationNames are the names in a field of relations, without versions, architectures and order of preference.
func relationNames(field string) []string {
	var names []string
	for _, r := range strings.FieldsFunc(field, func(c rune) bool { return c == ',' || c == '|' }) {
		name, _, _ := strings.Cut(strings.TrimSpace(r), " ")
		name, _, _ = strings.Cut(name, "(")
		name, _, _ = strings.Cut(name, ":")
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// configureOrder puts packages behind those that they depend on, as Policy 7.2 has them configured, and
// otherwise keeps their order. Where dependencies go in a circle, the first package goes first.
func configureOrder(all []*unpacked) []*unpacked {
	providers := map[string][]*unpacked{}
	for _, u := range all {
		providers[u.Name] = append(providers[u.Name], u)
		for _, p := range u.provides {
			providers[p] = append(providers[p], u)
		}
	}
	seen := map[*unpacked]bool{}
	ordered := make([]*unpacked, 0, len(all))
	var visit func(*unpacked)
	visit = func(u *unpacked) {
		if seen[u] {
			return
		}
		seen[u] = true
		for _, name := range u.depends {
			for _, p := range providers[name] {
				visit(p)
			}
		}
		ordered = append(ordered, u)
	}
	for _, u := range all {
		visit(u)
	}
	return ordered
}
