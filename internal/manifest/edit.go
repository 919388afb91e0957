package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/tomltext"
	"github.com/envpack/envpack/resolver/pep440"
	"github.com/envpack/envpack/resolver/pep508"
)

// Added is a requirement that was put into a list, or changed there.
type Added struct {
	pep508.Requirement
	Text string // as it stands in the file now
	Was  string // as it stood there before; "" if it is new
}

// Add puts a requirement into the list, at its place where the list is sorted. One of the same name and marker is
// replaced: its extras are joined, and its bounds stay where the new one has none. Errors, of code Usage: the text is
// no requirement, or none that the list can have.
func (e *Editor) Add(text string) (Added, error) {
	r, err := pep508.Parse(text)
	if err != nil {
		e := diag.New(diag.Usage, "%q is no requirement: %v", text, err)
		if h := requirementAdvice(text); h != "" {
			return Added{}, e.Hint("%s", h)
		}
		return Added{}, e.Hint(`as in "numpy>=1.26" or "uvicorn[standard]"`)
	}
	if e.list.Constraints {
		return e.constrain(r)
	}
	items, has := e.items()
	if !has {
		return e.begin(r, strings.TrimSpace(text))
	}
	for i, it := range items {
		old, ok := requirementOf(it)
		if !ok || old.Name != r.Name || old.Marker.String() != r.Marker.String() {
			continue
		}
		return e.replace(i, it.(string), old, r, strings.TrimSpace(text))
	}
	at := place(items, r.Name)
	a := Added{Requirement: r, Text: strings.TrimSpace(text)}
	edited, ok := tomltext.Insert(e.text, e.path, at, a.Text)
	return a, e.takeList(edited, ok, slices.Insert(slices.Clone(items), at, any(a.Text)), a.Text)
}

func requirementOf(item any) (pep508.Requirement, bool) {
	text, ok := item.(string)
	if !ok {
		return pep508.Requirement{}, false
	}
	r, err := pep508.Parse(text)
	return r, err == nil
}

// place is where a new requirement goes: before the first with a greater name if the list is sorted by name, else to
// the end.
func place(items []any, name string) int {
	at, last := len(items), ""
	for i, it := range items {
		r, ok := requirementOf(it)
		if !ok {
			continue
		}
		if r.Name < last {
			return len(items)
		}
		if last = r.Name; r.Name > name && at == len(items) {
			at = i
		}
	}
	return at
}

// replace changes an item of the list to what the old and the new requirement say together.
func (e *Editor) replace(i int, text string, old, r pep508.Requirement, written string) (Added, error) {
	joined := old
	joined.Extras = slices.Compact(slices.Sorted(slices.Values(slices.Concat(old.Extras, r.Extras))))
	if r.URL != "" || r.Specifiers.String() != "" {
		joined.Specifiers, joined.URL = r.Specifiers, r.URL
	}
	a := Added{Requirement: joined, Text: text, Was: text}
	switch {
	case joined.String() == old.String():
	case joined.String() == r.String():
		a.Text = written
	default:
		a.Text = compose(joined, text)
	}
	return a, e.put(i, a.Text)
}

// put replaces the text of an item.
func (e *Editor) put(i int, text string) error {
	items, _ := e.items()
	items = slices.Clone(items)
	items[i] = text
	edited, ok := tomltext.Replace(e.text, e.path, i, text)
	return e.takeList(edited, ok, items, text)
}

// compose writes a requirement whose marker is that of an older text, as it was written there.
func compose(r pep508.Requirement, old string) string {
	text := r.RawName
	if len(r.Extras) > 0 {
		text += "[" + strings.Join(r.Extras, ",") + "]"
	}
	if r.URL != "" {
		text += " @ " + r.URL
		if r.Marker != nil {
			text += " ; " + r.Marker.String()
		}
		return text
	}
	text += r.Specifiers.String()
	if r.Marker == nil {
		return text
	}
	if i := strings.IndexByte(old, ';'); i >= 0 && !strings.Contains(old, "@") {
		return text + old[len(strings.TrimRight(old[:i], " \t")):]
	}
	return text + "; " + r.Marker.String()
}

// begin makes the list with its first requirement.
func (e *Editor) begin(r pep508.Requirement, text string) (Added, error) {
	table, key := e.split()
	edited := tomltext.SetKey(e.text, table, key, "["+tomltext.QuoteString(text)+"]")
	return Added{Requirement: r, Text: text}, e.takeList(edited, true, []any{text}, text)
}

func (e *Editor) takeList(edited string, ok bool, items []any, manually string) error {
	table, key := e.split()
	return e.take(edited, ok, func(root map[string]any) {
		if in := container(root, table, true); in != nil {
			in[key] = items
		}
	}, fmt.Sprintf("%s belongs to %s", manually, e.path))
}

// constrain puts a bound into [constraints], or replaces it there.
func (e *Editor) constrain(r pep508.Requirement) (Added, error) {
	if r.URL != "" || len(r.Extras) > 0 || r.Marker != nil || r.Specifiers.String() == "" {
		return Added{}, diag.New(diag.Usage, "%s: a constraint is a name and bounds, without extras, address or marker", r).Hint(`as in "numpy<2"`)
	}
	table, key := e.split()
	all, _ := container(e.root(), table, false)[key].(map[string]any)
	a := Added{Requirement: r, Text: r.RawName + r.Specifiers.String()}
	name, edited, ok := r.RawName, "", true
	for _, have := range slices.Sorted(maps.Keys(all)) {
		if pep508.NormalizeName(have) != r.Name {
			continue
		}
		name = have
		bounds, _ := all[have].(string)
		a.Was = have + bounds
		a.Text = have + r.Specifiers.String()
		edited, ok = tomltext.SetString(e.text, e.path+"."+have, r.Specifiers.String())
	}
	if a.Was == "" {
		edited = tomltext.SetKey(e.text, e.path, name, tomltext.QuoteString(r.Specifiers.String()))
	}
	return a, e.take(edited, ok, func(root map[string]any) {
		if in := container(root, e.path, true); in != nil {
			in[name] = r.Specifiers.String()
		}
	}, fmt.Sprintf("%s = %q belongs below [%s]", name, r.Specifiers.String(), e.path))
}

// Bound gives a requirement that [Editor.Add] returned, and that has no bounds, a lower one.
func (e *Editor) Bound(a Added, version pep440.Version) (Added, error) {
	items, _ := e.items()
	for i, it := range items {
		if text, ok := it.(string); ok && text == a.Text {
			specs, err := pep440.ParseSpecifiers(">=" + version.String())
			if err != nil {
				return a, err
			}
			a.Specifiers = specs
			a.Text = compose(a.Requirement, text)
			return a, e.put(i, a.Text)
		}
	}
	return a, fmt.Errorf("%s is not in %s", a.Text, e.list)
}

// Remove takes all requirements of a name out of the list, and gives their texts. Errors: Usage if there is none,
// with the nearest name or the place where it stands instead.
func (e *Editor) Remove(name string) ([]string, error) {
	wanted := pep508.NormalizeName(name)
	if e.list.Constraints {
		return e.release(name, wanted)
	}
	var removed []string
	for i := 0; ; {
		items, _ := e.items()
		if i >= len(items) {
			break
		}
		r, ok := requirementOf(items[i])
		if !ok || r.Name != wanted {
			i++
			continue
		}
		removed = append(removed, items[i].(string))
		edited, ok := tomltext.Remove(e.text, e.path, i)
		if err := e.takeList(edited, ok, slices.Delete(slices.Clone(items), i, i+1), "take it out: "+removed[len(removed)-1]); err != nil {
			return nil, err
		}
	}
	if len(removed) == 0 {
		return nil, e.absent(name)
	}
	return removed, nil
}

// release takes a bound out of [constraints].
func (e *Editor) release(name, wanted string) ([]string, error) {
	table, key := e.split()
	all, _ := container(e.root(), table, false)[key].(map[string]any)
	for _, have := range slices.Sorted(maps.Keys(all)) {
		if pep508.NormalizeName(have) != wanted {
			continue
		}
		bounds, _ := all[have].(string)
		edited, ok := tomltext.RemoveKey(e.text, e.path+"."+have)
		if len(all) == 1 {
			edited = tomltext.DropEmpty(edited, e.path)
		}
		return []string{have + bounds}, e.take(edited, ok, func(root map[string]any) {
			in := container(root, e.path, false)
			delete(in, have)
			if len(in) == 0 && decodedTable(edited, e.path) == nil {
				deleteTable(root, e.path) // it had no header of its own, or that went too
			}
		}, "take "+have+" out of ["+e.path+"]")
	}
	return nil, e.absent(name)
}

func decodedTable(text, path string) map[string]any { return container(decodedText(text), path, false) }

// deleteTable takes a table away, and those above it that are empty then.
func deleteTable(root map[string]any, path string) {
	for path != "" {
		i := strings.LastIndexByte(path, '.')
		above, key := path[:max(i, 0)], path[i+1:]
		in := container(root, above, false)
		delete(in, key)
		if path = above; len(in) > 0 {
			return
		}
	}
}
