package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/imagegen/publish"
	"github.com/envpack/envpack/internal/diag"
)

const inspectLong = `Shows what is in an image: its command and configuration, its layers with size and contents, the
base, and the Python packages. The image may be any, not only one of envpack's.

IMAGE is a folder (oci:DIR), a file (oci-archive:FILE or docker-archive:FILE), an image in a Docker
engine (docker-daemon:NAME or its ID) or a reference in a registry (docker://REFERENCE); without its
prefix, it is the folder or file if there is one. Behind the path of a folder or file with its prefix,
:NAME names one of several images. From a registry, only the manifest, the config and the small layer
with the lock are fetched; an engine saves the image into a file first.

Base and packages of envpack's images are those of the lock that every image holds. Of other images,
--files finds them by reading all layers. It also lists what the layers hold, and checks every layer
against its digests; an image that is not what its digests say ends with status 6.

With --gpu it shows which code for GPUs there is, and may be given a project's folder or a lock, which
say it of their wheels, or a wheel, too; without an argument it is the project of this folder. Of an
image all layers are read. The table has for each library the containers that its code is in, one for
each file that was compiled, and for each code in what share of them it is and its size: sm_90 is
machine code, sm_90a for that GPU alone, sm_100f for its family, compute_120@8.7 PTX of that version.

Digests are shortened; --json has all that is known, as {"images": [...]}, and with --gpu {"gpu": [...]}.`

const inspectExample = `  envpack inspect oci:image
  envpack inspect image.tar                       # of envpack, skopeo, podman or docker save
  envpack inspect registry.example/team/digits:v1 --platform linux/arm64
  envpack inspect --files oci:image               # read and check every layer
  envpack inspect --gpu                           # which code for GPUs the project's lock has
  envpack inspect --gpu torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl
  envpack inspect --json image.tar | jq '.images[0].python.packages'`

type inspectOptions struct {
	files    bool
	gpu      bool
	platform string
}

func newInspect(s *session) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:     "inspect IMAGE",
		Short:   "Show an image's layers, packages, base and command, or code for GPUs",
		Long:    inspectLong,
		Example: inspectExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && !(o.gpu && len(args) == 0) {
				return diag.New(diag.Usage, "%s takes one image, not %d arguments", cmd.CommandPath(), len(args)).
					Hint("see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.gpu && o.files:
				return diag.New(diag.Usage, "--files and --gpu show different things: give one of them")
			case o.gpu:
				return s.inspectGPU(cmd.Context(), dirOf(cmd, args), o)
			}
			return s.inspect(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.files, "files", false, "read every layer: list what it holds, and check it against its digests")
	cmd.Flags().BoolVar(&o.gpu, "gpu", false, "show which code for GPUs an image, a project, a lock or a wheel has")
	cmd.Flags().StringVar(&o.platform, "platform", "", "show the image for this `PLATFORM` only")
	completeFlag(cmd, "platform", completePlatform)
	cmd.ValidArgsFunction = completeImages(1)
	return cmd
}

func (s *session) inspect(ctx context.Context, spec string, o inspectOptions) (err error) {
	src, err := s.openImage(ctx, spec, publish.OpenOptions{Platform: o.platform})
	if err != nil {
		return err
	}
	defer closeImage(src, &err)
	reports := []*inspect.Report{}
	for _, found := range src.Images {
		r, err := inspect.Read(ctx, found.Image, inspect.Options{Files: o.files, Task: s.task})
		if err != nil {
			return src.Explain(ctx, err)
		}
		r.Name = found.Name
		if found.NoManifest {
			r.Digest, r.MediaType = "", ""
		}
		reports = append(reports, r)
	}
	s.close()
	if s.json {
		return s.printJSON(struct {
			Images []*inspect.Report `json:"images"`
			Absent []string          `json:"absent,omitempty"`
		}{reports, src.Absent})
	}
	var b strings.Builder
	for i, r := range reports {
		if i > 0 {
			b.WriteString("\n")
		}
		writeReport(&b, r)
	}
	if len(src.Absent) > 0 {
		fmt.Fprintf(&b, "\nnot there: %s\n", printable(list(src.Absent)))
	}
	_, err = io.WriteString(s.stdout, b.String())
	return err
}

// writeReport is the report for people. What an image says of itself may not reach the terminal as control
// characters, so every field goes through printable.
func writeReport(b *strings.Builder, r *inspect.Report) {
	var facts table
	fact := func(name string, lines ...string) {
		for i, l := range lines {
			if i > 0 {
				name = ""
			}
			if l != "" {
				facts.add(name, printable(l))
			}
		}
	}
	fact("image", r.Name)
	fact("platform", r.Platform)
	fact("digest", r.Digest)
	fact("id", r.ID)
	fact("created", r.Created)
	fact("size", fmt.Sprintf("%s in %s", size(r.Size), plural(len(r.Layers), "layer")))
	if base := r.Base; base != nil {
		text := base.Distro
		if base.Codename != "" {
			text += " (" + base.Codename + ")"
		}
		if base.Debs > 0 {
			text += ", " + plural(base.Debs, "package")
		}
		fact("base", text, base.Image)
	}
	if p := r.Python; p != nil {
		text := p.Version
		if p.Version == "" {
			text = "of unknown version"
		}
		if p.Source != "environment" {
			text += ", " + plural(len(p.Packages), "package")
		}
		fact("python", text)
	}
	c := r.Config
	fact("entrypoint", commandLine(c.Entrypoint))
	fact("command", commandLine(c.Command))
	fact("user", c.User)
	fact("workdir", c.Workdir)
	fact("env", c.Env...)
	fact("ports", strings.Join(c.Ports, " "))
	fact("volumes", strings.Join(c.Volumes, " "))
	fact("labels", pairs(c.Labels)...)
	fact("annotations", pairs(r.Annotations)...)
	fact("note", r.Notes...)
	facts.write(b)
	writeLayers(b, r.Layers)
	if r.Python != nil && len(r.Python.Packages) > 0 {
		t := table{right: []bool{}}
		t.add("package", "version", "from")
		for _, p := range r.Python.Packages {
			t.add(printable(p.Name), printable(p.Version), printable(p.Wheel+p.Path))
		}
		b.WriteString("\n")
		t.write(b)
	}
}

// shownEntries is how many of a layer's entries are listed; --json has them all.
const shownEntries = 8

func writeLayers(b *strings.Builder, layers []inspect.Layer) {
	if len(layers) == 0 {
		return
	}
	b.WriteString("\n")
	t := table{right: []bool{true, true}}
	read := layers[0].Files != nil
	if read {
		t.right = append(t.right, true, true)
		t.add("layer", "size", "unpacked", "entries", "digest", "diff id", "contents")
	} else {
		t.add("layer", "size", "digest", "diff id", "contents")
	}
	for _, l := range layers {
		row := []string{strconv.Itoa(l.Number), size(l.Size)}
		if l.Files != nil {
			row = append(row, size(l.Files.Unpacked), strconv.FormatInt(l.Files.Entries, 10))
		}
		t.add(append(row, short(l.Digest), short(l.DiffID), contentsOf(l))...)
		if l.Files == nil {
			continue
		}
		for i, e := range l.Files.Top {
			if i == shownEntries {
				t.add("", "", "", "", "", "", fmt.Sprintf("  and %d more; --json has all", len(l.Files.Top)-i))
				break
			}
			t.add("", "", size(e.Size), strconv.FormatInt(e.Entries, 10), "", "", "  "+printable(e.Path))
		}
	}
	t.write(b)
}

// contentsOf is one line, of what may be a long shell command.
func contentsOf(l inspect.Layer) string {
	const longest = 80
	text := l.Contents
	if n := len(l.Packages); n > 0 && !(n == 1 && l.Packages[0] == text) {
		text += ": " + list(l.Packages)
	} else {
		text = strings.Join(strings.Fields(text), " ")
	}
	if runes := []rune(printable(text)); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return printable(text)
}

// short is the beginning of a digest, as long as engines show it.
func short(digest string) string {
	_, hex, ok := strings.Cut(digest, ":")
	if !ok {
		hex = digest
	}
	return printable(hex[:min(len(hex), 12)])
}

func pairs(m map[string]string) []string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, k+"="+m[k])
	}
	return lines
}

// commandLine quotes where a shell would need it.
func commandLine(args []string) string {
	var words []string
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n\"'`$\\|&;<>()*?[]#~{}!") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}

// printable shows what would move the cursor or be invisible as escapes.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// table aligns columns. Those of right are flush right.
type table struct {
	rows  [][]string
	right []bool
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(b *strings.Builder) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i < len(t.right) && t.right[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
