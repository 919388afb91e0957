package resolver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/envpack/envpack/resolver/apt"
)

// developing is a distribution that knows which package has which header.
type developing struct {
	distros
	headers map[string][]string
	asked   []string
}

func (d *developing) Development(_ context.Context, _ apt.Options, of apt.Development) ([]string, error) {
	d.asked = append(d.asked, of.String())
	return d.headers[of.String()], nil
}

// TestLacked builds again with the package that has what a build lacked, and says so.
func TestLacked(t *testing.T) {
	w, b := sourceWorld()
	b.recipes["old"].header, b.recipes["old"].in = "png.h", "libpng-dev"
	base := &developing{headers: map[string][]string{"png.h": {"libpng-dev", "other-dev"}}}
	m := project("old")
	python(m, "3.11")
	var told []string
	l, err := Resolve(context.Background(), m, Sources{Packages: w, Base: base, Builder: b}, Options{
		Now: published.AddDate(1, 0, 0), Tell: func(text string) { told = append(told, text) }, Warn: func(string) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Builds) != 1 || len(l.Builds[0].Added) != 1 || l.Builds[0].Added[0].Name != "deb:libpng-dev" {
		t.Errorf("%+v", l.Builds)
	}
	if !slices.ContainsFunc(told, func(s string) bool {
		return strings.Contains(s, "libpng-dev was added: it includes png.h, which is not there")
	}) {
		t.Errorf("%q", told)
	}
	if len(base.asked) != 1 {
		t.Errorf("%q", base.asked)
	}
	b.recipes["old"].in = "nothing"
	if _, err := Resolve(context.Background(), m, Sources{Packages: w, Base: base, Builder: b}, Options{Now: published.AddDate(1, 0, 0)}); err == nil || !strings.Contains(err.Error(), "it includes png.h") {
		t.Errorf("%v", err)
	}
}
