package apt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/envpack/envpack/internal/diag"
)

// Development is a file that something looks for while it is built. One of the two is set.
type Development struct {
	Header string // as it is included: "png.h", "boost/python.hpp"
	Config string // a library as pkg-config names it: "cairo"
}

// String is the file's name.
func (d Development) String() string {
	if d.Header != "" {
		return d.Header
	}
	return d.Config + ".pc"
}

// FindDevelopment lists the packages that have a file, the best first: those that have it where compilers look without being told,
// then those that have it in a folder of their own; of main before universe. Packages for debugging, for other machines, and
// of components that are not free are left out. It reads the contents index line by line, which takes seconds, and keeps nothing: it is for
// builds that failed.
//
// Errors: those of [ReadContents].
func FindDevelopment(ctx context.Context, o Options, d Development) ([]string, error) {
	list, err := findDevelopment(ctx, o, d)
	if err != nil {
		return nil, fmt.Errorf("reading which package of %s has %s: %w", o.Distro, d, err)
	}
	return list, nil
}

func findDevelopment(ctx context.Context, o Options, d Development) ([]string, error) {
	l, err := contentsLoader(o)
	if err != nil {
		return nil, err
	}
	r, err := l.release(ctx)
	if lacking := (*noSnapshot)(nil); errors.As(err, &lacking) {
		return nil, snapshotsError([]*noSnapshot{lacking})
	}
	if err != nil {
		return nil, fmt.Errorf("archive %s, suite %s: %w", l.archive, l.suite, err)
	}
	indexes := append(l.contentsIndexes(r, l.Architecture), l.contentsIndexes(r, "all")...)
	if len(indexes) == 0 {
		return nil, diag.Wrap(errNoContents, diag.NoAnswer, "architecture %s", l.Architecture)
	}
	var found []developer
	for _, i := range indexes {
		if i.file.size > maxContents {
			return nil, diag.New(diag.Fetch, "index %s%s has %d bytes, more than %d", i.folder, i.name, i.file.size, maxContents)
		}
		data, err := l.getIndex(ctx, r, i.folder, i.name, i.file)
		if err != nil {
			return nil, fmt.Errorf("index %s%s: %w", i.folder, i.name, err)
		}
		part, err := scanDevelopment(ctx, data, strings.TrimSuffix(i.folder, "/"), d.places(triplets[l.Architecture]))
		if err != nil {
			return nil, fmt.Errorf("index %s%s: %w", i.folder, i.name, err)
		}
		found = append(found, part...)
	}
	return rankDevelopers(found), nil
}

// developer is a package that has the file, and how far from where it is looked for.
type developer struct {
	Holder
	away int
}

// places judge the path of a file, without its leading slash: ok tells that it is the one that is looked for.
func (d Development) places(triplet string) func(name []byte) (away int, ok bool) {
	if d.Header == "" {
		names := []string{"usr/lib/" + triplet + "/pkgconfig/" + d.Config + ".pc", "usr/share/pkgconfig/" + d.Config + ".pc", "usr/lib/pkgconfig/" + d.Config + ".pc"}
		return func(name []byte) (int, bool) {
			for i, n := range names {
				if string(name) == n {
					return i, true
				}
			}
			return 0, false
		}
	}
	end := []byte("/" + d.Header)
	return func(name []byte) (int, bool) {
		rest, ok := bytes.CutPrefix(name, []byte("usr/include"))
		if !ok {
			return 0, false
		}
		folder, ok := bytes.CutSuffix(rest, end)
		switch {
		case !ok:
			return 0, false
		case len(folder) == 0, string(folder) == "/"+triplet:
			return 0, true
		}
		return bytes.Count(folder, []byte("/")), true
	}
}

// scanDevelopment reads an index for a file.
func scanDevelopment(ctx context.Context, packed []byte, component string, place func([]byte) (int, bool)) ([]developer, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	lines := bufio.NewReaderSize(&io.LimitedReader{R: unpacked, N: maxContentsText}, 128<<10)
	var found []developer
	for n := 0; ; n++ {
		if n%65536 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line, err := readLine(lines)
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking, line %d: %w", n+1, err)
		}
		end := bytes.LastIndexAny(line, " \t")
		if end < 0 {
			continue
		}
		away, ok := place(bytes.TrimRight(line[:end], " \t"))
		if !ok {
			continue
		}
		for p := range strings.SplitSeq(string(line[end+1:]), ",") {
			d := developer{away: away}
			if d.Component, d.Section, d.Package, ok = splitQualified(p, component); ok && len(found) < 10_000 {
				found = append(found, d)
			}
		}
	}
}

// rankDevelopers orders packages, each once.
func rankDevelopers(found []developer) []string {
	key := func(d developer) [3]int {
		return [3]int{d.away, boolRank(d.Section == "libdevel" || d.Section == "devel" || d.Section == "python"), freeComponents[d.Component]}
	}
	sort.SliceStable(found, func(i, j int) bool {
		a, b := key(found[i]), key(found[j])
		for n := range a {
			if a[n] != b[n] {
				return a[n] < b[n]
			}
		}
		if x, y := len(found[i].Package), len(found[j].Package); x != y {
			return x < y // libpng-dev before libpng-other-dev
		}
		return found[i].Package < found[j].Package
	})
	var list []string
	seen := map[string]bool{}
	for _, d := range found {
		if _, free := freeComponents[d.Component]; free && !special(d.Holder) && !seen[d.Package] {
			list, seen[d.Package] = append(list, d.Package), true
		}
	}
	return list
}
