package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/envpack/envpack/internal/elffile"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/resolver/apt"
	"github.com/envpack/envpack/resolver/cuda"
	"github.com/envpack/envpack/resolver/pep508"
)

// tried leaves of the remedies of an answer those that change nothing in the manifest, and those that do and were resolved. What is not known
// without reading further wheels stays open: it is the next lock that finds it.
func (b *bases) tried(ctx context.Context, a cuda.Answer) []string {
	var list []string
	for _, text := range a.Remedies {
		try, changes := a.Tries[text]
		switch {
		case !changes:
			list = append(list, text)
		case b.wheels == nil || b.wheels.question == nil:
			if try.Glibc != "" {
				list = append(list, needsGlibc(try.Glibc))
			}
		default:
			if text, ok := b.wheels.tries(ctx, b, try, text); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// tries asks the question with a change. The text says what it gives.
func (w *wheelRemedies) tries(ctx context.Context, b *bases, try cuda.Try, text string) (string, bool) {
	ctx, stop := context.WithTimeout(ctx, tryTime)
	defer stop()
	q := w.question.variant()
	var names []string
	switch {
	case !try.Driver.IsZero():
		return "", false // it is what the manifest has
	case try.Glibc != "":
		return w.newerBase(ctx, b, try.Glibc)
	case try.CUDA != "":
		r, err := cuda.ParseRange(try.CUDA)
		if err != nil {
			return "", false
		}
		own := *q.m.GPU
		own.CUDA = r
		q.m.GPU = &own
		q.policies.gpu = newGPU(q.m)
		q.policies.gpu.found = w.question.policies.gpu.found
	default:
		r, err := pep508.Parse(try.Constraint + try.Require)
		if err != nil {
			return "", false
		}
		names = append(names, r.Name)
		if try.Require != "" {
			q.m.Requirements = append(q.m.Requirements, manifest.Requirement{Requirement: r})
		} else {
			q.m.Constraints = append(q.m.Constraints, manifest.Requirement{Requirement: r})
		}
	}
	done, err := q.answer(ctx)
	if err != nil {
		return "", false
	}
	if got := with(done, names...); got != "" {
		text += "; it resolves, " + got
	} else {
		text += "; it resolves"
	}
	return text, true
}

// newerBase tries the distributions whose glibc is new enough, the oldest of them first.
func (w *wheelRemedies) newerBase(ctx context.Context, b *bases, glibc string) (string, bool) {
	m := w.question.m
	if len(w.question.targets) == 0 || len(b.images) > 0 {
		return needsGlibc(glibc), true
	}
	r := &remedies{question: w.question}
	if r.ownBase() {
		return needsGlibc(glibc), true
	}
	known := slices.Clone(apt.Distributions())
	slices.SortStableFunc(known, func(x, y apt.Distribution) int {
		switch a, b := likely[x.Name].glibc, likely[y.Name].glibc; {
		case elffile.NewerLibc(b, a):
			return -1
		case elffile.NewerLibc(a, b):
			return 1
		}
		return 0
	})
	for _, d := range known {
		if has := likely[d.Name].glibc; has == "" || elffile.NewerLibc(glibc, has) {
			continue
		}
		q := w.question.variant()
		q.m.Distro = d.Name
		if q = r.onBase(q, w.question.targets[0].Minor()); q == nil {
			continue
		}
		if done, err := q.answer(ctx); err == nil {
			names := make([]string, 0, len(m.Requirements))
			for _, req := range m.Requirements {
				names = append(names, req.Name)
			}
			text := fmt.Sprintf("distro = %q below [system] resolves", d.Name)
			if got := with(done, names...); got != "" {
				text += ", " + got
			}
			return text, true
		}
	}
	return needsGlibc(glibc), true
}

func needsGlibc(version string) string { return "a base with glibc " + version + " or newer is needed" }
