package conda

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/yamltext"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// Open gives a file of the project, by its path relative to that, with slashes.
type Open = func(name string) ([]byte, error)

// Reader reads conda's and pixi's files.
type Reader struct {
	// AsOf is the day that counts, 2006-01-02: some projects came to the index later than to conda, or under another name
	// first. "" is the present.
	AsOf string
}

// Read reads a file by its form: environment.yml, conda-lock.yml, what conda list writes, pixi.toml, pixi.lock, pyproject.toml. name is its
// path relative to the project. Errors are diag errors with places.
func (r Reader) Read(name string, data []byte, open Open) (*draft.Draft, error) {
	switch base := strings.ToLower(path.Base(name)); {
	case base == "pixi.lock":
		return r.pixiLock(name, data, open)
	case strings.HasSuffix(base, ".toml"):
		return r.pixi(name, data, open)
	case strings.HasSuffix(base, ".yml"), strings.HasSuffix(base, ".yaml"):
		return r.yaml(name, data, open)
	}
	return r.list(name, data)
}

// Is tells whether a file is of a form that [Read] reads, by its name and its content.
func Is(name string, data []byte) bool {
	base := strings.ToLower(path.Base(name))
	switch {
	case base == "pixi.lock", base == "pixi.toml":
		return true
	case strings.HasSuffix(base, ".toml"):
		return false // of pyproject.toml the tables of pixi are but a part
	case strings.HasSuffix(base, ".yml"), strings.HasSuffix(base, ".yaml"):
		return isEnvironment(data)
	}
	return isList(data)
}

// isEnvironment tells whether YAML may be of conda: it has the key that such files have, at its left edge.
func isEnvironment(data []byte) bool {
	deps, lock := false, false
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		key, _, ok := strings.Cut(line, ":")
		switch key = strings.Trim(key, `"' `); {
		case !ok || line[0] == ' ':
		case key == "dependencies", key == "channels":
			deps = true
		case key == "metadata", key == "package":
			lock = true
		}
	}
	return deps || lock && strings.Contains(string(data), "manager: conda")
}

func (r Reader) yaml(name string, data []byte, open Open) (*draft.Draft, error) {
	docs, err := yamltext.Parse(name, data)
	if err != nil {
		return nil, err
	}
	docs = slices.DeleteFunc(docs, func(n *yamltext.Node) bool { return n.Kind == yamltext.Null })
	if len(docs) == 0 {
		return nil, diag.New(diag.Manifest, "the file is empty").At(diag.Position{File: name})
	}
	if docs[0].Kind != yamltext.Mapping {
		return nil, diag.New(diag.Manifest, "%s stands here, where a table with dependencies is expected", docs[0].Kind).At(docs[0].Pos())
	}
	var d *draft.Draft
	if docs[0].Get("package") != nil && docs[0].Get("metadata") != nil {
		d, err = r.condaLock(name, docs[0], open)
	} else {
		d, err = r.environment(name, docs[0], open)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(d.Lines, func(a, b draft.Line) int {
		if a.From.File != name || b.From.File != name {
			return 0
		}
		return a.From.Line - b.From.Line
	})
	for _, doc := range docs[1:] {
		d.Note(origin(name, doc), "---", draft.Left, "conda reads one document of a file; put what follows into a file of its own")
	}
	return d, nil
}

func origin(name string, n *yamltext.Node) draft.Origin {
	return draft.Origin{File: name, Line: n.Line}
}

// environment reads what conda env create reads.
func (r Reader) environment(name string, doc *yamltext.Node, open Open) (*draft.Draft, error) {
	e := &environment{reader: r, name: name, open: open, out: &draft.Draft{}}
	for _, p := range doc.Pairs {
		if err := e.key(p); err != nil {
			return nil, err
		}
	}
	return e.out, nil
}

type environment struct {
	reader Reader
	name   string
	open   Open
	out    *draft.Draft
}

func (e *environment) key(p yamltext.Pair) error {
	from := origin(e.name, p.Key)
	text := p.Key.Value
	if p.Value.Kind == yamltext.Scalar {
		text += ": " + p.Value.Value
	}
	switch p.Key.Value {
	case "name":
		if p.Value.Kind == yamltext.Scalar {
			e.out.Name = p.Value.Value
			e.out.Note(from, text, draft.Taken, "the project's name")
		}
	case "dependencies":
		return e.dependencies(p.Value)
	case "variables":
		return e.variables(p.Value)
	case "channels":
		for _, c := range append([]*yamltext.Node{p.Value}, p.Value.Items...) {
			if c.Kind == yamltext.Scalar {
				e.channel(origin(e.name, c), c.Value)
			}
		}
	case "prefix":
		e.out.Note(from, "prefix", draft.Passed, "where the environment lay on somebody's machine")
	case "platforms", "category", "channel_priority", "channel-priority":
		e.out.Note(from, text, draft.Passed, "it is for conda's own tools")
	default:
		e.out.Note(from, text, draft.Passed, "conda passes over this key as well")
	}
	return nil
}

// channel notes a place where conda takes packages from.
func (e *environment) channel(from draft.Origin, name string) {
	why := "a channel of conda; packages of Python come from the index"
	if !table().known(name) {
		why = "a channel of conda that few use; what it alone had is nowhere else"
	}
	e.out.Note(from, shown(name), draft.Passed, "%s", why)
}

func (e *environment) variables(n *yamltext.Node) error {
	if n.Kind == yamltext.Null {
		return nil
	}
	if n.Kind != yamltext.Mapping {
		return diag.New(diag.Manifest, "variables is %s, where a table of names is expected", n.Kind).At(n.Pos())
	}
	for _, p := range n.Pairs {
		if p.Value.Kind == yamltext.List || p.Value.Kind == yamltext.Mapping {
			return diag.New(diag.Manifest, "the variable %s is %s, where text is expected", p.Key.Value, p.Value.Kind).At(p.Value.Pos())
		}
		from := origin(e.name, p.Key)
		if p.Value.Value != "" && diag.SecretVariable(p.Key.Value) {
			e.out.Note(from, p.Key.Value, draft.Left, "%s", draft.Secret)
			continue
		}
		if strings.Contains(p.Value.Value, "$") {
			e.out.Note(from, p.Key.Value, draft.Left, "its value, %s, is made of variables of the machine", p.Value.Value)
			continue
		}
		e.out.Env = append(e.out.Env, draft.Setting{Name: p.Key.Value, Value: p.Value.Value, From: from})
		e.out.Note(from, p.Key.Value+": "+p.Value.Value, draft.Taken, "a variable of the image")
	}
	return nil
}

func (e *environment) dependencies(n *yamltext.Node) error {
	switch n.Kind {
	case yamltext.Null:
		return nil
	case yamltext.List:
	default:
		return diag.New(diag.Manifest, "dependencies is %s, where a list is expected", n.Kind).At(n.Pos()).
			Hint("conda's form is a line for each package, as in: - numpy=1.20")
	}
	var entries []entry
	var pip []requirements.Entry
	for _, item := range n.Items {
		switch item.Kind {
		case yamltext.Scalar:
			entries = e.specs(entries, item)
		case yamltext.Mapping:
			for _, p := range item.Pairs {
				if p.Key.Value != "pip" {
					e.others(p)
					continue
				}
				more, err := pipLines(p.Value)
				if err != nil {
					return err
				}
				pip = append(pip, more...)
			}
		case yamltext.List:
			return diag.New(diag.Manifest, "a list stands in the list of dependencies").At(item.Pos())
		}
	}
	return e.together(entries, pip)
}

// specs reads one item of the list. Some have several packages in one, which conda refuses and means one thing only.
func (e *environment) specs(entries []entry, item *yamltext.Node) []entry {
	from := origin(e.name, item)
	s, err := ParseSpec(item.Value)
	if err != nil {
		e.out.Leave(from, shown(item.Value), "conda does not read this: %v", err)
		return entries
	}
	return append(entries, entry{spec: s, from: from, text: item.Value})
}

// others leaves what a list has for another installer than pip.
func (e *environment) others(p yamltext.Pair) {
	key := p.Key.Value
	for _, item := range append([]*yamltext.Node{p.Value}, p.Value.Items...) {
		if item.Kind == yamltext.Scalar {
			e.out.Leave(origin(e.name, item), key+": "+item.Value, "conda installs with pip beside itself, and with nothing called %s", key)
		}
	}
	if len(p.Value.Items) == 0 && p.Value.Kind != yamltext.Scalar {
		e.out.Leave(origin(e.name, p.Key), key+":", "a package is expected; conda writes versions behind one =, as in %s=1.0", key)
	}
}

// pipLines are the lines below pip:, as they would stand in a requirements file.
func pipLines(n *yamltext.Node) ([]requirements.Entry, error) {
	switch n.Kind {
	case yamltext.Null:
		return nil, nil
	case yamltext.Scalar:
		return linesOf(n), nil
	case yamltext.Mapping:
		return nil, diag.New(diag.Manifest, "pip is %s, where a list of requirements is expected", n.Kind).At(n.Pos())
	}
	var out []requirements.Entry
	for _, item := range n.Items {
		switch item.Kind {
		case yamltext.Null:
		case yamltext.Scalar:
			out = append(out, linesOf(item)...)
		default:
			return nil, diag.New(diag.Manifest, "%s stands among pip's requirements, where text is expected", item.Kind).At(item.Pos()).
				Hint("quote what has a colon with a space behind it")
		}
	}
	return out, nil
}

func linesOf(n *yamltext.Node) []requirements.Entry {
	var out []requirements.Entry
	for i, line := range strings.Split(strings.TrimSpace(n.Value), "\n") {
		at := n.Line
		if i > 0 {
			at += i
		}
		out = append(out, requirements.Entry{Text: strings.TrimSpace(line), Line: at})
	}
	return out
}

// together puts conda's packages and pip's requirements into the draft: pip installs after conda, and what it asks for goes
// before conda's version where both are not possible.
func (e *environment) together(entries []entry, pip []requirements.Entry) error {
	below, err := requirements.List(e.name, pip, e.open)
	if err != nil {
		return err
	}
	p := &packages{facts: table(), asOf: e.reader.AsOf, out: e.out, later: map[string][]pep440.Set{}}
	for _, r := range below.Requirements {
		name, set, ok := requirementSet(r.Text)
		if ok {
			p.later[normal(name)] = append(p.later[normal(name)], set)
		}
	}
	p.read(entries)
	e.out.Add(below)
	return nil
}

// requirementSet is what a requirement allows. An address allows nothing but itself: no version is known of it.
func requirementSet(text string) (name string, set pep440.Set, ok bool) {
	req, err := pep508.Parse(text)
	if err != nil {
		return "", pep440.Set{}, false
	}
	if req.URL != "" {
		return req.Name, pep440.Empty(), true
	}
	return req.Name, pep440.FromSpecifiers(req.Specifiers), true
}
