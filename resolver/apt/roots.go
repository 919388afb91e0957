package apt

// Root is a package that a base has of itself.
type Root struct {
	Name   string
	Reason string // for people
	Python bool   // belongs to the interpreter
}

// Roots lists what the base of a distribution has with its default Python, before dependencies.
func Roots(distro string) ([]Root, error) {
	d, err := findDistribution(distro)
	if err != nil {
		return nil, err
	}
	all, err := d.rootsOf("")
	if err != nil {
		return nil, err
	}
	var roots []Root
	for _, r := range all {
		roots = append(roots, Root{r.name, r.reason, r.python})
	}
	return roots, nil
}
