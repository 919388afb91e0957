package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/cudabase"
	"github.com/envpack/envpack/resolver/pep508"
)

// wheelRemedies finds requirements with which wheels would bring what is asked of the base. What is offered was resolved.
type wheelRemedies struct {
	question *question
	done     []*solved
	known    map[string][]string // by what was asked for
}

// find gives a line for each package that asks.
func (w *wheelRemedies) find(ctx context.Context, asks []cudabase.Ask) []string {
	key := told(asks)
	if lines, ok := w.known[key]; ok {
		return lines
	}
	by := map[string][]cudabase.Ask{}
	var order []string
	for _, a := range asks {
		if by[a.Wheel] == nil {
			order = append(order, a.Wheel)
		}
		by[a.Wheel] = append(by[a.Wheel], a)
	}
	var lines []string
	for _, name := range order {
		if line := w.of(ctx, name, by[name]); line != "" {
			lines = append(lines, line)
		}
	}
	if w.known == nil {
		w.known = map[string][]string{}
	}
	w.known[key] = lines
	return lines
}

// of is for one package: its own extras that require NVIDIA's packages, or these packages themselves.
func (w *wheelRemedies) of(ctx context.Context, name string, asks []cudabase.Ask) string {
	wanted := cudabase.Wheels(asks)
	if len(wanted) == 0 {
		return ""
	}
	if extras := w.extras(ctx, name, wanted); len(extras) > 0 {
		with := fmt.Sprintf("%s[%s]", name, strings.Join(extras, ","))
		if w.resolves(ctx, []string{with}, wanted) {
			line := fmt.Sprintf("require %s, with which NVIDIA's wheels bring them", with)
			if does := cuda.First(name); does != "" {
				line += ", where it finds them if the program " + does + " first"
			}
			return line
		}
	}
	var list []string
	for _, r := range wanted {
		list = append(list, r.Requirement)
	}
	if !w.resolves(ctx, list, wanted) {
		return ""
	}
	if !slices.ContainsFunc(asks, func(a cudabase.Ask) bool { return !a.Led }) {
		return fmt.Sprintf("require %s, which bring them", strings.Join(list, ", "))
	}
	return fmt.Sprintf("require %s, which bring them where no loader looks: the program must open them before it imports %s (ctypes.CDLL with RTLD_GLOBAL)", strings.Join(list, ", "), name)
}

// extras are the least extras of the chosen version that require something of what is wanted.
func (w *wheelRemedies) extras(ctx context.Context, name string, wanted []cudabase.Wheel) []string {
	var extras []string
	covered := map[string]bool{}
	for _, s := range w.done {
		v, ok := s.versions[name]
		if !ok {
			continue
		}
		meta, err := s.provider.metadata(ctx, name, v)
		if err != nil {
			return nil
		}
		for _, extra := range slices.Sorted(slices.Values(meta.Extras)) {
			more := false
			adds, _ := s.provider.requirements(meta, extra)
			for _, r := range adds {
				for _, want := range wanted {
					if want.Is(r.Name) || r.Name == "cuda-toolkit" {
						more = more || !covered[want.Stem]
						covered[want.Stem] = true
					}
				}
			}
			if more && !slices.Contains(extras, extra) {
				extras = append(extras, extra)
			}
		}
	}
	return extras
}

// resolves tells whether the manifest has an answer with further requirements, and whether it then has all that is wanted.
func (w *wheelRemedies) resolves(ctx context.Context, requirements []string, wanted []cudabase.Wheel) bool {
	q := w.question.variant()
	for _, text := range requirements {
		r, err := pep508.Parse(text)
		if err != nil {
			return false
		}
		q.m.Requirements = append(q.m.Requirements, manifest.Requirement{Requirement: r})
	}
	ctx, stop := context.WithTimeout(ctx, searchTime)
	defer stop()
	done, err := q.answer(ctx)
	if err != nil {
		return false
	}
	for _, s := range done {
		for _, want := range wanted {
			has := false
			for name := range s.versions {
				has = has || want.Is(name)
			}
			if !has {
				return false
			}
		}
	}
	return true
}
