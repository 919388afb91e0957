package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/envpack/envpack/internal/diag"
)

// valuesLimit is how many differences of a document are listed, and valueLength how many bytes of one.
const (
	valuesLimit = 1000
	valueLength = 300
)

// Documents says in what two JSON documents, as manifests and configs are, differ. The name is theirs, as it stands in
// the result. Documents that have the same values and not the same bytes give one difference, of form. Errors: text
// that is no JSON.
func Documents(name string, old, now []byte) ([]Value, error) {
	if bytes.Equal(old, now) {
		return nil, nil
	}
	a, err := parse(name, old)
	if err != nil {
		return nil, err
	}
	b, err := parse(name, now)
	if err != nil {
		return nil, err
	}
	d := &values{document: name}
	d.compare("", a, b)
	if len(d.list) == 0 {
		at := mismatch(old[:min(len(old), len(now))], now[:min(len(old), len(now))])
		d.list = []Value{{Document: name, Old: around40(old, at), New: around40(now, at), Form: true}}
	}
	return d.list, nil
}

func parse(name string, data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // sizes are no floating-point numbers
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, diag.Wrap(err, diag.Failure, "the %s is no JSON", name)
	}
	return v, nil
}

func around40(data []byte, at int) string {
	return readable(string(data[max(0, at-20):min(len(data), at+20)]))
}

type values struct {
	document string
	list     []Value
}

func (d *values) add(path string, old, now any) {
	if len(d.list) >= valuesLimit {
		return
	}
	d.list = append(d.list, Value{Document: d.document, Path: strings.TrimPrefix(path, "."), Old: text(old), New: text(now)})
}

// absent is in place of what only the other document has.
type absent struct{}

func (d *values) compare(path string, a, b any) {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			break
		}
		keys := maps.Clone(x)
		maps.Copy(keys, y)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			d.compare(path+key(k), lookUp(x, k), lookUp(y, k))
		}
		return
	case []any:
		y, ok := b.([]any)
		if !ok {
			break
		}
		for i := range max(len(x), len(y)) {
			d.compare(fmt.Sprintf("%s[%d]", path, i), element(x, i), element(y, i))
		}
		return
	}
	if !reflect.DeepEqual(a, b) {
		d.add(path, a, b)
	}
}

// key is a step of a path: ".name", or quoted where that would be read as more.
func key(k string) string {
	if k != "" && !strings.ContainsFunc(k, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	}) {
		return "." + k
	}
	return "[" + strconv.Quote(k) + "]"
}

func lookUp(m map[string]any, k string) any {
	if v, ok := m[k]; ok {
		return v
	}
	return absent{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// text is a value in a line; of a string without quotes.
func text(v any) string {
	var s string
	switch v := v.(type) {
	case absent:
		return ""
	case string:
		s = readable(v)
	default:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return fmt.Sprint(v) // it was decoded from JSON
		}
		s = strings.TrimSuffix(b.String(), "\n")
	}
	return shorten(s)
}

func shorten(s string) string {
	if len(s) <= valueLength {
		return s
	}
	return strings.ToValidUTF8(s[:valueLength], "") + "…"
}
