// Package linediff shows what changed in a text, line by line, in the unified format that patch and git read. It is for texts
// of some thousand lines, as manifests are; it reads no files.
package linediff

import (
	"fmt"
	"strings"
)

// context is how many lines that stay are shown around changes.
const context = 3

// op is a line with what becomes of it: ' ' it stays, '-' it goes, '+' it comes.
type op struct {
	kind byte
	text string
}

// Unified is the difference of two texts, "" if they are equal. The names stand at its head.
func Unified(oldName, newName, old, text string) string {
	if old == text {
		return ""
	}
	ops := diff(lines(old), lines(text))
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", oldName, newName)
	for at := 0; at < len(ops); {
		first := at
		for first < len(ops) && ops[first].kind == ' ' {
			first++
		}
		if first == len(ops) {
			break
		}
		from, to, still := max(first-context, at), first, 0
		for k := first; k < len(ops) && still <= 2*context; k++ {
			if ops[k].kind == ' ' {
				still++
				continue
			}
			still, to = 0, k+1
		}
		to = min(to+context, len(ops))
		writeHunk(&out, ops, from, to)
		at = to
	}
	return out.String()
}

// writeHunk writes the lines from one to before another, under a head that says where they are.
func writeHunk(out *strings.Builder, ops []op, from, to int) {
	oldLine, newLine := 1, 1
	for _, o := range ops[:from] {
		if o.kind != '+' {
			oldLine++
		}
		if o.kind != '-' {
			newLine++
		}
	}
	var olds, news int
	var body strings.Builder
	for _, o := range ops[from:to] {
		if o.kind != '+' {
			olds++
		}
		if o.kind != '-' {
			news++
		}
		body.WriteByte(o.kind)
		body.WriteString(o.text)
		if !strings.HasSuffix(o.text, "\n") {
			body.WriteString("\n\\ No newline at end of file\n")
		}
	}
	if olds == 0 { // as diff has it for what is put before the first line
		oldLine--
	}
	if news == 0 {
		newLine--
	}
	fmt.Fprintf(out, "@@ -%d,%d +%d,%d @@\n%s", oldLine, olds, newLine, news, body.String())
}

// lines are those of a text with their ends.
func lines(text string) []string {
	list := strings.SplitAfter(text, "\n")
	if n := len(list); list[n-1] == "" {
		list = list[:n-1]
	}
	return list
}

// diff finds a longest common subsequence between what both texts begin and end with.
func diff(a, b []string) []op {
	var head, tail []op
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, op{' ', a[0]}), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail, a, b = append(tail, op{' ', a[len(a)-1]}), a[:len(a)-1], b[:len(b)-1]
	}
	longest := make([][]int, len(a)+1) // of what is left from here
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			if a[i] == b[k] {
				longest[i][k] = longest[i+1][k+1] + 1
			} else {
				longest[i][k] = max(longest[i+1][k], longest[i][k+1])
			}
		}
	}
	i, k := 0, 0
	for i < len(a) || k < len(b) {
		switch {
		case i < len(a) && k < len(b) && a[i] == b[k]:
			head = append(head, op{' ', a[i]})
			i, k = i+1, k+1
		case k == len(b) || i < len(a) && longest[i+1][k] >= longest[i][k+1]:
			head = append(head, op{'-', a[i]})
			i++
		default:
			head = append(head, op{'+', b[k]})
			k++
		}
	}
	for n := len(tail) - 1; n >= 0; n-- {
		head = append(head, tail[n])
	}
	return head
}
