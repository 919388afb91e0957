package index

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/resolver/pep508"
	"github.com/envpack/envpack/resolver/tags"
)

// flat is what a flat index has, by normalised project. What is neither a wheel nor a source distribution by its
// name is not in it, as in a folder that has other things besides.
type flat struct {
	page
	projects map[string]Files
}

// flat reads the page or the folder of a flat index. Errors are those of Project.
func (x *Index) flat(ctx context.Context, maxAge time.Duration) (*flat, error) {
	var p *page
	var err error
	if x.o.Path != "" {
		p, err = x.localPage()
	} else {
		p, err = x.remotePage(ctx, x.base.String(), "", maxAge)
	}
	if err != nil {
		return nil, err
	}
	if p.missing {
		return nil, diag.New(diag.Fetch, "index %s: there is nothing at %s", x.o.Name, fetch.Redact(x.base.String())).
			Hint("a flat index is one page with links to all files; check its address")
	}
	list, err := p.files.List()
	if err != nil {
		return nil, err
	}
	byName := map[string]*packer{}
	for i := range list {
		name, ok := projectOf(list[i].Filename)
		if !ok {
			continue
		}
		if byName[name] == nil {
			byName[name] = &packer{project: name}
		}
		byName[name].add(&list[i])
	}
	all := &flat{page: *p, projects: map[string]Files{}}
	for name, packed := range byName {
		all.projects[name] = packed.files()
	}
	return all, nil
}

// project is a project's part of the page, nil if it has none.
func (a *flat) project(name string) *page {
	p := a.page
	p.files, p.unreadable = a.projects[name], Unreadable{}
	for _, e := range a.unreadable.First {
		if of, ok := projectOf(e.Name); ok && of == name {
			p.unreadable.Count++
			p.unreadable.First = append(p.unreadable.First, e)
		}
	}
	if p.files.Len() == 0 && p.unreadable.Count == 0 {
		return nil
	}
	return &p
}

// projectOf is the normalised project of a wheel or a source distribution, by its name.
func projectOf(filename string) (string, bool) {
	if strings.HasSuffix(filename, ".whl") { // also one that is misnamed otherwise, so that it is told
		name, _, ok := strings.Cut(filename, "-")
		return pep508.NormalizeName(name), ok && name != ""
	}
	name, _, err := tags.ParseSdist(filename)
	return name, err == nil
}

// VersionText cuts the version out of the name of a wheel or source distribution. Nothing else of the name is looked at.
func VersionText(filename string) (string, bool) {
	if strings.HasSuffix(filename, ".whl") {
		_, rest, _ := strings.Cut(filename, "-")
		text, _, ok := strings.Cut(rest, "-")
		return text, ok
	}
	_, v, err := tags.ParseSdist(filename)
	if err != nil {
		return "", false
	}
	return v.String(), true
}

// isMisnamed tells whether a name ends in .whl and is none of a wheel of the project.
func isMisnamed(filename, project string) bool {
	if !strings.HasSuffix(filename, ".whl") {
		return false
	}
	w, err := tags.ParseWheel(filename)
	return err != nil || w.Name != project
}

// archives are how names of files end that an index can hold.
var archives = []string{".whl", ".tar.gz", ".zip"}

func isArchive(filename string) bool {
	return slices.ContainsFunc(archives, func(end string) bool { return strings.HasSuffix(filename, end) })
}
