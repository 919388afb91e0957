package tags

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Describe says in short what wheels there are, for messages: "cp312, cp313 on manylinux x86_64,
// macosx". Pythons that have the same platforms are said together. It is "" for no wheels.
func Describe(wheels []Wheel) string {
	platforms := map[string][]string{} // by Python
	for _, w := range wheels {
		for _, python := range interpreters(w) {
			for _, platform := range w.Platforms {
				platforms[python] = append(platforms[python], family(platform))
			}
		}
	}
	pythons := map[string][]string{} // by platforms
	for python, list := range platforms {
		slices.Sort(list)
		on := strings.Join(slices.Compact(list), ", ")
		pythons[on] = append(pythons[on], python)
	}
	var groups []string
	for on, list := range pythons {
		slices.SortFunc(list, comparePython)
		groups = append(groups, strings.Join(list, ", ")+" on "+on)
	}
	slices.SortFunc(groups, comparePython)
	return strings.Join(groups, "; ")
}

// interpreters are a wheel's Python tags as people know them: with the interface where that says
// more (cp313t, abi3).
func interpreters(w Wheel) []string {
	var list []string
	for _, python := range w.Pythons {
		for _, abi := range w.ABIs {
			switch {
			case abi == "abi3" || abi == "abi3t":
				list = append(list, python+" and later ("+abi+")")
			case abi == python+"t":
				list = append(list, abi)
			default:
				list = append(list, python)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// family is a platform tag without versions: "manylinux x86_64", "macosx arm64", "win_amd64".
func family(platform string) string {
	name, rest, ok := strings.Cut(platform, "_")
	switch {
	case !ok:
		return platform
	case strings.HasPrefix(name, "manylinux"), name == "musllinux", name == "macosx", name == "linux", name == "android", name == "ios":
		for rest != "" && isDigit(rest[0]) {
			_, rest, _ = strings.Cut(rest, "_")
		}
		if strings.HasPrefix(name, "manylinux") {
			name = "manylinux"
		}
		return strings.TrimSpace(name + " " + rest)
	}
	return platform
}

// comparePython puts cp39 before cp310.
func comparePython(a, b string) int {
	an, am, ar := splitPython(a)
	bn, bm, br := splitPython(b)
	return cmp.Or(cmp.Compare(an, bn), cmp.Compare(am, bm), cmp.Compare(ar, br))
}

// splitPython takes a Python tag apart: name, version (312 becomes 3012), what follows.
func splitPython(s string) (name string, version int, rest string) {
	i := strings.IndexFunc(s, func(r rune) bool { return '0' <= r && r <= '9' })
	if i < 0 {
		return s, 0, ""
	}
	end := i + 1
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	minor := 0
	if end > i+1 {
		minor, _ = strconv.Atoi(s[i+1 : min(end, i+4)]) // at most three digits
	}
	return s[:i], int(s[i]-'0')*1000 + minor, s[end:]
}

// Explain says why the target takes none of the wheels, as a clause to go behind "no wheel for X:"
// or the like. It names the nearest miss if there is one: the C library too old, the right
// platform for other Pythons, the right Python for other platforms.
func (r *Ranking) Explain(wheels []Wheel) string {
	if len(wheels) == 0 {
		return "there are no wheels"
	}
	if libc, ok := r.libcNeeded(wheels); ok {
		return fmt.Sprintf("the wheels need %s or later, and the target has %s", libc, r.target.libc())
	}
	return "there are wheels for " + Describe(wheels) + r.none(wheels)
}

// none says what kind of wheels is not there at all, where a target is of a kind that many projects build none for: of
// free-threaded Pythons, and on musl. "" if that is not what is amiss.
func (r *Ranking) none(wheels []Wheel) string {
	t := r.target
	has := func(list func(Wheel) []string, is func(string) bool) bool {
		return slices.ContainsFunc(wheels, func(w Wheel) bool { return slices.ContainsFunc(list(w), is) })
	}
	abis := func(w Wheel) []string { return w.ABIs }
	platforms := func(w Wheel) []string { return w.Platforms }
	on := func(prefix string) bool {
		return has(platforms, func(p string) bool { return strings.HasPrefix(p, prefix) && strings.HasSuffix(p, "_"+t.Machine()) })
	}
	if !t.Musl.IsZero() && on("manylinux") && !on("musllinux") {
		return ", none for musl (musllinux)"
	}
	if t.FreeThreaded && !has(abis, func(abi string) bool {
		return strings.HasPrefix(abi, "cp") && strings.HasSuffix(abi, "t") || abi == "abi3t"
	}) {
		return ", none for free-threaded Python (" + t.abi() + ")"
	}
	return ""
}

// libcNeeded is the oldest C library with which the target would take a wheel, "glibc 2.34", if
// only that is amiss.
func (r *Ranking) libcNeeded(wheels []Wheel) (string, bool) {
	kind, prefix := "glibc", "manylinux_"
	if !r.target.Musl.IsZero() {
		kind, prefix = "musl", "musllinux_"
	}
	// Any platform of the target stands in for the one that is too new.
	standIn := []string{"linux_" + r.target.Machine()}
	var least Libc
	for _, w := range wheels {
		for _, platform := range w.Platforms {
			versions, ok := strings.CutPrefix(platform, prefix)
			if !ok {
				continue
			}
			var libc Libc
			var machine string
			if n, err := fmt.Sscanf(versions, "%d_%d_%s", &libc.Major, &libc.Minor, &machine); n != 3 || err != nil || machine != r.target.Machine() {
				continue
			}
			w.Platforms = standIn
			if _, ok := r.Rank(w); ok && r.target.libc().less(libc) && (least.IsZero() || libc.less(least)) {
				least = libc
			}
		}
	}
	return kind + " " + least.String(), !least.IsZero()
}
