package main

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/fatbin"
)

func (r *gpuReport) write(b *strings.Builder) {
	if len(r.Groups) == 0 && len(r.Notes) == 0 {
		fmt.Fprintf(b, "%s: no code for GPUs\n", printable(r.Of))
		return
	}
	for i, g := range r.Groups {
		if i > 0 {
			b.WriteString("\n")
		}
		title := g.Name
		if len(g.Platforms) > 0 {
			title += " (" + list(g.Platforms) + ")"
		}
		fmt.Fprintf(b, "%s\n", printable(title))
		g.write(b)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(b, "note: %s\n", n)
	}
}

// perRow is how many codes stand beside each other.
const perRow = 8

// write has for each library two rows: the shares of its containers that have a code, and the bytes; and as many of these as
// there are codes.
func (g gpuGroup) write(b *strings.Builder) {
	var codes []fatbin.Code
	for _, l := range g.Libraries {
		for _, c := range l.Codes {
			if at, ok := slices.BinarySearchFunc(codes, c.code, fatbin.Code.Compare); !ok {
				codes = slices.Insert(codes, at, c.code)
			}
		}
	}
	short := g.shortPaths()
	for i, some := range slices.Collect(slices.Chunk(codes, perRow)) {
		t := table{right: slices.Repeat([]bool{true}, perRow+2)}
		t.right[0] = false
		head := []string{"  library", "containers"}
		if i > 0 {
			head = []string{"", ""}
		}
		for _, c := range some {
			head = append(head, c.String())
		}
		t.add(head...)
		for j, l := range g.Libraries {
			shares, sizes := []string{"  " + short[j], strconv.Itoa(l.Containers)}, []string{"", size(l.Size)}
			if i > 0 {
				shares[1], sizes[1] = "", ""
			}
			any := i == 0 && len(l.Codes) > 0
			for _, c := range some {
				at, ok := slices.BinarySearchFunc(l.Codes, c, func(have gpuCode, c fatbin.Code) int { return have.code.Compare(c) })
				if !ok {
					shares, sizes = append(shares, ""), append(sizes, "")
					continue
				}
				any = true
				shares, sizes = append(shares, percent(l.Codes[at].Containers, l.Containers)), append(sizes, size(l.Codes[at].Size))
			}
			if any {
				t.add(shares...)
				t.add(sizes...)
			}
		}
		t.write(b)
	}
	for i, l := range g.Libraries {
		if l.Fault != "" {
			fmt.Fprintf(b, "  %s: not known: %s\n", short[i], printable(l.Fault))
		}
		if l.Embedded.Containers > 0 {
			fmt.Fprintf(b, "  %s: among its other data %s\n", short[i], l.Embedded)
		}
		if l.Prelinked.Containers > 0 {
			fmt.Fprintf(b, "  %s: not linked, so that it does not run, %s\n", short[i], l.Prelinked)
		}
	}
}

// shortPaths are the libraries' file names where these say which is meant, else their paths.
func (g gpuGroup) shortPaths() []string {
	count := map[string]int{}
	for _, l := range g.Libraries {
		count[path.Base(l.Path)]++
	}
	var names []string
	for _, l := range g.Libraries {
		name := path.Base(l.Path)
		if count[name] > 1 {
			name = l.Path
		}
		names = append(names, printable(name))
	}
	return names
}

// percent is a share; what is not all is less than 100%, and what is not nothing more than 0%.
func percent(n, of int) string {
	return strconv.Itoa(max(1, n*100/of)) + "%"
}
