// Package document reads TOML documents of other tools leniently: what is missing or of another type than expected is empty, and every
// key knows its line.
package document

import (
	"errors"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/importer/draft"
	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/reqfile"
	"github.com/envpack/envpack/internal/tomltext"
)

// Document is a document with the places of its keys.
type Document struct {
	Name   string
	places *tomltext.Places
	Top    Table
}

// Table is a table, with the path that it has in the document.
type Table struct {
	doc  *Document
	Path string
	Keys map[string]any
}

// Parse reads a document; name is its file, for places. Errors are diag errors: it is no TOML.
func Parse(name string, data []byte) (*Document, error) {
	text, err := reqfile.DecodeText(name, data)
	if err != nil {
		return nil, err
	}
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		e := diag.New(diag.Manifest, "not TOML: %v", err).At(diag.Position{File: name})
		if p := (toml.ParseError{}); errors.As(err, &p) {
			from := min(max(p.Position.Start, 0), len(text))
			e = diag.New(diag.Manifest, "not TOML: %s", p.Message).At(tomltext.Lines(name, text).At(from, from+max(p.Position.Len, 1)))
		}
		return nil, e
	}
	d := &Document{Name: name, places: tomltext.Find(name, text)}
	d.Top = Table{d, "", root}
	return d, nil
}

// Table is a table below a table; empty if there is none.
func (t Table) Table(keys ...string) Table {
	for _, key := range keys {
		below, _ := t.Keys[key].(map[string]any)
		t = Table{t.doc, tomltext.Join(t.Path, key), below}
	}
	return t
}

// Has tells whether a key is there.
func (t Table) Has(key string) bool { _, ok := t.Keys[key]; return ok }

// Text is a key's string.
func (t Table) Text(key string) string { s, _ := t.Keys[key].(string); return s }

// True tells whether a key is true.
func (t Table) True(key string) bool { b, _ := t.Keys[key].(bool); return b }

// Item is a string of a list, with its place.
type Item struct {
	Text string
	From draft.Origin
}

// Texts are the strings of a key's list; of a string that one.
func (t Table) Texts(key string) []Item {
	at := tomltext.Join(t.Path, key)
	switch v := t.Keys[key].(type) {
	case string:
		return []Item{{v, t.doc.origin(at)}}
	case []any:
		var out []Item
		for i, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, Item{s, t.doc.origin(tomltext.ItemPath(at, i))})
			}
		}
		return out
	}
	return nil
}

// Tables are the tables of a key's list; of a table that one.
func (t Table) Tables(key string) []Table {
	at := tomltext.Join(t.Path, key)
	var out []Table
	switch v := t.Keys[key].(type) {
	case []map[string]any:
		for i, item := range v {
			out = append(out, Table{t.doc, tomltext.ItemPath(at, i), item})
		}
	case []any:
		for i, item := range v {
			if m, ok := item.(map[string]any); ok {
				out = append(out, Table{t.doc, tomltext.ItemPath(at, i), m})
			}
		}
	case map[string]any:
		out = append(out, Table{t.doc, at, v})
	}
	return out
}

// Sorted are the keys in the order of the document.
func (t Table) Sorted() []string {
	var keys []string
	for k := range t.Keys {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		p, q := t.doc.places.Key(tomltext.Join(t.Path, a)), t.doc.places.Key(tomltext.Join(t.Path, b))
		switch {
		case p.Line != q.Line:
			return p.Line - q.Line
		case p.Col != q.Col:
			return p.Col - q.Col
		case a < b:
			return -1
		}
		return 1
	})
	return keys
}

// From is where a key stands, and the table itself for "".
func (t Table) From(key string) draft.Origin {
	if key == "" {
		return t.doc.origin(t.Path)
	}
	return t.doc.origin(tomltext.Join(t.Path, key))
}

func (d *Document) origin(path string) draft.Origin {
	return draft.Origin{File: d.Name, Line: d.places.Key(path).Line}
}
