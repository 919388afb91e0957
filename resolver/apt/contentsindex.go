package apt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/envpack/envpack/internal/diag"
)

// held is a file of a contents index that is kept.
type held struct {
	name    string // base name
	command bool   // a program, not a library
	Holder
}

// triplets are the multiarch folders of libraries by architecture (the tuples of Debian's multiarch
// specification).
var triplets = map[string]string{
	"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "i386": "i386-linux-gnu", "armhf": "arm-linux-gnueabihf",
	"ppc64el": "powerpc64le-linux-gnu", "s390x": "s390x-linux-gnu", "riscv64": "riscv64-linux-gnu",
}

const (
	maxContentsText = 8 << 30 // unpacked; Ubuntu's largest has 0.8 GB
	maxContentsLine = 1 << 20 // a path and the packages that have it, of which there can be hundreds
	maxHeld         = 2 << 20 // kept files; Ubuntu has 120,000
)

// parseContents unpacks an index as it is read, and keeps libraries and commands. component is that of a line
// which names none: "" where lines of other components than main name theirs.
//
// Each line has a path without leading slash, blanks, and the packages, as section/name or
// component/section/name, separated by commas (Debian's repository format, "Contents indices"). Old indexes
// begin with a text for people.
func parseContents(ctx context.Context, packed []byte, architecture, component string) ([]held, error) {
	triplet, ok := triplets[architecture]
	if !ok {
		return nil, diag.New(diag.Manifest, "architecture %s is not known", architecture)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	limited := &io.LimitedReader{R: unpacked, N: maxContentsText}
	lines := bufio.NewReaderSize(limited, 128<<10)
	seen := map[held]bool{}
	var all []held
	folders := newFolders(triplet)
	for n := 0; ; n++ {
		if n%65536 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line, err := readLine(lines)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking, line %d: %w", n+1, err)
		}
		h, packages, ok := folders.parse(line)
		if !ok {
			continue
		}
		for _, p := range strings.Split(packages, ",") {
			if h.Component, h.Section, h.Package, ok = splitQualified(p, component); !ok || seen[h] {
				continue
			}
			seen[h] = true
			if all = append(all, h); len(all) > maxHeld {
				return nil, fmt.Errorf("it has more than %d libraries and programs", maxHeld)
			}
		}
	}
	if limited.N == 0 {
		return nil, errors.New("it unpacks to more than 8 GiB")
	}
	sortHeld(all)
	return all, nil
}

// readLine gives a line without its end, valid until the next call; io.EOF after the last.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull {
			line, err = r.ReadSlice('\n')
			if long = append(long, line...); len(long) > maxContentsLine {
				return nil, fmt.Errorf("it has more than %d bytes", maxContentsLine)
			}
		}
		line = long
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n"), err
}

// folders tells what a folder's files are.
type folders struct {
	libraries map[string]bool
	triplets  [2]string // with and without usr/, each with a slash
}

func newFolders(triplet string) folders {
	f := folders{libraries: map[string]bool{}, triplets: [2]string{"usr/lib/" + triplet + "/", "lib/" + triplet + "/"}}
	// What ld.so searches without being configured, and what libc's ld.so.conf.d adds.
	for _, folder := range []string{"lib", "lib64", "lib/" + triplet} {
		f.libraries[folder], f.libraries["usr/"+folder] = true, true
	}
	return f
}

// parse reads a line. It is called for millions, of which few are kept.
func (f folders) parse(line []byte) (h held, packages string, ok bool) {
	rest := bytes.TrimPrefix(line, []byte("usr/"))
	library := bytes.HasPrefix(rest, []byte("lib"))
	if !library && !bytes.HasPrefix(rest, []byte("bin/")) && !bytes.HasPrefix(rest, []byte("sbin/")) {
		return held{}, "", false
	}
	if library && !bytes.Contains(rest, []byte(".so")) {
		return held{}, "", false
	}
	end := bytes.LastIndexAny(line, " \t")
	if end < 0 {
		return held{}, "", false
	}
	name := string(bytes.TrimRight(line[:end], " \t"))
	folder, base := path.Split(name)
	folder = strings.TrimSuffix(folder, "/")
	if base == "" || strings.ContainsAny(base, " \t\n") {
		return held{}, "", false
	}
	h.name, packages = base, string(line[end+1:])
	if !library {
		h.command = true
		return h, packages, !strings.Contains(strings.TrimPrefix(folder, "usr/"), "/")
	}
	if !isLibrary(base) {
		return held{}, "", false
	}
	if f.libraries[folder] {
		return h, packages, true
	}
	if oldAlternativeFolders[folder] {
		h.Alternative = true
		return h, packages, true
	}
	for _, t := range f.triplets {
		if sub, inside := strings.CutPrefix(folder, t); inside && isAlternativeFolder(sub) {
			h.Alternative = true
			return h, packages, true
		}
	}
	return held{}, "", false
}

// isLibrary tells whether a file name is one that programs are linked with.
func isLibrary(base string) bool {
	if !strings.HasPrefix(base, "lib") && !strings.HasPrefix(base, "ld-") && !strings.HasPrefix(base, "ld.") {
		return false
	}
	return strings.HasSuffix(base, ".so") || strings.Contains(base, ".so.")
}

// isAlternativeFolder tells whether a folder below the multiarch one holds libraries that packages' postinst
// registers with update-alternatives: implementations of BLAS and LAPACK (libblas3, liblapack3, libatlas3-base,
// libblis*, libopenblas0-*), and Mesa's libGL and libEGL up to Ubuntu 16.04.
func isAlternativeFolder(name string) bool {
	switch name {
	case "blas", "lapack", "atlas", "mesa", "mesa-egl":
		return true
	}
	return strings.HasPrefix(name, "openblas-") || strings.HasPrefix(name, "blis-")
}

// oldAlternativeFolders are those of Ubuntu 16.04, where BLAS and LAPACK were not below the multiarch folder.
var oldAlternativeFolders = map[string]bool{
	"usr/lib/libblas": true, "usr/lib/lapack": true, "usr/lib/openblas-base": true, "usr/lib/atlas-base/atlas": true,
}

// splitQualified cuts "section/name" or "component/section/name".
func splitQualified(s, component string) (of, section, name string, ok bool) {
	parts := strings.Split(s, "/")
	name = parts[len(parts)-1]
	if !isName(name) {
		return "", "", "", false
	}
	of = component
	if of == "" {
		of = "main"
	}
	switch len(parts) {
	case 1:
	case 2:
		section = parts[0]
	case 3:
		of, section = parts[0], parts[1]
	default:
		return "", "", "", false
	}
	return of, section, name, !strings.ContainsAny(of+section, "\t\n")
}

func sortHeld(all []held) {
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		switch {
		case a.name != b.name:
			return a.name < b.name
		case a.command != b.command:
			return b.command
		case a.Package != b.Package:
			return a.Package < b.Package
		case a.Alternative != b.Alternative:
			return b.Alternative
		case a.Component != b.Component:
			return a.Component < b.Component
		}
		return a.Section < b.Section
	})
}

// contentsFormat numbers the compact form and the rules by which files are kept.
const contentsFormat = 1

// encodeHeld writes a line a file: a letter for its kind, name, package, component, section.
func encodeHeld(all []held) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "contents %d %d\n", contentsFormat, len(all))
	for i := range all {
		h := &all[i]
		kind := "l"
		switch {
		case h.command:
			kind = "c"
		case h.Alternative:
			kind = "a"
		}
		for _, s := range []string{kind, "\t", h.name, "\t", h.Package, "\t", h.Component, "\t", h.Section, "\n"} {
			b.WriteString(s)
		}
	}
	return b.Bytes()
}

// decodeHeld is encodeHeld's inverse.
func decodeHeld(data []byte) ([]held, error) {
	text := string(data)
	first, text, _ := strings.Cut(text, "\n")
	var format, count int
	if n, err := fmt.Sscanf(first, "contents %d %d", &format, &count); n != 2 || err != nil || format != contentsFormat || count < 0 || count > len(data)/6 {
		return nil, errIndexForm
	}
	all := make([]held, 0, count)
	for text != "" {
		var line string
		var ended bool
		line, text, ended = strings.Cut(text, "\n")
		f := strings.Split(line, "\t")
		if len(f) != 5 || !ended {
			return nil, errIndexForm
		}
		h := held{name: f[1], Holder: Holder{Package: f[2], Component: f[3], Section: f[4]}}
		switch f[0] {
		case "l":
		case "a":
			h.Alternative = true
		case "c":
			h.command = true
		default:
			return nil, errIndexForm
		}
		all = append(all, h)
	}
	if len(all) != count {
		return nil, errIndexForm
	}
	return all, nil
}
