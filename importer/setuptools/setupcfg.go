package setuptools

import (
	"path"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/resolver/pep508"
)

// line is one of a value.
type line struct {
	text string
	n    int
}

// setting is a key of a setup.cfg with the lines of its value.
type setting struct {
	section, key string
	lines        []line
	n            int
}

// value is the first line that says something.
func (s setting) value() string {
	for _, l := range s.lines {
		if l.text != "" {
			return l.text
		}
	}
	return ""
}

// maxSettings bounds the settings of a file.
const maxSettings = 10_000

// settings reads a file as Python's configparser does: sections, keys with = or :, values that go on on indented lines, comments that
// begin a line.
func settings(name, text string) ([]setting, error) {
	var out []setting
	section := ""
	for i, raw := range strings.Split(text, "\n") {
		raw = strings.TrimRight(raw, "\r \t")
		trimmed := strings.TrimLeft(raw, " \t")
		at := diag.Position{File: name, Line: i + 1, Col: 1, Width: max(len(raw), 1), Source: raw}
		switch {
		case trimmed == "":
			continue
		case trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case len(trimmed) < len(raw) && len(out) > 0 && out[len(out)-1].section == section:
			if j := strings.Index(trimmed, " #"); j >= 0 {
				trimmed = strings.TrimRight(trimmed[:j], " ")
			}
			last := &out[len(out)-1]
			last.lines = append(last.lines, line{trimmed, i + 1})
			continue
		case trimmed[0] == '[':
			end := strings.IndexByte(trimmed, ']')
			if end < 0 {
				return nil, diag.New(diag.Manifest, "the head of a section is not closed").At(at)
			}
			section = strings.TrimSpace(trimmed[1:end])
			continue
		}
		sep := strings.IndexAny(trimmed, "=:")
		if sep <= 0 || section == "" {
			return nil, diag.New(diag.Manifest, "neither the head of a section nor a key with a value").At(at)
		}
		if len(out) == maxSettings {
			return nil, diag.New(diag.Manifest, "more than %d settings", maxSettings).At(at)
		}
		value := strings.TrimSpace(trimmed[sep+1:])
		if j := strings.Index(value, " #"); j >= 0 {
			value = strings.TrimRight(value[:j], " ")
		}
		out = append(out, setting{section, strings.ToLower(strings.TrimSpace(trimmed[:sep])), []line{{value, i + 1}}, i + 1})
	}
	return out, nil
}

// ReadConfig reads a setup.cfg (setuptools' documentation, Configuring setuptools using setup.cfg files). Errors are diag errors: what
// is no such file.
func ReadConfig(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	text, err := reqfile.DecodeText(name, data)
	if err != nil {
		return nil, err
	}
	list, err := settings(name, text)
	if err != nil {
		return nil, err
	}
	d := &draft.Draft{}
	dir := path.Dir(name)
	root, declared := dir, false
	for _, s := range list {
		from := draft.Origin{File: name, Line: s.n}
		section := strings.ToLower(s.section)
		switch {
		case section == "metadata" && s.key == "name":
			d.Name = s.value()
			declared = true
		case section == "metadata" && (s.key == "requires-dist" || s.key == "requires_dist"), section == "options" && (s.key == "install_requires" || s.key == "install-requires"):
			declared = true
			entries(d, name, s, "", "", open)
		case section == "options" && (s.key == "python_requires" || s.key == "python-requires"), section == "metadata" && s.key == "requires-python":
			d.Lines = append(d.Lines, pythonLine(d, from, s.key+" = "+s.value(), s.value()))
		case section == "options" && s.key == "tests_require":
			entries(d, name, s, "tests", "", open)
		case section == "options" && s.key == "setup_requires":
			d.Note(from, s.key, draft.Passed, "it is for building the project alone")
		case section == "options" && s.key == "dependency_links":
			d.Note(from, s.key, draft.Left, "pip reads them no more: write NAME @ ADDRESS where the package is required")
		case section == "options" && s.key == "package_dir":
			for _, l := range s.lines {
				if key, value, ok := strings.Cut(l.text, "="); ok && strings.TrimSpace(key) == "" {
					root = path.Join(dir, strings.TrimSpace(value))
				}
			}
		case section == "options.packages.find" && s.key == "where":
			root = path.Join(dir, s.value())
		case section == "options.extras_require":
			extra, marker, _ := strings.Cut(s.key, ":")
			entries(d, name, s, pep508.NormalizeName(extra), strings.TrimSpace(marker), open)
		case section == "options.entry_points" && s.key == "console_scripts":
			for _, l := range s.lines {
				if l.text != "" {
					script(d, draft.Origin{File: name, Line: l.n}, l.text)
				}
			}
		}
	}
	if declared {
		d.Paths = append(d.Paths, draft.Path{Dir: root, From: draft.Origin{File: name}})
	}
	return d, nil
}

// entries reads a list of requirements: one on a line, or several with semicolons on one line, or the names of files.
func entries(d *draft.Draft, name string, s setting, group, marker string, open func(string) ([]byte, error)) {
	if files, ok := strings.CutPrefix(s.value(), "file:"); ok {
		for _, l := range s.lines[min(1, len(s.lines)):] {
			files += "," + l.text
		}
		for f := range strings.SplitSeq(files, ",") {
			if f = strings.TrimSpace(f); f != "" {
				readFile(d, draft.Origin{File: name, Line: s.n}, path.Join(path.Dir(name), f), group, open)
			}
		}
		return
	}
	var list []line
	for _, l := range s.lines {
		if l.text != "" {
			list = append(list, l)
		}
	}
	if len(s.lines) == 1 && !strings.ContainsAny(s.value(), `'"`) { // setuptools: without line ends, semicolons divide
		list = nil
		for part := range strings.SplitSeq(s.value(), ";") {
			list = append(list, line{strings.TrimSpace(part), s.n})
		}
	}
	for _, l := range list {
		if l.text != "" {
			add(d, requirements.Entry{Text: l.text, Line: l.n}, name, group, marker, "", open)
		}
	}
}

// readFile reads a file of requirements that a setting names.
func readFile(d *draft.Draft, from draft.Origin, file, group string, open func(string) ([]byte, error)) {
	data, err := open(file)
	if err != nil {
		d.Lines = append(d.Lines, draft.Line{From: from, Text: "file: " + file, Verdict: draft.Left, Needed: true, Group: group, Note: "the file cannot be read: " + err.Error()})
		return
	}
	got, err := requirements.Read(file, data, open)
	if err != nil {
		d.Lines = append(d.Lines, draft.Line{From: from, Text: "file: " + file, Verdict: draft.Left, Needed: true, Group: group, Note: err.Error()})
		return
	}
	for i := range got.Requirements {
		got.Requirements[i].Group = group
	}
	for i := range got.Lines {
		got.Lines[i].Group = group
	}
	d.Note(from, "file: "+file, draft.Taken, "")
	d.Add(got)
}
