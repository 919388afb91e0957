package cuda

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/lockfile"
)

// Paragraph tells in a few sentences which CUDA an environment has and why, what its base has to do with it, which driver
// it takes, and for which GPUs there is code.
func Paragraph(e Environment, r Report, hosts Hosts) string {
	if r.CUDA.IsZero() {
		return "No package is for CUDA."
	}
	var s []string
	s = append(s, opening(e, r))
	s = append(s, foundation(e, r))
	s = append(s, driverSentence(r, hosts))
	for _, f := range e.Frameworks() {
		if text := codeSentence(e, r, f, hosts); text != "" {
			s = append(s, text)
		}
	}
	return strings.Join(s, " ")
}

// opening says which packages are for which CUDA.
func opening(e Environment, r Report) string {
	var names []Item
	for _, f := range e.Frameworks() {
		if len(f.Libraries) > 0 || f.brought.Role == Framework {
			names = append(names, f)
		}
	}
	_, by := e.Toolkit()
	if len(names) == 0 {
		return fmt.Sprintf("The packages are for CUDA %s (%s).", r.CUDA, r.By)
	}
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	reason := ""
	if !slices.ContainsFunc(names, func(i Item) bool { return i.Name == by.Name }) {
		reason = fmt.Sprintf(" (%s)", r.By)
	}
	return fmt.Sprintf("%s %s for CUDA %s%s.", namesOf(names), verb, r.CUDA, reason)
}

// foundation says who brings the libraries, and what the base needs.
func foundation(e Environment, r Report) string {
	bundled := slices.ContainsFunc(e.Frameworks(), func(f Item) bool {
		return slices.ContainsFunc(f.Libraries, func(l Binary) bool { return isNVIDIAFile(l.Path) })
	})
	switch {
	case len(e.libraries()) > 0 && e.BaseCUDA != "":
		return fmt.Sprintf("Its libraries come in NVIDIA's wheels; the base, %s, has them as well.", e.Base)
	case len(e.libraries()) > 0:
		if e.Base == lockfile.NoDistro {
			return "Its libraries come in NVIDIA's wheels."
		}
		return fmt.Sprintf("Its libraries come in NVIDIA's wheels, so the base, %s, needs none of them.", e.Base)
	case e.BaseCUDA != "":
		return fmt.Sprintf("Its libraries are in the base, %s.", e.Base)
	case bundled:
		return fmt.Sprintf("Its libraries are in the framework's own wheel, so the base, %s, needs none of them.", e.Base)
	}
	return fmt.Sprintf("No package brings its libraries, and the base, %s, has none that envpack knows of.", e.Base)
}

func driverSentence(r Report, hosts Hosts) string {
	if r.Driver.IsZero() {
		return fmt.Sprintf("Which driver CUDA %s needs is not in envpack's table.", r.CUDA)
	}
	text := fmt.Sprintf("Hosts need driver %s or newer", r.Driver)
	if len(r.PTX) > 0 {
		text += ", which compiles the PTX of " + strings.Join(r.PTX, ", ")
	}
	if !hosts.Driver.IsZero() {
		text += fmt.Sprintf("; min-driver is %s", hosts.Driver)
	}
	return text + "."
}

// codeSentence says what a framework has code for, and which of the GPUs run it.
func codeSentence(e Environment, r Report, f Item, hosts Hosts) string {
	x := &examiner{Environment: e, hosts: hosts}
	x.report.CUDA = r.CUDA
	has := x.has(f)
	if has == "" {
		return ""
	}
	text := fmt.Sprintf("%s has %s", f.Name, has)
	var run, parts []string
	for _, d := range hosts.Devices {
		j, ok := Judge(f.Libraries, d, hosts.Driver, r.CUDA)
		if b, known := facts().known(f); !ok && known {
			j.Covered = b.serves(d.Capability)
		}
		if !j.Covered {
			continue
		}
		run = append(run, d.String())
		for _, p := range j.Partial {
			parts = append(parts, fmt.Sprintf("%s of %s on %s", share(p.Of), path.Base(p.Binary.Path), d))
		}
	}
	if len(run) > 0 {
		text += ", which serves " + strings.Join(run, ", ")
	}
	if len(parts) > 0 {
		text += " (but " + strings.Join(parts, ", ") + ")"
	}
	return text + "."
}
