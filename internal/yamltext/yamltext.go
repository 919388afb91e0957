// Package yamltext reads YAML of strangers into a tree whose parts know where they stand.
//
// The tree has no anchors, aliases and merge keys left. How much they may make of a small file is bounded, and so are depth and
// size, so that no document takes more memory than some multiple of [MaxSize]. Two equal keys in a mapping are an error, as they
// are to YAML 1.2. No value is made a number or a date: what was written is kept.
package yamltext

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/pattern"
)

// Bounds for a file. A lock file of conda with some thousand packages has 3 MB.
const (
	MaxSize  = 32 << 20
	MaxDepth = 100
	maxNodes = 2_000_000
	// An alias may repeat this much of what stands there once.
	maxAliased = 100_000
)

// Kind is what a node is.
type Kind int

// The kinds.
const (
	Null Kind = iota
	Scalar
	List
	Mapping
)

// String is the kind as messages have it.
func (k Kind) String() string {
	return [...]string{"nothing", "a value", "a list", "a table of keys"}[k]
}

// Node is a value with its place.
type Node struct {
	Kind   Kind
	Value  string // of a scalar: as it was written, without quotes
	Quoted bool   // a scalar that is a string whatever it looks like
	Items  []*Node
	Pairs  []Pair
	Line   int // counted from 1
	Col    int // in characters, from 1
	file   string
	source []string
}

// Pair is a key with its value.
type Pair struct {
	Key   *Node
	Value *Node
}

// Pos is where the node begins.
func (n *Node) Pos() diag.Position {
	p := diag.Position{File: n.file, Line: n.Line, Col: n.Col}
	if n.Line >= 1 && n.Line <= len(n.source) {
		p.Source = strings.TrimRight(n.source[n.Line-1], "\r")
	}
	if n.Kind == Scalar && !n.Quoted && strings.Contains(p.Source, n.Value) {
		p.Width = utf8.RuneCountInString(n.Value)
	}
	return p
}

// Get is the value of a key, or nil.
func (n *Node) Get(key string) *Node {
	for _, p := range n.Pairs {
		if p.Key.Value == key {
			return p.Value
		}
	}
	return nil
}

// Text is the value of a key that is a scalar, or "".
func (n *Node) Text(key string) string {
	if v := n.Get(key); v != nil && v.Kind == Scalar {
		return v.Value
	}
	return ""
}

// yaml's messages begin with the line, of which it has not always one.
var lineOf = pattern.New(`^yaml: (?:line (\d+): )?(.*)$`)

// Parse reads all documents of a file. Errors are diag errors with the place.
func Parse(file string, data []byte) ([]*Node, error) {
	fail := func(line int, format string, args ...any) error {
		return diag.New(diag.Manifest, format, args...).At(diag.Position{File: file, Line: line})
	}
	if len(data) > MaxSize {
		return nil, fail(0, "the file has %d bytes, and at most %d are read", len(data), MaxSize)
	}
	source := strings.Split(string(data), "\n")
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var docs []*Node
	c := &converter{file: file, source: source}
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, syntaxError(file, source, err)
		}
		if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
			docs = append(docs, &Node{file: file, source: source})
			continue
		}
		n, err := c.node(doc.Content[0], 0, false)
		if err != nil {
			return nil, err
		}
		docs = append(docs, n)
	}
}

// syntaxError puts the library's message into envpack's form.
func syntaxError(file string, source []string, err error) error {
	m := lineOf().FindStringSubmatch(err.Error())
	if m == nil {
		return diag.Wrap(err, diag.Manifest, "reading YAML").At(diag.Position{File: file})
	}
	pos := diag.Position{File: file}
	if n, _ := strconv.Atoi(m[1]); n >= 1 && n <= len(source) {
		pos.Line, pos.Source = n, strings.TrimRight(source[n-1], "\r")
	}
	e := diag.New(diag.Manifest, "this is not YAML: %s", m[2]).At(pos)
	switch text := strings.Join(source, "\n"); {
	case strings.Contains(text, "{%") || strings.Contains(text, "{{"):
		e.Hint("it looks like a template ({%% … %%}, {{ … }}); import what the template makes")
	case strings.Contains(m[2], "cannot start any token") && strings.Contains(text, "\t"):
		e.Hint("YAML is indented with spaces, and takes no tabs")
	}
	return e
}

type converter struct {
	file    string
	source  []string
	nodes   int
	aliased int
}

func (c *converter) fail(y *yaml.Node, format string, args ...any) error {
	n := &Node{Line: y.Line, Col: y.Column, file: c.file, source: c.source}
	return diag.New(diag.Manifest, format, args...).At(n.Pos())
}

func (c *converter) node(y *yaml.Node, depth int, alias bool) (*Node, error) {
	c.nodes++
	if alias {
		c.aliased++
	}
	switch {
	case depth > MaxDepth:
		return nil, c.fail(y, "values are nested deeper than %d", MaxDepth)
	case c.nodes > maxNodes:
		return nil, c.fail(y, "the file has more than %d values", maxNodes)
	case c.aliased > maxAliased:
		return nil, c.fail(y, "aliases (*name) repeat more than %d values", maxAliased)
	}
	n := &Node{Line: y.Line, Col: y.Column, file: c.file, source: c.source}
	switch y.Kind {
	case yaml.AliasNode:
		return c.node(y.Alias, depth+1, true)
	case yaml.ScalarNode:
		n.Quoted = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
		n.Kind, n.Value = Scalar, y.Value
		if y.ShortTag() == "!!null" && !n.Quoted {
			n.Kind, n.Value = Null, ""
		}
	case yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			v, err := c.node(item, depth+1, alias)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, v)
		}
	case yaml.MappingNode:
		n.Kind = Mapping
		return n, c.pairs(n, y, depth, alias)
	default:
		return nil, c.fail(y, "this kind of value is not known")
	}
	return n, nil
}

// pairs reads a mapping. What << merges in comes last, and gives way to what is there.
func (c *converter) pairs(n *Node, y *yaml.Node, depth int, alias bool) error {
	seen := map[string]bool{}
	var merged []*Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, err := c.node(y.Content[i], depth+1, alias)
		if err != nil {
			return err
		}
		value, err := c.node(y.Content[i+1], depth+1, alias)
		if err != nil {
			return err
		}
		switch {
		case y.Content[i].ShortTag() == "!!merge":
			merged = append(merged, value)
			continue
		case key.Kind == List || key.Kind == Mapping:
			return c.fail(y.Content[i], "a key is %s, where text is expected", key.Kind)
		case seen[key.Value]:
			return c.fail(y.Content[i], "the key %s stands here twice", key.Value)
		}
		seen[key.Value] = true
		n.Pairs = append(n.Pairs, Pair{key, value})
	}
	for _, m := range merged {
		list := []*Node{m}
		if m.Kind == List {
			list = m.Items
		}
		for _, from := range list {
			if from.Kind != Mapping {
				return c.fail(y, "<< merges %s, where a table of keys is expected", from.Kind)
			}
			for _, p := range from.Pairs {
				if !seen[p.Key.Value] {
					seen[p.Key.Value] = true
					n.Pairs = append(n.Pairs, p)
				}
			}
		}
	}
	return nil
}
