package sources

import "strings"

// findTemplates chooses the addresses of indexes that manifests call by name.
func (f *finder) findTemplates() error {
	f.out.Templates = map[string]Source{}
	for name, at := range templates {
		source := Source{URL: at.url(), From: "the default", WellKnown: true}
		if s := f.own.templates[name]; s.value != "" {
			u, err := f.address(s)
			if err != nil {
				return err
			}
			source = Source{URL: strings.TrimRight(u, "/"), From: s.origin, Pos: s.pos}
		}
		f.out.Templates[name] = source
	}
	return nil
}

// Variant is the root of the simple API of one variant of an index that manifests call by name; "" for a name that is none.
func (s *Sources) Variant(name, variant string) string {
	t, there := s.Templates[name]
	if !there {
		return ""
	}
	return t.URL + "/" + variant + "/"
}
