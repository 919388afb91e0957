package cuda

import (
	"fmt"
	"maps"
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
	if text := e.codeSentences(r, hosts); text != "" {
		s = append(s, text)
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
	x := &examiner{Environment: e}
	bundled := slices.ContainsFunc(e.Frameworks(), x.ownCopies)
	unmet := e.Supply != nil && len(e.Unmet()) > 0
	var text string
	switch {
	case len(e.libraries()) > 0 && e.BaseAsked:
		text = fmt.Sprintf("CUDA's libraries come in part in NVIDIA's wheels; the others that wheels ask for are in the base, %s.", e.Base)
	case len(e.libraries()) > 0 && e.BaseCUDA != "":
		text = fmt.Sprintf("CUDA's libraries come in NVIDIA's wheels; the base, %s, has them as well.", e.Base)
	case len(e.libraries()) > 0 && (e.Base == lockfile.NoDistro || unmet):
		text = "CUDA's libraries come in NVIDIA's wheels."
	case len(e.libraries()) > 0:
		text = fmt.Sprintf("CUDA's libraries come in NVIDIA's wheels, so the base, %s, needs none of them.", e.Base)
	case e.BaseCUDA != "":
		text = fmt.Sprintf("CUDA's libraries are in the base, %s.", e.Base)
	case bundled && !unmet:
		text = fmt.Sprintf("CUDA's libraries are in the framework's own wheel, so the base, %s, needs none of them.", e.Base)
	case e.Supply != nil && !unmet:
		text = fmt.Sprintf("The wheels have in them what they use of CUDA's libraries, so the base, %s, needs none of them.", e.Base)
	case !unmet:
		text = fmt.Sprintf("No package brings CUDA's libraries, and the base, %s, has none that envpack knows of.", e.Base)
	}
	if unmet {
		text += fmt.Sprintf(" Nobody brings %s.", strings.Join(e.Unmet(), "; "))
	}
	if e.Supply != nil {
		for _, stray := range e.Unreached() {
			text += fmt.Sprintf(" %s, where nothing leads the dynamic linker: the program must open them before.", stray)
		}
	}
	return strings.TrimSpace(text)
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

// codeSentences say which of the GPUs that are named run what, or, without any, what there is code for.
func (e Environment) codeSentences(r Report, hosts Hosts) string {
	x := &examiner{Environment: e, hosts: hosts}
	x.report.CUDA = r.CUDA
	var sentences, parts []string
	served := map[string][]Item{} // by the GPUs that run them
	for _, f := range e.Frameworks() {
		if len(hosts.Devices) == 0 {
			if has := x.has(f); has != "" && len(sentences) < mostNamed {
				sentences = append(sentences, fmt.Sprintf("%s has %s.", f.Name, has))
			}
			continue
		}
		var run []string
		for _, d := range hosts.Devices {
			j, ok := Judge(f.Libraries, d, hosts.DriverOf(d), r.CUDA)
			if b, known := facts().known(f); !ok && !f.Measured && known && b.lists(e.Platform) {
				j.Covered = b.serves(d.Capability)
			}
			if !j.Covered {
				continue
			}
			run = append(run, d.String())
			for _, p := range j.Partial {
				parts = append(parts, fmt.Sprintf("%s of %s's %s on %s", share(p.Of), f.Name, path.Base(p.Binary.Path), d.Name))
			}
		}
		if len(run) > 0 {
			gpus := strings.Join(run, ", ")
			served[gpus] = append(served[gpus], f)
		}
	}
	for _, gpus := range slices.Sorted(maps.Keys(served)) {
		verb := "has"
		if len(served[gpus]) > 1 {
			verb = "have"
		}
		sentences = append(sentences, fmt.Sprintf("%s %s code for %s.", namesOf(served[gpus]), verb, gpus))
	}
	if n := len(parts); n > 0 {
		more := ""
		if n > mostNamed {
			parts, more = parts[:mostNamed], fmt.Sprintf(", and %d more", n-mostNamed)
		}
		sentences = append(sentences, "Not all runs everywhere: "+strings.Join(parts, ", ")+more+".")
	}
	return strings.Join(sentences, " ")
}
