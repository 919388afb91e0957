package apt

// Find finds the distribution that a manifest names: "debian:12", "debian:bookworm" or "debian:testing".
// Errors are diag errors that name the choices.
func Find(name string) (Distribution, error) {
	d, err := findDistribution(name)
	if err != nil {
		return Distribution{}, err
	}
	return d.exported(), nil
}

func (d *distribution) exported() Distribution {
	return Distribution{d.name, d.codename, d.python, d.pythons(), d.alias == "testing"}
}

// securityFixes are the versions that the distribution's security pockets have, by name.
func securityFixes(pockets []pocket, indexes [][]candidate) map[string]string {
	fixes := map[string]string{}
	for i, p := range pockets {
		if p.name != "security" {
			continue
		}
		for _, c := range indexes[i] {
			if old, ok := fixes[c.name]; !ok || CompareVersions(c.version, old) > 0 {
				fixes[c.name] = c.version
			}
		}
	}
	return fixes
}
