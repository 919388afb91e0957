package pubgrub_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/resolver/pubgrub"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/cases.txt")

// TestCases runs testdata/cases.txt, whose head describes its language.
func TestCases(t *testing.T) {
	const file = "testdata/cases.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n== ")
	for i, block := range blocks[1:] {
		name, body, _ := strings.Cut(block, "\n")
		t.Run(name, func(t *testing.T) {
			given, want, ok := strings.Cut(body, "---\n")
			if !ok {
				t.Fatal("no expectation")
			}
			u := newUniverse()
			for line := range strings.Lines(given) {
				line = strings.TrimSpace(line)
				if line == "exclude" {
					u.exclude = true
				} else if line != "" && !strings.HasPrefix(line, "#") {
					if err := u.parseLine(line); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := outcome(t, u)
			if *update {
				blocks[i+1] = name + "\n" + given + "---\n" + got + "\n"
				return
			}
			if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(blocks, "\n== ")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func outcome(t *testing.T, u *universe) string {
	t.Helper()
	sol, err := u.solve()
	var failure *noSol
	switch {
	case err == nil:
		if err := u.check(sol); err != nil {
			t.Error(err)
		}
		return strings.TrimSpace("solution: " + u.show(sol))
	case !errors.As(err, &failure):
		t.Fatal(err)
	}
	if err := checkProof(failure, u); err != nil {
		t.Error(err)
	}
	return pubgrub.Explain(failure, pubgrub.Formatter[string, set]{
		Subject: func(p string, s set) string { return naming(p, s, "every version of ") },
		Object:  func(p string, s set) string { return naming(p, s, "") },
		Failure: "your project cannot be resolved",
	})
}

func naming(p string, s set, every string) string {
	switch {
	case p == "root":
		return "your project"
	case s.Equal(all):
		return every + p
	case s.IsEmpty():
		return "no version of " + p
	}
	return p + " " + s.String()
}
