package sources

import (
	"strings"
	"testing"
)

// FuzzConfigurations reads any text as each of the formats that are parsed here.
func FuzzConfigurations(f *testing.F) {
	f.Add("[global]\nindex-url = x\n  y\n; c\nextra: z\n")
	f.Add("machine a login b password \"c\\\" d\" macdef x\ny\n\ndefault login x")
	f.Add("deb [a=b] http://x.example/debian bookworm main\n")
	f.Add("Types: deb\nURIs: http://x.example/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n BEGIN PGP\n .\n")
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := parseINI("f", text); err == nil {
			for _, section := range parsed {
				for key, s := range section {
					if key == "" || s.pos.Line < 1 || s.pos.Line > strings.Count(text, "\n")+1 {
						t.Errorf("key %q at %v", key, s.pos)
					}
				}
			}
		}
		for host, l := range parseNetrc(text) {
			if host == "" || l == (login{}) {
				t.Errorf("host %q without a login", host)
			}
		}
		for _, e := range append(parseSourcesList("f", text), parseDeb822("f", text)...) {
			if e.value == "" || strings.ContainsAny(e.value, " \t\n") {
				t.Errorf("address %q", e.value)
			}
		}
		u, err := parseAddress(setting{value: text})
		if err == nil && strings.Contains(bare(u), "@") && !strings.Contains(u.Path, "@") {
			t.Errorf("credentials are left in %s", bare(u))
		}
	})
}
