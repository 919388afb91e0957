// Package notebook reads Jupyter's notebooks (nbformat 3 and 4): what their cells install, the Python that they were last run
// with, and their code as Python source, so that imports in it can be found.
//
// It runs nothing. Outputs, which make most of a notebook's size, are passed over as they are read.
package notebook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/importer/steps"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

const (
	maxCells = 10000
	maxCode  = 4 << 20 // bytes of all cells' code
	maxDepth = 100
)

// Notebook is what is read of one.
type Notebook struct {
	Python   string // the version that it was last run with, "3.7.4"; "" if it does not say
	Language string // of its kernel: "python"
	Cells    []Cell
}

// Cell is a cell of code.
type Cell struct {
	Source string
	Lines  []int // of the file, on which the lines of Source stand
}

// Parse reads a notebook. The error is a diag error.
func Parse(name string, data []byte) (*Notebook, error) {
	p := &parser{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1, nb: &Notebook{}}
	err := p.document()
	if err == nil {
		if _, more := p.dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something stands behind its end")
		}
	}
	if err != nil {
		var own *diag.Error
		if errors.As(err, &own) {
			return nil, err
		}
		at := p.lineAt(p.dec.InputOffset())
		return nil, diag.New(diag.Manifest, "%s is no notebook: %v", name, err).At(diag.Position{File: name, Line: at})
	}
	return p.nb, nil
}

// Reader reads notebooks for what they install. Conda reads the environment files that they name.
type Reader struct {
	Conda steps.Read
}

// Read reads a notebook. Errors are diag errors.
func (r Reader) Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	nb, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	d := &draft.Draft{}
	from := draft.Origin{File: name}
	if nb.Language != "" && !strings.HasPrefix(strings.ToLower(nb.Language), "python") && !strings.HasPrefix(strings.ToLower(nb.Language), "ipython") {
		d.Note(from, "kernel", draft.Left, "it is written in %s", nb.Language)
		return d, nil
	}
	if m := versionForm().FindStringSubmatch(nb.Python); m != nil {
		d.Pythons = append(d.Pythons, draft.Python{Specifier: "==" + m[1] + ".*", From: from, Comment: "what the notebook was last run with"})
		d.Note(from, "language_info.version = "+nb.Python, draft.Mapped, "Python %s", m[1])
	}
	s := &steps.Reader{Draft: d, File: name, Conda: r.Conda, Open: open, Prose: true}
	for _, c := range nb.Cells {
		for _, line := range c.commands() {
			script, err := shell.Parse(line.text, line.index+1, nil)
			if err != nil {
				d.Note(draft.Origin{File: name, Line: c.Lines[line.index]}, line.text, draft.Left, "%v", err)
				continue
			}
			at := func(line int) int { return c.Lines[min(line, len(c.Lines))-1] }
			for i := range script.Commands {
				script.Commands[i].Line = at(script.Commands[i].Line)
				for k := range script.Commands[i].Words {
					w := &script.Commands[i].Words[k]
					w.Line = at(w.Line)
					w.Unknown = w.Unknown || strings.Contains(w.Text, "{") && strings.Contains(w.Text, "}") // a value of the notebook's
				}
			}
			if err := s.Run(script.Commands); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

var versionForm = pattern.New(`^([23]\.[0-9]+)(\.[0-9]+)?`)

// command is what a cell gives to a shell.
type command struct {
	text  string
	index int // of its first line among the cell's
}

var assigned = pattern.New(`^\s*[A-Za-z_][A-Za-z0-9_]*\s*=\s*!`)

// commands are the lines of a cell that a shell runs: !…, %pip and %conda, and the whole of a cell with %%bash.
func (c Cell) commands() []command {
	lines := strings.Split(c.Source, "\n")
	if first := strings.TrimSpace(lines[0]); strings.HasPrefix(first, "%%") {
		switch word := strings.Fields(first + " ")[0]; word {
		case "%%bash", "%%sh", "%%shell", "%%script":
			if len(lines) > 1 {
				return []command{{strings.Join(lines[1:], "\n"), 1}}
			}
			return nil
		case "%%capture", "%%time", "%%timeit", "%%prun":
		default:
			return nil
		}
	}
	var list []command
	for i := 0; i < len(lines); i++ {
		text := strings.TrimSpace(lines[i])
		index := i
		switch {
		case strings.HasPrefix(text, "!"):
			text = strings.TrimLeft(text, "!")
		case assigned().MatchString(text):
			_, text, _ = strings.Cut(text, "!")
		case strings.HasPrefix(text, "%"):
			word, _, _ := strings.Cut(strings.TrimLeft(text, "%"), " ")
			switch word {
			case "pip", "pip3", "conda", "mamba", "micromamba", "cd", "uv":
			case "sx", "system":
				text = strings.TrimPrefix(strings.TrimLeft(text, "%"), word)
			default:
				continue
			}
			text = strings.TrimLeft(text, "% ")
		case strings.HasPrefix(text, "pip install ") || strings.HasPrefix(text, "conda install "): // automagic
		default:
			continue
		}
		for strings.HasSuffix(text, `\`) && i+1 < len(lines) {
			i++
			text += "\n" + lines[i]
		}
		list = append(list, command{text, index})
	}
	return list
}

// Code is the code of all cells, one after the other, without what only a notebook knows; lines are those of the file that its
// lines stand on.
func (nb *Notebook) Code() (source []byte, lines []int) {
	var b strings.Builder
	for _, c := range nb.Cells {
		text := strings.Split(c.Source, "\n")
		skip := false
		for i, l := range text {
			bare := strings.TrimSpace(l)
			if i == 0 && strings.HasPrefix(bare, "%%") {
				word := strings.Fields(bare + " ")[0]
				skip = word != "%%capture" && word != "%%time" && word != "%%timeit" && word != "%%prun"
				l = ""
			}
			if skip || strings.HasPrefix(bare, "!") || strings.HasPrefix(bare, "%") || strings.HasPrefix(bare, "?") || strings.HasSuffix(bare, "?") || assigned().MatchString(l) {
				l = indentOf(l) + "pass"
			}
			b.WriteString(l + "\n")
			lines = append(lines, c.Lines[i])
		}
	}
	return []byte(b.String()), lines
}

func indentOf(l string) string { return l[:len(l)-len(strings.TrimLeft(l, " \t"))] }

func (p *parser) fault(format string, args ...any) error { return fmt.Errorf(format, args...) }
