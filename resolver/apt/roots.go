package apt

// Root is a package that a base has of itself.
type Root struct {
	Name   string
	Reason string // for people
	Python bool   // belongs to the interpreter
}

// Roots lists what the base of a distribution has, before dependencies.
func Roots(distro string) ([]Root, error) {
	d, err := findDistribution(distro)
	if err != nil {
		return nil, err
	}
	var roots []Root
	for _, list := range [][]root{baseRoots, d.roots} {
		for _, r := range list {
			roots = append(roots, Root{r.name, r.reason, r.python})
		}
	}
	return roots, nil
}
