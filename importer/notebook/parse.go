package notebook

import (
	"bytes"
	"encoding/json"
	"strings"
)

// parser walks through a notebook's JSON without keeping what is not needed.
type parser struct {
	dec  *json.Decoder
	data []byte
	nb   *Notebook
	code int

	counted int64 // bytes of data whose line ends are counted
	line    int   // the line that is reached with them
}

// lineAt is the line of an offset, which must not go back.
func (p *parser) lineAt(offset int64) int {
	offset = min(offset, int64(len(p.data)))
	if offset > p.counted {
		p.line += bytes.Count(p.data[p.counted:offset], []byte("\n"))
		p.counted = offset
	}
	return p.line
}

// object reads an object, whose values field reads: all of each.
func (p *parser) object(field func(key string) error) error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return p.skipRest(t, 0)
	}
	for p.dec.More() {
		key, err := p.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := field(name); err != nil {
			return err
		}
	}
	_, err = p.dec.Token()
	return err
}

// array reads an array, whose elements element reads.
func (p *parser) array(element func() error) error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return p.skipRest(t, 0)
	}
	for p.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = p.dec.Token()
	return err
}

// skip passes over a value.
func (p *parser) skip() error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	return p.skipRest(t, 0)
}

// skipRest passes over what a token begins.
func (p *parser) skipRest(t json.Token, depth int) error {
	if depth > maxDepth {
		return p.fault("its lists stand more than %d deep in each other", maxDepth)
	}
	if _, ok := t.(json.Delim); !ok {
		return nil
	}
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return err
		}
		if err := p.skipRest(t, depth+1); err != nil {
			return err
		}
	}
	_, err := p.dec.Token()
	return err
}

// text reads a string; any other value is "".
func (p *parser) text() (string, error) {
	t, err := p.dec.Token()
	if err != nil {
		return "", err
	}
	if s, ok := t.(string); ok {
		return s, nil
	}
	return "", p.skipRest(t, 0)
}

func (p *parser) document() error {
	found := false
	err := p.object(func(key string) error {
		switch key {
		case "metadata":
			return p.metadata()
		case "cells":
			found = true
			return p.cells()
		case "worksheets":
			found = true
			return p.array(func() error {
				return p.object(func(key string) error {
					if key == "cells" {
						return p.cells()
					}
					return p.skip()
				})
			})
		}
		return p.skip()
	})
	if err == nil && !found {
		return p.fault("it has no cells")
	}
	return err
}

func (p *parser) metadata() error {
	return p.object(func(key string) error {
		switch key {
		case "language_info":
			return p.object(func(key string) (err error) {
				switch key {
				case "version":
					p.nb.Python, err = p.text()
					return err
				case "name":
					p.nb.Language, err = p.text()
					return err
				}
				return p.skip()
			})
		case "kernelspec":
			return p.object(func(key string) error {
				if key != "language" {
					return p.skip()
				}
				language, err := p.text()
				if p.nb.Language == "" {
					p.nb.Language = language
				}
				return err
			})
		}
		return p.skip()
	})
}

func (p *parser) cells() error {
	return p.array(func() error {
		kind := ""
		var c Cell
		err := p.object(func(key string) (err error) {
			switch key {
			case "cell_type":
				kind, err = p.text()
				return err
			case "source", "input":
				c, err = p.source()
				return err
			}
			return p.skip()
		})
		if err != nil || kind != "code" || c.Source == "" {
			return err
		}
		if len(p.nb.Cells) == maxCells {
			return p.fault("it has more than %d cells", maxCells)
		}
		if p.code += len(c.Source); p.code > maxCode {
			return p.fault("its cells have more than %d MiB of code", maxCode>>20)
		}
		p.nb.Cells = append(p.nb.Cells, c)
		return nil
	})
}

// source reads a cell's text: one string, or a list of its lines.
func (p *parser) source() (Cell, error) {
	var c Cell
	var b strings.Builder
	begun := false // the last of c.Lines is that of a line that has begun
	add := func(s string) {
		at := p.lineAt(p.dec.InputOffset())
		b.WriteString(s)
		if !begun {
			c.Lines = append(c.Lines, at)
		}
		n := strings.Count(s, "\n")
		for range n {
			c.Lines = append(c.Lines, at)
		}
		begun = true
		if strings.HasSuffix(s, "\n") { // what follows begins a line of its own
			c.Lines, begun = c.Lines[:len(c.Lines)-1], false
		}
	}
	finish := func() {
		c.Source = b.String()
		for len(c.Lines) < strings.Count(c.Source, "\n")+1 {
			c.Lines = append(c.Lines, p.line)
		}
	}
	t, err := p.dec.Token()
	if err != nil {
		return c, err
	}
	if s, ok := t.(string); ok {
		add(s)
		finish()
		return c, nil
	}
	if t != json.Delim('[') {
		return c, p.skipRest(t, 0)
	}
	for p.dec.More() {
		s, err := p.text()
		if err != nil {
			return c, err
		}
		if add(s); b.Len() > maxCode {
			return c, p.fault("its cells have more than %d MiB of code", maxCode>>20)
		}
	}
	finish()
	_, err = p.dec.Token()
	return c, err
}
