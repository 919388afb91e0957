package reqfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// Option is an option as a line has it, taken apart.
type Option struct {
	Name       string // the long one
	Value      string
	From, Size int // the option and its value, in the logical line
}

// valueOptions are pip's options that have a value, by their long names.
var valueOptions = []string{
	"--requirement", "--constraint", "--editable", "--index-url", "--pypi-url", "--extra-index-url", "--find-links", "--no-binary",
	"--only-binary", "--all-releases", "--only-final", "--trusted-host", "--use-feature", "--hash", "--config-settings", "--config-setting",
}

// plainOptions are those that have none.
var plainOptions = []string{"--no-index", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre"}

// goneOptions are those that pip had once.
var goneOptions = []string{
	"--always-unzip", "--use-wheel", "--no-use-wheel", "--allow-external", "--allow-unverified", "--process-dependency-links",
	"--global-option", "--install-option",
}

var shortOptions = map[byte]string{
	'r': "--requirement", 'c': "--constraint", 'e': "--editable", 'i': "--index-url", 'f': "--find-links", 'C': "--config-settings",
	'Z': "--always-unzip",
}

// OptionsAt is where the options of a line begin, and what is before them its requirement: at the first hyphen that
// begins the line or follows a blank, as in pip.
func OptionsAt(text string) int {
	if strings.HasPrefix(text, "-") {
		return 0
	}
	if i := strings.Index(text, " -"); i >= 0 {
		return i + 1
	}
	return len(text)
}

// word is a word of the options, in the logical line.
type word struct {
	text     string
	from, to int
}

// words takes options apart as Python's shlex.split does: white space, quotes of both kinds, and backslashes.
func words(text string, from int) ([]word, string) {
	var out []word
	var b strings.Builder
	begun, start, quoted := false, 0, byte(0)
	for i := from; i < len(text); i++ {
		c := text[i]
		if !begun && strings.IndexByte(" \t\r\n", c) < 0 {
			begun, start = true, i
		}
		switch {
		case !begun:
		case quoted == 0 && strings.IndexByte(" \t\r\n", c) >= 0:
			out = append(out, word{b.String(), start, i})
			b.Reset()
			begun = false
		case c == quoted:
			quoted = 0
		case quoted == 0 && (c == '"' || c == '\''):
			quoted = c
		case c == '\\' && quoted != '\'':
			i++
			if i == len(text) {
				return nil, "a backslash with nothing behind it"
			}
			if quoted == '"' && text[i] != '"' && text[i] != '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	if quoted != 0 {
		return nil, "a quote that is not closed"
	}
	if begun {
		out = append(out, word{b.String(), start, len(text)})
	}
	return out, ""
}

// Options reads the options of a line from a byte on as Python's optparse does: --name=value, --name value, a long
// name cut short where that is not ambiguous, -r value and -rvalue.
func Options(file string, l Line, from int) ([]Option, error) {
	list, wrong := words(l.Text, from)
	if wrong != "" {
		return nil, diag.New(diag.Manifest, "%s", wrong).At(l.Position(file, from, len(l.Text)-from))
	}
	var out []Option
	for i := 0; i < len(list); i++ {
		w := list[i]
		at := l.Position(file, w.from, w.to-w.from)
		name, value, joined := strings.Cut(w.text, "=")
		end := w.to
		switch {
		case w.text == "-" || w.text == "--" || !strings.HasPrefix(w.text, "-"):
			return nil, diag.New(diag.Manifest, "%q belongs to no option", w.text).At(at)
		case !strings.HasPrefix(w.text, "--"):
			name, value = shortOptions[w.text[1]], w.text[2:]
			if joined = value != ""; name == "" {
				name = w.text[:2]
			}
		}
		full, err := fullName(name, at)
		if err != nil {
			return nil, err
		}
		switch takes := slices.Contains(valueOptions, full); {
		case takes && !joined:
			if i++; i == len(list) {
				return nil, noValue(full, at)
			}
			value, end = list[i].text, list[i].to
		case !takes && joined:
			return nil, diag.New(diag.Manifest, "%s takes no value", full).At(at)
		}
		out = append(out, Option{full, value, w.from, end - w.from})
	}
	return out, nil
}

func noValue(name string, at diag.Position) *diag.Error {
	if name == "--requirement" || name == "--constraint" {
		return diag.New(diag.Manifest, "%s names no file", name).At(at)
	}
	e := diag.New(diag.Manifest, "%s wants a value", name).At(at)
	if name == "--hash" {
		return e.Hint("as in --hash=sha256: and 64 hexadecimal digits")
	}
	return e
}

// GoneError is the error of an option that pip had once.
type GoneError struct {
	Name string
	Pos  diag.Position
}

func (e *GoneError) Error() string { return fmt.Sprintf("option %s is not supported", e.Name) }

// fullName finds the option that a name means.
func fullName(name string, at diag.Position) (string, error) {
	if slices.Contains(goneOptions, name) {
		return "", &GoneError{Name: name, Pos: at}
	}
	all := slices.Concat(valueOptions, plainOptions)
	if slices.Contains(all, name) {
		return name, nil
	}
	var meant []string
	for _, o := range all {
		if strings.HasPrefix(name, "--") && strings.HasPrefix(o, name) {
			meant = append(meant, o)
		}
	}
	switch e := diag.New(diag.Manifest, "unknown option %s", name).At(at); {
	case len(meant) == 1 || len(meant) == 2 && meant[0] == meant[1]+"s":
		return meant[0], nil
	case len(meant) > 1:
		return "", diag.New(diag.Manifest, "option %s can be %s", name, strings.Join(meant, ", ")).At(at)
	case diag.Nearest(name, all) != "":
		return "", e.Hint("did you mean %s?", diag.Nearest(name, all))
	default:
		return "", e
	}
}
