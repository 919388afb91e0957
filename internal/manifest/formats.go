package manifest

import (
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/resolver/pep508"
)

// formats is what --no-binary and --only-binary have said so far. A later line has the last word about a package, as
// with pip (its format_control module).
type formats struct {
	noBinary   []string // normalised
	onlyBinary []string // normalised, or ":all:"
	own        []string // resolver.no-binary of the manifest, which no line takes back
}

// take reads a value: names, ":all:" and ":none:", joined by commas.
func (f *formats) take(option, value string, at diag.Position) error {
	target, other := &f.noBinary, &f.onlyBinary
	if option == "--only-binary" {
		target, other = other, target
	}
	for name := range strings.SplitSeq(value, ",") {
		normal := pep508.NormalizeName(name)
		switch {
		case name == ":none:":
			*target = nil
		case name == ":all:" && option == "--no-binary":
			return diag.New(diag.Manifest, "--no-binary :all: refuses every wheel, and nothing else is installed").At(at).
				Hint("name the packages: --no-binary NAME,NAME; their source distributions are built")
		case name == ":all:":
			*target, *other = []string{name}, nil
		case !nameForm().MatchString(name):
			return diag.New(diag.Manifest, "%s: %q is no package name", option, name).At(at).Hint("it takes names, joined by commas without blanks, or :all: or :none:")
		case option == "--only-binary" && known(f.own, normal):
			return diag.New(diag.Manifest, "%s is to be a wheel, and resolver.no-binary of the manifest refuses its wheels", name).At(at).
				Hint("take %s out of one of the two lists", name)
		default:
			*other = slices.DeleteFunc(*other, func(x string) bool { return x == normal })
			*target = append(*target, normal)
		}
	}
	return nil
}

// finish gives the manifest what holds after all lines.
func (f *formats) finish(m *Manifest) {
	m.NoBinary = unique(slices.Concat(f.own, f.noBinary))
	m.OnlyBinary = unique(f.onlyBinary)
}

// WheelOnly tells whether --only-binary of a requirements file refuses the source distributions of a package.
func (m *Manifest) WheelOnly(name string) bool {
	return known(m.OnlyBinary, name) || known(m.OnlyBinary, ":all:") && !known(m.NoBinary, name)
}
