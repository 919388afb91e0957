package cuda

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/envpack/envpack/internal/diag"
)

// Capability is the compute capability of a GPU: 9.0 of an H100.
type Capability struct{ Major, Minor int }

func (c Capability) String() string { return fmt.Sprintf("%d.%d", c.Major, c.Minor) }

// SM is the capability as compilers write it: "sm_90".
func (c Capability) SM() string { return fmt.Sprintf("sm_%d%d", c.Major, c.Minor) }

// Number is the capability as one number: 90, 103.
func (c Capability) Number() int { return 10*c.Major + c.Minor }

// Compare orders capabilities by number.
func (c Capability) Compare(o Capability) int { return cmp.Compare(c.Number(), o.Number()) }

// capabilityOf is the capability of a number: 10.3 of 103.
func capabilityOf(number int) Capability { return Capability{number / 10, number % 10} }

// parseCapability reads "9.0".
func parseCapability(text string) (Capability, bool) {
	n, ok := dotted(text, 2)
	if !ok || len(n) != 2 || n[1] > 9 {
		return Capability{}, false
	}
	return Capability{n[0], n[1]}, true
}

// UnmarshalText implements encoding.TextUnmarshaler, for the table of facts.
func (c *Capability) UnmarshalText(text []byte) error {
	var ok bool
	if *c, ok = parseCapability(string(text)); !ok {
		return fmt.Errorf("%q is no compute capability such as 9.0", text)
	}
	return nil
}

// Device is a GPU that an image is to run on.
type Device struct {
	Name       string // as written, "A100", or "sm_90"
	Capability Capability
}

func (d Device) String() string {
	if d.Name == "" || d.Name == d.Capability.SM() || d.Name == d.Capability.String() {
		return d.Capability.SM()
	}
	return fmt.Sprintf("%s (%s)", d.Name, d.Capability.SM())
}

// noise are words of full names that say nothing of the capability: "NVIDIA H100 80GB HBM3", "Tesla V100-SXM2-16GB".
var noise = map[string]bool{
	"nvidia": true, "geforce": true, "tesla": true, "generation": true, "laptop": true, "gpu": true, "mobile": true, "max": true, "q": true,
	"pcie": true, "pcie2": true, "sxm": true, "sxm2": true, "sxm3": true, "sxm4": true, "sxm5": true, "hbm2": true, "hbm2e": true, "hbm3": true,
	"hbm3e": true, "nvl": true, "sff": true, "server": true, "workstation": true, "edition": true, "super": true, "module": true, "d": true,
	"dev": true, "kit": true, "developer": true, "graphics": true, "card": true,
}

// plain is a name without what does not count: "a100" of "NVIDIA A100-SXM4-80GB".
func plain(name string) string {
	return strings.Join(words(name), "")
}

func words(name string) []string {
	name, _, _ = strings.Cut(strings.ToLower(name), " mig ")
	all := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.DeleteFunc(all, func(w string) bool { return noise[w] || isMemory(w) })
}

// isMemory tells whether a word is a size such as 80gb.
func isMemory(word string) bool {
	digits := strings.TrimSuffix(word, "gb")
	return digits != word && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// ParseDevice reads a GPU's name as people and nvidia-smi write it ("A100", "RTX 4090", "NVIDIA H100 80GB HBM3"), or a
// compute capability ("sm_90", "compute_90", "9.0"). Errors are [*UnknownDevice].
func ParseDevice(text string) (Device, error) {
	name := strings.TrimSpace(text)
	t := facts()
	if c, ok := capabilityText(name); ok {
		if t.newest(c).IsZero() {
			return Device{}, &UnknownDevice{Name: name, Hint: "the capabilities that are known are " + strings.Join(t.capabilityNames(), ", ")}
		}
		return Device{name, c}, nil
	}
	if c, ok := t.devices[plain(name)]; ok && plain(name) != "" {
		return Device{name, c}, nil
	}
	return Device{}, &UnknownDevice{Name: name, Hint: t.nearest(name)}
}

// capabilityText reads sm_90, sm90, compute_90 and 9.0.
func capabilityText(text string) (Capability, bool) {
	lower := strings.ToLower(text)
	if c, ok := parseCapability(lower); ok {
		return c, true
	}
	for _, prefix := range []string{"sm_", "sm", "compute_"} {
		if digits, ok := strings.CutPrefix(lower, prefix); ok {
			if n, ok := dotted(digits, 1); ok && n[0] >= 10 {
				return capabilityOf(n[0]), true
			}
		}
	}
	return Capability{}, false
}

// Names are the names of GPUs that are known.
func Names() []string { return slices.Clone(facts().deviceNames) }

// UnknownDevice says that a text names no GPU that is known.
type UnknownDevice struct {
	Name string
	Hint string // what to write instead
}

func (e *UnknownDevice) Error() string { return fmt.Sprintf("%q is no GPU that is known", e.Name) }

// mostNames bounds the names in a hint.
const mostNames = 6

// nearest is a hint about names like the one that is not known.
func (t *table) nearest(name string) string {
	word := plain(name)
	lower := strings.ToLower(name)
	for _, a := range t.architectures {
		if strings.EqualFold(a.name, strings.TrimSpace(name)) {
			return fmt.Sprintf("%s is an architecture with several capabilities: name %s", a.name, a.examples())
		}
	}
	if strings.HasPrefix(lower, "sm_") && strings.TrimRight(lower, "af") != lower {
		return fmt.Sprintf("%s is a kind of code and no GPU: write %s", name, strings.TrimRight(lower, "af"))
	}
	var like []string
	for _, known := range t.deviceNames {
		lacks := func(w string) bool { return !strings.Contains(plain(known), w) }
		if len(word) > 2 && !slices.ContainsFunc(words(name), lacks) {
			like = append(like, known)
		}
	}
	if len(like) == 0 {
		var all []string
		for _, known := range t.deviceNames {
			all = append(all, plain(known))
		}
		if near := diag.Nearest(word, all); near != "" {
			for i, name := range all { // an H1000 is as near to an H100 as to a T1000
				if diag.Distance(word, name) == diag.Distance(word, near) {
					like = append(like, t.deviceNames[i])
				}
			}
		}
	}
	if len(like) > 0 {
		return "did you mean " + strings.Join(like[:min(len(like), mostNames)], ", ") + "?"
	}
	return "write its compute capability, as in sm_90 or 9.0; `nvidia-smi --query-gpu=name,compute_cap --format=csv` shows it"
}
