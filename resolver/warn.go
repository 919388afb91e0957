package resolver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/manifest"
)

// warn tells what is not wrong with the answers and should be known. What several targets have in
// common is told once.
func warn(ctx context.Context, done []*solved, policies *policies, now time.Time, tell func(string)) {
	told := map[string]bool{}
	once := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !told[text] {
			told[text] = true
			tell(text)
		}
	}
	const toCome = ", which is still to come: what is uploaded until then will change what is chosen"
	if asOf := policies.asOf; asOf.After(now) {
		once("as-of is %s"+toCome, asOf.Format(time.RFC3339))
	}
	for _, name := range slices.Sorted(maps.Keys(policies.asOfs)) {
		if asOf := policies.asOfs[name]; asOf.After(now) {
			once("as-of of %s is %s"+toCome, name, asOf.Format(time.RFC3339))
		}
	}
	for _, s := range done {
		for _, name := range slices.Sorted(maps.Keys(s.versions)) {
			s.warnAbout(ctx, name, once)
		}
	}
	tellPassed(ctx, done, once)
}

func (s *solved) warnAbout(ctx context.Context, name string, tell func(string, ...any)) {
	r := s.provider.met[name] // the solver has chosen from it
	v := s.versions[name]
	if v := r.project.APIVersion; v != "" { // PEP 629
		tell("index %s speaks version %s of the simple API; what is newer than 1.4 is not looked at", r.project.IndexName, v)
	}
	switch status := r.project.Status; status {
	case "archived", "deprecated": // PEP 792
		tell("%s", because(fmt.Sprintf("%s is marked as %s in the index", name, status), r.project.StatusReason))
	}
	if c := r.at(v); c != nil && c.yanked {
		kept := "the lock has it already"
		if s.provider.pins[name].Contains(v) {
			kept = "the manifest pins it"
			if slices.ContainsFunc(s.provider.m.Constraints, func(r manifest.Requirement) bool { return r.Name == name && asked(&r) }) {
				kept = "it was asked for"
			}
		}
		tell("%s", because(fmt.Sprintf("%s %s was yanked by its authors; it is taken because %s", name, v, kept), c.file.YankedReason))
	}
	// What has no version cannot be asked for, unless not even its name is known.
	if text := r.misreadText(func(m misread) bool { return !m.variant && (m.name == "" || !m.version.IsZero() && !m.version.Less(v)) }); text != "" {
		tell("%s", text)
	}
	if len(s.extras[name]) == 0 {
		return
	}
	meta, err := s.provider.metadata(ctx, name, v)
	if err != nil {
		return // merging has read it
	}
	for _, extra := range s.extras[name] {
		if slices.Contains(meta.Extras, extra) {
			continue
		}
		has := "it has none"
		if len(meta.Extras) > 0 {
			has = "it has " + strings.Join(meta.Extras, ", ")
		}
		tell("%s %s has no extra %s; %s", name, v, extra, has)
	}
}

func because(text, reason string) string {
	if reason = strings.Join(strings.Fields(reason), " "); reason == "" {
		return text
	}
	return text + ": " + reason
}
