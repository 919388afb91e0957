package testenv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"sort"
)

func (x *Index) promised(sha256 string) string {
	if x.WrongHash {
		return sum([]byte(sha256))
	}
	return sha256
}

func (x *Index) address(f *indexed) string {
	if x.Signed != "" {
		return "/files/" + f.name + "?token=" + x.Signed
	}
	return "/files/" + f.name
}

func (x *Index) version() string {
	if x.APIVersion == "" {
		return "1.4"
	}
	return x.APIVersion
}

func (x *Index) json(project string, files []*indexed) []byte {
	list := []any{}
	for _, f := range files {
		m := map[string]any{"filename": f.name, "url": x.address(f), "hashes": map[string]string{}, "yanked": f.Yanked}
		if !x.NoHashes {
			m["hashes"] = map[string]string{"sha256": x.promised(f.sha256)}
		}
		if !x.NoSizes {
			m["size"] = f.size
		}
		if !f.Uploaded.IsZero() {
			m["upload-time"] = f.Uploaded.UTC().Format("2006-01-02T15:04:05.000000Z")
		}
		if f.RequiresPython != "" {
			m["requires-python"] = f.RequiresPython
		}
		if f.Yanked && f.YankedReason != "" {
			m["yanked"] = f.YankedReason
		}
		if x.Metadata && f.metadata != nil {
			m["core-metadata"] = map[string]string{"sha256": x.promised(sum(f.metadata))}
		}
		list = append(list, m)
	}
	page := map[string]any{"meta": map[string]any{"api-version": x.version()}, "name": project, "files": list}
	if x.Status != "" {
		page["project-status"] = map[string]string{"status": x.Status}
	}
	body, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return body
}

func (x *Index) html(project string, files []*indexed) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"%s\">", x.version())
	if x.Status != "" {
		fmt.Fprintf(&b, "<meta name=\"pypi:project-status\" content=\"%s\">", x.Status)
	}
	fmt.Fprintf(&b, "<title>%s</title></head><body>\n", html.EscapeString(project))
	for _, f := range files {
		href := x.address(f)
		if !x.NoHashes {
			href += "#sha256=" + x.promised(f.sha256)
		}
		attrs := map[string]string{"href": href}
		if f.RequiresPython != "" {
			attrs["data-requires-python"] = f.RequiresPython
		}
		if f.Yanked {
			attrs["data-yanked"] = f.YankedReason
		}
		if x.Metadata && f.metadata != nil {
			attrs["data-core-metadata"] = "sha256=" + x.promised(sum(f.metadata))
		}
		var names []string
		for name := range attrs {
			names = append(names, name)
		}
		sort.Strings(names)
		b.WriteString("<a")
		for _, name := range names {
			fmt.Fprintf(&b, " %s=\"%s\"", name, html.EscapeString(attrs[name]))
		}
		fmt.Fprintf(&b, ">%s</a><br>\n", html.EscapeString(f.name))
	}
	b.WriteString("</body></html>\n")
	return b.Bytes()
}
