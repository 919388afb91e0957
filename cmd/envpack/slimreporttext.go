package main

import (
	"fmt"
	"path"
	"strings"
)

// shownNVIDIA is how many of NVIDIA's libraries are listed; --json has them all.
const shownNVIDIA = 5

// write is the report for people: what code there is and who uses it, what each GPU uses, the libraries, and in the end what could be
// saved.
func (r *slimReport) write(b *strings.Builder) {
	title := printable(r.Of)
	if r.Platform != "" {
		title += " (" + r.Platform + ")"
	}
	switch {
	case len(r.Libraries)+len(r.NVIDIA.Libraries) == 0 && len(r.Notes) > 0:
		title += ": no code for GPUs that is known of"
	case len(r.Libraries)+len(r.NVIDIA.Libraries) == 0:
		title += ": no code for GPUs"
	case len(r.GPUs) > 0:
		title += ", for " + printable(list(r.GPUs))
	}
	b.WriteString(title + "\n")
	if len(r.Libraries) > 0 {
		r.writeCodes(b)
		r.writeUses(b)
		r.writeLibraries(b)
	}
	r.NVIDIA.write(b)
	r.conclude(b)
	for _, n := range r.Notes {
		fmt.Fprintf(b, "note: %s\n", n)
	}
}

// judged tells whether there are GPUs to judge for.
func (r *slimReport) judged() bool { return len(r.GPUs) > 0 }

// cell is a size, and nothing for none.
func cell(n int64) string {
	if n == 0 {
		return ""
	}
	return size(n)
}

func (r *slimReport) writeCodes(b *strings.Builder) {
	b.WriteString("\n")
	t := table{right: []bool{false, true, true}}
	if r.judged() {
		t.add("  code", "size", "used", "by")
	} else {
		t.add("  code", "size")
	}
	for _, c := range r.Codes {
		row := []string{"  " + c.Code, size(c.Size)}
		if r.judged() {
			by := list(c.By)
			switch {
			case by != "":
			case c.Linked == c.Size:
				by = "for linking, not judged"
			case c.PTX > 0:
				by = "none: PTX, for GPUs that there is no machine code for"
			default:
				by = "none"
			}
			row = append(row, cell(c.Used), printable(by))
		}
		t.add(row...)
	}
	t.write(b)
}

func (r *slimReport) writeUses(b *strings.Builder) {
	if len(r.Uses) < 2 {
		return
	}
	b.WriteString("\n")
	t := table{right: []bool{false, true, true}}
	t.add("  GPU", "uses", "no other uses")
	for _, u := range r.Uses {
		t.add("  "+printable(u.GPU), size(u.Used), size(u.Alone))
	}
	t.write(b)
}

func (r *slimReport) writeLibraries(b *strings.Builder) {
	b.WriteString("\n")
	linked := r.Linked > 0
	t := table{right: []bool{false, true, true, true, true, true, true}}
	head := []string{"  library", "size"}
	if r.judged() {
		head = append(head, "used", "", "unused", "PTX")
		if linked {
			head = append(head, "linking")
		}
	}
	t.add(append(head, "of")...)
	for i, l := range r.Libraries {
		if l.Fault != "" {
			continue
		}
		row := []string{"  " + shortLibrary(r.Libraries, i), size(l.Size)}
		if r.judged() {
			share := ""
			if l.Used > 0 {
				share = portion(l.Used, l.Size)
			}
			row = append(row, cell(l.Used), share, cell(l.Unused), cell(l.PTX))
			if linked {
				row = append(row, cell(l.Linked))
			}
		}
		t.right = t.right[:len(row)]
		t.add(append(row, printable(l.Package))...)
	}
	t.write(b)
	for i, l := range r.Libraries {
		if l.Fault != "" {
			fmt.Fprintf(b, "  %s: not known: %s\n", shortLibrary(r.Libraries, i), printable(l.Fault))
		}
	}
}

func (n slimNVIDIA) write(b *strings.Builder) {
	if len(n.Libraries) == 0 {
		return
	}
	fmt.Fprintf(b, "\nNVIDIA's libraries, which are not judged: %s of code in %d\n", size(n.Size), len(n.Libraries))
	if texts := n.byGPU(); len(texts) > 0 {
		fmt.Fprintf(b, "  %s\n", list(texts))
	}
	t := table{right: []bool{false, true}}
	for i, l := range n.Libraries {
		switch {
		case l.Fault != "":
			t.add("  "+shortLibrary(n.Libraries, i), "not known", printable(l.Package))
		case i < shownNVIDIA:
			t.add("  "+shortLibrary(n.Libraries, i), size(l.Size), printable(l.Package))
		}
	}
	if more := len(n.Libraries) - shownNVIDIA; more > 0 {
		t.add(fmt.Sprintf("  and %d more; --json has all", more))
	}
	t.write(b)
}

// leastShown is the part of the whole, one in so many, that is named by itself.
const leastShown = 100

// byGPU is what NVIDIA's libraries have by capability, whatever it is limited to: sm_90 with sm_90a; then PTX, and code for linking.
func (n slimNVIDIA) byGPU() []string {
	sums, other := map[string]int64{}, int64(0)
	var names []string
	for _, c := range n.Codes {
		name := strings.TrimRight(c.Code, "af")
		switch kind, _, _ := strings.Cut(c.Code, "_"); kind {
		case "sm":
		case "compute":
			name = "PTX"
		default:
			name = "for linking"
		}
		if _, ok := sums[name]; !ok {
			names = append(names, name)
		}
		sums[name] += c.Size
	}
	var texts []string
	for _, name := range names {
		if leastShown*sums[name] < n.Size {
			other += sums[name]
			continue
		}
		texts = append(texts, name+" "+size(sums[name]))
	}
	if other > 0 {
		texts = append(texts, "others "+size(other))
	}
	return texts
}

// conclude says what could be saved, or what is needed to tell.
func (r *slimReport) conclude(b *strings.Builder) {
	if len(r.Libraries) == 0 {
		return
	}
	text := fmt.Sprintf("of %s these GPUs use %s (%s); ", size(r.Size), size(r.Used), portion(r.Used, r.Size))
	switch saves := r.Unused + r.PTX; {
	case !r.judged():
		text = size(r.Size) + " of code; what of it is of use is judged for the GPUs that --gpu names, or devices below [gpu] in the manifest"
	case saves == 0:
		text += "there is nothing to save"
	case r.PTX == 0:
		text += fmt.Sprintf("wheels with code for them alone would save %s", size(saves))
	default:
		text += fmt.Sprintf("wheels with code for them alone would save %s, of which %s are PTX", size(saves), size(r.PTX))
	}
	unknown := 0
	for _, l := range r.Libraries {
		if l.Fault != "" {
			unknown++
		}
	}
	if unknown == 1 {
		text += "; of 1 library it is not known"
	} else if unknown > 1 {
		text += fmt.Sprintf("; of %d libraries it is not known", unknown)
	}
	fmt.Fprintf(b, "\n%s\n", text)
}

// portion is a share of bytes; what is not all is less than 100%, and what is not nothing more than 0%.
func portion(n, of int64) string {
	switch {
	case n == 0 || of == 0:
		return "0%"
	case n == of:
		return "100%"
	}
	return fmt.Sprintf("%d%%", min(99, max(1, n*100/of)))
}

// shortLibrary is a library's file name where that says which is meant, else its path.
func shortLibrary(all []slimLibrary, i int) string {
	for j, l := range all {
		if j != i && path.Base(l.Path) == path.Base(all[i].Path) {
			return printable(all[i].Path)
		}
	}
	return printable(path.Base(all[i].Path))
}
