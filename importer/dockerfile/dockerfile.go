// Package dockerfile reads Dockerfiles for what they say of an environment: the image that they stand on, packages that they
// install, variables, the folder and the command. It builds nothing, and asks no registry.
//
// Of several stages the last counts, with those that it stands on and those that it copies an environment from.
package dockerfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/shell"
	"github.com/envpack/envpack/importer/steps"
	"github.com/envpack/envpack/internal/diag"
)

// Reader reads Dockerfiles. Conda reads the environment files that they name.
type Reader struct {
	Conda steps.Read
}

// stage is a part of a Dockerfile from one FROM to the next.
type stage struct {
	name  string // "": none
	base  string // the image or stage that it stands on
	from  instruction
	list  []instruction
	given map[string]string // ARGs before the first FROM
}

// Read reads a Dockerfile. Errors are diag errors with positions.
func (d Reader) Read(name string, data []byte, open func(name string) ([]byte, error)) (*draft.Draft, error) {
	list, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	stages, err := split(name, list)
	if err != nil {
		return nil, err
	}
	out := &draft.Draft{}
	wanted := choose(stages)
	for i, s := range stages {
		if !wanted[i] {
			what := fmt.Sprintf("the stage %d", i)
			if s.name != "" {
				what = "the stage " + s.name
			}
			for _, in := range append([]instruction{s.from}, s.list...) {
				out.Note(draft.Origin{File: name, Line: in.line}, in.shown(), draft.Passed, "of %s, from which no environment is taken", what)
			}
			continue
		}
		r := &reader{file: name, open: open, out: out, last: i == len(stages)-1, stages: stages, vars: maps.Clone(s.given), args: map[string]string{}, env: map[string]string{}, copies: map[string]string{}}
		r.steps = &steps.Reader{Draft: out, File: name, Conda: d.Conda, Open: open, Locate: r.locate}
		if err := r.stage(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// split puts instructions into stages.
func split(name string, list []instruction) ([]*stage, error) {
	given := map[string]string{}
	var stages []*stage
	for _, in := range list {
		if in.name == "FROM" {
			words := strings.Fields(in.plain())
			if len(words) == 0 {
				return nil, diag.New(diag.Manifest, "FROM names no image").At(diag.Position{File: name, Line: in.line})
			}
			base, _ := shell.Expand(words[0], given)
			s := &stage{base: base, from: in, given: given}
			if len(words) == 3 && strings.EqualFold(words[1], "AS") {
				s.name = strings.ToLower(words[2])
			}
			stages = append(stages, s)
			continue
		}
		if len(stages) == 0 {
			if in.name != "ARG" {
				return nil, diag.New(diag.Manifest, "%s stands before FROM", in.name).At(diag.Position{File: name, Line: in.line})
			}
			for _, w := range fields(in.plain()) {
				if k, v, ok := strings.Cut(w, "="); ok {
					given[k], _ = shell.Expand(v, given)
				}
			}
			continue
		}
		s := stages[len(stages)-1]
		s.list = append(s.list, in)
	}
	if len(stages) == 0 {
		return nil, diag.New(diag.Manifest, "%s has no FROM", name)
	}
	return stages, nil
}

// choose says which stages count.
func choose(stages []*stage) map[int]bool {
	wanted := map[int]bool{}
	var want func(i int)
	want = func(i int) {
		if i < 0 || wanted[i] {
			return
		}
		wanted[i] = true
		want(find(stages[:i], stages[i].base))
		for _, in := range stages[i].list {
			if from := in.flag("from"); in.name == "COPY" && from != "" && environment(in.plain()) {
				want(find(stages[:i], from))
			}
		}
	}
	want(len(stages) - 1)
	return wanted
}

// environment tells whether what is copied from another stage has packages in it.
func environment(paths string) bool {
	for _, part := range []string{"site-packages", "dist-packages", "venv", "/env", "conda", ".local", "/usr/local", "/opt/python", "/root/.cache", "wheels"} {
		if strings.Contains(paths, part) {
			return true
		}
	}
	return strings.HasPrefix(paths, "/ ")
}

// find finds a stage by its name or number; -1 if it is none.
func find(stages []*stage, name string) int {
	for i := len(stages) - 1; i >= 0; i-- {
		if name != "" && stages[i].name == strings.ToLower(name) || fmt.Sprint(i) == name {
			return i
		}
	}
	return -1
}

// reader reads one stage.
type reader struct {
	file    string
	open    func(string) ([]byte, error)
	out     *draft.Draft
	stages  []*stage
	steps   *steps.Reader
	last    bool
	vars    map[string]string // ARGs before FROM, and what ARG and ENV have set
	args    map[string]string // that ARG has set, which are no part of the image
	env     map[string]string
	workdir string
	copies  map[string]string // folders and files of the image, with those of the project that were copied there
	entry   []string
	shape   string // the entrypoint as a shell takes it
}

func (r *reader) origin(in instruction) draft.Origin {
	return draft.Origin{File: r.file, Line: in.line}
}

func (r *reader) note(in instruction, v draft.Verdict, format string, args ...any) {
	r.out.Note(r.origin(in), in.shown(), v, format, args...)
}

func (r *reader) stage(s *stage) error {
	if find(r.stages, s.base) >= 0 {
		r.note(s.from, draft.Passed, "a stage of this file")
	} else {
		r.base(s)
	}
	r.vars = map[string]string{} // those before FROM are no variables in a stage until an ARG names them
	for _, in := range s.list {
		if err := r.instruction(s, in); err != nil {
			return err
		}
	}
	return nil
}

// dropped are instructions that are no matter of the environment, with why.
var dropped = map[string]string{
	"LABEL": "image.labels has the labels of an image", "MAINTAINER": "image.labels has the labels of an image", "EXPOSE": "image.ports has the ports of an image",
	"VOLUME": "what is mounted is said where the image is run", "USER": "image.user says who runs the program", "HEALTHCHECK": "whoever runs the image checks it",
	"STOPSIGNAL": "the usual signal ends the program", "SHELL": "no shell runs when an image is made", "ONBUILD": "no image is built upon this one",
}

func (r *reader) instruction(s *stage, in instruction) error {
	switch in.name {
	case "ARG":
		r.arg(s, in)
	case "ENV":
		r.setEnv(in)
	case "WORKDIR":
		dir, ok := shell.Expand(strings.Trim(in.plain(), `"'`), r.vars)
		if !ok {
			r.note(in, draft.Left, "it has a variable without a value")
			return nil
		}
		if !path.IsAbs(dir) {
			dir = path.Join("/", r.workdir, dir)
		}
		r.workdir = path.Clean(dir)
		r.steps.Dir = r.workdir
		r.setWorkdir(in)
	case "COPY", "ADD":
		r.copy(in)
	case "RUN":
		return r.run(in)
	case "CMD", "ENTRYPOINT":
		r.command(in)
	default:
		if why := dropped[in.name]; why != "" {
			r.note(in, draft.Passed, "%s", why)
			return nil
		}
		r.note(in, draft.Left, "it is no instruction of a Dockerfile")
	}
	return nil
}

func (r *reader) arg(s *stage, in instruction) {
	why := "its value is put in where it is used"
	for _, w := range fields(in.plain()) {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			value, ok = s.given[name]
		} else if _, set := r.env[name]; set {
			continue // ENV stands before ARG
		}
		if ok && value != "" && diag.SecretVariable(name) {
			delete(r.vars, name)
			why = "by its name its value is secret, and is not put in where it is used"
			continue
		}
		if ok {
			value, _ = shell.Expand(value, r.vars)
			r.vars[name], r.args[name] = value, value
		}
	}
	r.note(in, draft.Passed, "%s", why)
}

// run reads a RUN.
func (r *reader) run(in instruction) error {
	text, line := in.args, in.line
	vars := maps.Clone(r.vars)
	if words, ok := in.words(); ok {
		c := shell.Command{Line: in.line}
		for _, w := range words {
			c.Words = append(c.Words, shell.Word{Text: w, Line: in.line})
		}
		return r.steps.Run([]shell.Command{c})
	}
	if len(in.heres) > 0 && hereForm().MatchString(strings.TrimSpace(text)) && strings.HasPrefix(strings.TrimSpace(text), "<<") {
		text, line = strings.Join(in.heres, "\n"), in.line+1
	}
	// The instruction's lines follow its name, on the line that it begins on.
	script, err := shell.Parse(text, line, vars)
	if err != nil {
		r.out.Leave(r.origin(in), in.shown(), "%v", err)
		return nil
	}
	r.steps.Dir = r.workdir
	return r.steps.Run(script.Commands)
}

// command reads what the image runs. An entrypoint has CMD as its arguments.
func (r *reader) command(in instruction) {
	if !r.last {
		r.note(in, draft.Passed, "the last stage says what is run")
		return
	}
	words, list := in.words()
	value := in.plain()
	if list {
		raw, _ := json.Marshal(words)
		value = string(raw)
	}
	if in.name == "ENTRYPOINT" {
		r.entry, r.shape = words, value
		if !list {
			r.entry = nil
		}
		r.out.Command = nil // a CMD before it is forgotten
	} else if r.shape != "" {
		switch {
		case r.entry == nil: // a shell takes no arguments
			r.note(in, draft.Passed, "the entrypoint's shell takes no arguments")
			return
		case list:
			raw, _ := json.Marshal(append(append([]string{}, r.entry...), words...))
			value = string(raw)
		default:
			raw, _ := json.Marshal(append(append([]string{}, r.entry...), "sh", "-c", in.plain()))
			value = string(raw)
		}
	}
	if list && len(words) == 0 && in.name == "ENTRYPOINT" {
		r.entry, r.shape = nil, ""
		r.note(in, draft.Passed, "no entrypoint")
		return
	}
	r.out.Command = &draft.Setting{Name: "command", Value: value, From: r.origin(in)}
	r.note(in, draft.Taken, "image.command")
}

// fields splits words, with quotes around values.
func fields(text string) []string {
	s, err := shell.Parse("x "+text, 1, nil)
	if err != nil || len(s.Commands) != 1 {
		return strings.Fields(text)
	}
	var list []string
	for _, w := range s.Commands[0].Words[1:] {
		list = append(list, w.Text)
	}
	return list
}
