package conda

import (
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/importer/requirements"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/yamltext"
)

// platforms are the names that conda has for what images can be for, the usual one first.
var platforms = []string{"linux-64", "linux-aarch64"}

// condaLock reads conda-lock.yml (version 1): the packages of one platform, conda's and pip's. Categories other than main become
// groups.
func (r Reader) condaLock(name string, doc *yamltext.Node, open Open) (*draft.Draft, error) {
	e := &environment{reader: r, name: name, open: open, out: &draft.Draft{}}
	list := doc.Get("package")
	if list.Kind != yamltext.List {
		return nil, diag.New(diag.Manifest, "package is %s, where a list is expected", list.Kind).At(list.Pos())
	}
	platform := platformOf(list.Items, func(n *yamltext.Node) string { return n.Text("platform") })
	if platform == "" {
		return nil, noPlatform(name)
	}
	var entries []entry
	var pip []requirements.Entry
	others := 0
	for _, item := range list.Items {
		if item.Kind != yamltext.Mapping || item.Text("name") == "" {
			return nil, diag.New(diag.Manifest, "a package without a name").At(item.Pos())
		}
		if p := item.Text("platform"); p != platform && p != "noarch" {
			others++
			continue
		}
		from := origin(name, item)
		text := item.Text("name") + "=" + item.Text("version")
		if item.Text("manager") == "pip" {
			pip = append(pip, requirements.Entry{Text: lockedByPip(item), Line: item.Line})
			continue
		}
		s, err := lockedByConda(item)
		if err != nil {
			e.out.Leave(from, text, "%v", err)
			continue
		}
		group := item.Text("category")
		if group == "main" {
			group = ""
		}
		entries = append(entries, entry{spec: s, from: from, text: text, group: group})
	}
	if others > 0 {
		e.out.Note(draft.Origin{File: name}, "package", draft.Passed, "%d of other platforms than %s", others, platform)
	}
	return e.out, e.together(entries, pip)
}

// lockedByConda is a package of conda's, whose build stands in its own key or in the name of its file.
func lockedByConda(item *yamltext.Node) (Spec, error) {
	s := Spec{Name: strings.ToLower(item.Text("name")), Version: item.Text("version"), Build: item.Text("build")}
	if url := item.Text("url"); isPackageFile(url) {
		file, err := specOfFile(url)
		if err != nil {
			return Spec{}, err
		}
		s.Channel = file.Channel
		if s.Build == "" {
			s.Build = file.Build
		}
	}
	return s, nil
}

// lockedByPip is a requirement that pip would read: an address that is no file of an index stays one.
func lockedByPip(item *yamltext.Node) string {
	url, name := item.Text("url"), item.Text("name")
	if strings.HasPrefix(url, "git+") || strings.HasPrefix(url, "file:") {
		return name + " @ " + url
	}
	return name + "==" + item.Text("version")
}

// platformOf is the first of the platforms that one of the nodes is for.
func platformOf(nodes []*yamltext.Node, of func(*yamltext.Node) string) string {
	for _, p := range platforms {
		if slices.ContainsFunc(nodes, func(n *yamltext.Node) bool { return of(n) == p }) {
			return p
		}
	}
	return ""
}

func noPlatform(name string) error {
	return diag.New(diag.Manifest, "the lock has no packages for Linux").At(diag.Position{File: name}).
		Hint("images are for %s; lock for that platform, or import what the lock was made from", strings.Join(platforms, " or "))
}

// pixiLock reads pixi.lock of all versions: the packages of the default environment, for one platform.
func (r Reader) pixiLock(name string, data []byte, open Open) (*draft.Draft, error) {
	docs, err := yamltext.Parse(name, data)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 || docs[0].Kind != yamltext.Mapping {
		return nil, diag.New(diag.Manifest, "this is no lock of pixi").At(diag.Position{File: name})
	}
	doc := docs[0]
	if old := doc.Get("package"); old != nil {
		return r.condaLock(name, doc, open) // before version 4 it had conda-lock's form
	}
	e := &environment{reader: r, name: name, open: open, out: &draft.Draft{}}
	environments := doc.Get("environments")
	if environments == nil || environments.Kind != yamltext.Mapping || len(environments.Pairs) == 0 {
		return nil, diag.New(diag.Manifest, "the lock has no environments").At(doc.Pos())
	}
	chosen := environments.Pairs[0]
	for _, p := range environments.Pairs {
		if p.Key.Value == "default" {
			chosen = p
		}
	}
	for _, p := range environments.Pairs {
		if p.Key.Value != chosen.Key.Value {
			e.out.Note(origin(name, p.Key), p.Key.Value, draft.Left, "an image has one environment, and %s is taken", chosen.Key.Value)
		}
	}
	packages := chosen.Value.Get("packages")
	if packages == nil || packages.Kind != yamltext.Mapping {
		return nil, noPlatform(name)
	}
	var list *yamltext.Node
	for _, platform := range slices.Backward(platforms) {
		if l := packages.Get(platform); l != nil {
			list = l
		}
	}
	if list == nil {
		return nil, noPlatform(name)
	}
	entries, pip := e.pixiPackages(list.Items, pixiDetails(doc.Get("packages")))
	return e.out, e.together(entries, pip)
}

// pixiDetails are what a lock says of each package, by its address.
func pixiDetails(list *yamltext.Node) map[string]*yamltext.Node {
	details := map[string]*yamltext.Node{}
	if list == nil {
		return details
	}
	for _, item := range list.Items {
		for _, key := range []string{"pypi", "conda", "url", "path"} {
			if address := item.Text(key); address != "" && item.Kind == yamltext.Mapping && address != "conda" && address != "pypi" {
				details[address] = item
			}
		}
	}
	return details
}

func (e *environment) pixiPackages(items []*yamltext.Node, details map[string]*yamltext.Node) (entries []entry, pip []requirements.Entry) {
	for _, item := range items {
		from := origin(e.name, item)
		if address := item.Text("conda"); address != "" {
			s, err := specOfFile(address)
			if err != nil {
				e.out.Leave(from, address, "a package that pixi builds itself: %v", err)
				continue
			}
			entries = append(entries, entry{spec: s, from: from, text: path.Base(address)})
			continue
		}
		address := item.Text("pypi")
		d := details[address]
		switch {
		case address == "":
			e.out.Leave(from, "package", "neither conda's nor the index's")
		case address == "." || address == "./":
			e.out.Note(from, address, draft.Passed, "the project itself, whose files the image has")
		case d == nil:
			e.out.Leave(from, address, "the lock does not say what it is")
		case strings.HasPrefix(address, "git+"):
			pip = append(pip, requirements.Entry{Text: d.Text("name") + " @ " + pixiGit(address), Line: item.Line})
		case strings.HasPrefix(address, "./"), strings.HasPrefix(address, "../"), strings.HasPrefix(address, "/"):
			pip = append(pip, requirements.Entry{Text: address, Line: item.Line})
		default:
			pip = append(pip, requirements.Entry{Text: d.Text("name") + "==" + d.Text("version"), Line: item.Line})
		}
	}
	return entries, pip
}

// pixiGit makes git+https://host/repo?rev=main#COMMIT, as pixi writes it, git+https://host/repo@COMMIT, as pip reads it.
func pixiGit(address string) string {
	address, commit, _ := strings.Cut(address, "#")
	address, query, _ := strings.Cut(address, "?")
	if commit != "" {
		address += "@" + commit
	}
	for word := range strings.SplitSeq(query, "&") {
		if dir, ok := strings.CutPrefix(word, "subdirectory="); ok {
			address += "#subdirectory=" + dir
		}
	}
	return address
}
