package conda

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/envpack/envpack/resolver/pep440"
)

// choice is what the index has of a project with facts of its own.
type choice struct {
	name   string
	bounds Bounds
	note   string
}

// choose finds what the index has of a project, by the versions and builds that are asked for and by the day. Without a day the
// present counts, but for versions that only an earlier project had.
func (p *packages) choose(pr *project, s Spec, b Bounds) (choice, bool) {
	c := choice{name: pr.Index, bounds: b}
	var note string
	switch {
	case pr.release.has(b, p.asOf):
	case pr.Earlier != nil && pr.Earlier.has(b, p.asOf):
		c.name = pr.Earlier.Index
		note = fmt.Sprintf("%s is what the index had of %s then", c.name, s.Name)
	default:
		return choice{}, false
	}
	if pr.Versions == "prefix" {
		c.bounds = prefixes(b)
	}
	if pr.GPU != nil && (s.Name == "tensorflow-gpu" || strings.Contains(s.Build, "gpu") || strings.Contains(s.Build, "cuda")) {
		c = gpuBuild(pr, c)
	}
	if pr.ByCUDA != "" && p.cuda != "" {
		c.name = pr.ByCUDA + cudaSuffix(p.cuda, b)
		note = strings.ReplaceAll(pr.Note, "{}", c.name)
	} else if pr.ByCUDA == "" && pr.Note != "" {
		note = strings.ReplaceAll(pr.Note, "{}", c.name)
	}
	c.note = join(c.note, note)
	return c, true
}

// gpuBuild takes the project that has the builds for GPUs, for the versions of which they were a project of their own.
func gpuBuild(pr *project, c choice) choice {
	below := pep440.FromSpecifiers(pep440.MustParseSpecifiers("<" + pr.GPU.Below))
	old := pep440.FromSpecifiers(pep440.MustParseSpecifiers("<2.1"))
	switch {
	case c.bounds.Text == "" && pr.GPU.Below != "1.15":
		c.name = pr.GPU.Index
		c.bounds, _ = bounds("<"+pr.GPU.Below, "")
		c.note = pr.GPU.Index + " was a project of its own until " + pr.GPU.Below + "; later " + pr.Index + " has it"
	case c.bounds.Set.SubsetOf(old) && c.bounds.Set.SubsetOf(below):
		c.name = pr.GPU.Index
	case c.bounds.Text != "":
		c.note = pr.Index + " of the index is for GPUs as well"
	}
	return c
}

// lacking says why nothing of a project can be had.
func (p *packages) lacking(pr *project, b Bounds) string {
	first := &pr.release
	if pr.Earlier != nil {
		first = pr.Earlier
	}
	why := fmt.Sprintf("only conda has it in these versions: %s of the index begins with %s of %s", first.Index, first.First, first.Since)
	if p.asOf != "" && p.asOf < first.Since && first.has(b, "") {
		why = fmt.Sprintf("only conda had it on %s: the first release of %s on the index is %s of %s", p.asOf, first.Index, first.First, first.Since)
	}
	return join(why, pr.Instead)
}

// prefixes makes bounds for releases that have one number more on the index than the three of conda: 4.5.1 is 4.5.1.*, and up to
// 4.5.1 is below 4.5.2.
func prefixes(b Bounds) Bounds {
	if b.Text == "" {
		return b
	}
	list, err := pep440.ParseSpecifiers(b.Text)
	if err != nil {
		return b
	}
	var out []string
	for word := range strings.SplitSeq(b.Text, ",") {
		s, err := pep440.ParseSpecifier(word)
		if err != nil || strings.HasSuffix(word, ".*") || s.Version().IsPrerelease() {
			out = append(out, word)
			continue
		}
		switch this, next := release3(s.Version()); s.Op().String() {
		case "==", "!=":
			word = s.Op().String() + this + ".*"
		case "<=":
			word = "<" + next
		case ">":
			word = ">=" + next
		}
		out = append(out, word)
	}
	if len(out) != list.Len() {
		return b
	}
	wide, err := bounds(strings.Join(out, ","), b.Note)
	if err != nil {
		return b
	}
	return wide
}

// release3 is a version with three numbers at least, since 4.5 of conda is 4.5.0, and the one that follows it.
func release3(v pep440.Version) (this, next string) {
	release := v.Release()
	for len(release) < 3 {
		release = append(release, 0)
	}
	words := make([]string, len(release))
	for i, n := range release {
		words[i] = strconv.FormatUint(n, 10)
	}
	this = strings.Join(words, ".")
	words[len(words)-1] = strconv.FormatUint(release[len(release)-1]+1, 10)
	return this, strings.Join(words, ".")
}

// cudaSuffix is what cupy's projects end in: 102 for one version, 11x from CUDA 11.2 on if release 11 or later may be taken.
func cudaSuffix(cuda string, b Bounds) string {
	major, minor, _ := strings.Cut(cuda, ".")
	exact := major + minor
	if minor == "" {
		exact = major + "0"
	}
	n, _ := strconv.Atoi(major)
	m, _ := strconv.Atoi(minor)
	from11 := pep440.FromSpecifiers(pep440.MustParseSpecifiers(">=11"))
	if n >= 12 || n == 11 && m >= 2 && !b.Set.Disjoint(from11) {
		return major + "x"
	}
	return exact
}
