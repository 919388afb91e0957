package pep508

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/envpack/envpack/internal/testenv"
)

// environment is an Environment as the oracle writes it.
type environment struct {
	PythonVersion                string   `json:"python_version"`
	PythonFullVersion            string   `json:"python_full_version"`
	OSName                       string   `json:"os_name"`
	SysPlatform                  string   `json:"sys_platform"`
	PlatformRelease              string   `json:"platform_release"`
	PlatformSystem               string   `json:"platform_system"`
	PlatformVersion              string   `json:"platform_version"`
	PlatformMachine              string   `json:"platform_machine"`
	PlatformPythonImplementation string   `json:"platform_python_implementation"`
	ImplementationName           string   `json:"implementation_name"`
	ImplementationVersion        string   `json:"implementation_version"`
	Extra                        string   `json:"extra"`
	Extras                       []string `json:"extras"`
	DependencyGroups             []string `json:"dependency_groups"`
}

func TestOracleMarkers(t *testing.T) {
	var data struct {
		Environments []environment
		Valid        [][]json.RawMessage
		Invalid      []string
	}
	testenv.Oracle(t, "markers", &data)
	evaluations := 0
	for _, raw := range data.Valid {
		var text, verdicts string
		var normal *string
		var usesExtra bool
		testenv.OracleRow(t, raw, &text, &normal, &usesExtra, &verdicts)
		m, err := ParseMarker(text)
		if err != nil {
			t.Errorf("ParseMarker: %v", err)
			continue
		}
		if normal != nil && m.String() != *normal {
			t.Errorf("ParseMarker(%q) = %s, want %s", text, m, *normal)
		}
		if m.MentionsExtra() != usesExtra {
			t.Errorf("%q mentions extra: %t, want %t", text, !usesExtra, usesExtra)
		}
		again, err := ParseMarker(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q does not come back: %v, %v", m, again, err)
			continue
		}
		for i, env := range data.Environments {
			evaluations++
			for _, m := range []*Marker{m, again} {
				got := "F"
				if holds, err := m.Evaluate(Environment(env)); err != nil {
					var e *EvaluationError
					if !errors.As(err, &e) {
						t.Errorf("an error of type %T", err)
					}
					got = "E"
				} else if holds {
					got = "T"
				}
				if want := verdicts[i : i+1]; got != want {
					t.Errorf("%q in environment %d: %s, want %s", text, i, got, want)
				}
			}
		}
	}
	for _, text := range data.Invalid {
		if m, err := ParseMarker(text); err == nil {
			t.Errorf("ParseMarker(%q) = %s, want an error", text, m)
		}
	}
	t.Logf("%d valid, %d invalid, %d evaluations", len(data.Valid), len(data.Invalid), evaluations)
}

func TestOracleRequirements(t *testing.T) {
	var data struct {
		Valid   [][]json.RawMessage
		Invalid []string
	}
	testenv.Oracle(t, "requirements", &data)
	for _, raw := range data.Valid {
		var text, name, specifiers, url, marker string
		var extras []string
		testenv.OracleRow(t, raw, &text, &name, &extras, &specifiers, &url, &marker)
		r, err := Parse(text)
		if err != nil {
			t.Errorf("Parse: %v", err)
			continue
		}
		got := []any{r.Name, r.Extras, r.Specifiers.String(), r.URL, r.Marker.String()}
		want := []any{name, extras, specifiers, url, marker}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
		again, err := Parse(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q, normal form %q, does not come back: %q, %v", text, r, again, err)
		}
	}
	for _, text := range data.Invalid {
		if r, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %s, want an error", text, r)
		}
	}
	t.Logf("%d valid, %d invalid", len(data.Valid), len(data.Invalid))
}
