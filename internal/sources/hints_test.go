package sources

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envpack/envpack/internal/diag"
)

// TestWithoutScheme holds what is proposed for an address without scheme, which is nothing where the address
// might hold a password.
func TestWithoutScheme(t *testing.T) {
	for _, c := range []struct{ address, hint string }{
		{"index.example/simple/", "write https://index.example/simple/"},
		{"index.example", "write https://index.example"},
		{"index.example:8443/simple", "write https://index.example:8443/simple"},
		{"packages:8080/simple", "write https://packages:8080/simple"},
		{"localhost:8080/simple", "write http://localhost:8080/simple"},
		{"127.0.0.1/simple", "write http://127.0.0.1/simple"},
		{"u:secret@index.example/simple", ""},
		{"/srv/simple", ""},
		{"simple", ""},
	} {
		_, err := Find(machine(t, "", nil), Options{Index: c.address})
		if diag.CodeOf(err) != diag.Usage || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.address, err)
		}
		if got := strings.Join(diag.HintsOf(err), "|"); got != c.hint {
			t.Errorf("%s: hint %q, want %q", c.address, got, c.hint)
		}
	}
}

// TestBinaryOptions holds that pip's choice between wheels and sources is said to have no effect.
func TestBinaryOptions(t *testing.T) {
	s, err := Find(machine(t, "-- sys/etc/pip.conf --\n[install]\nno-binary = :none:\n", map[string]string{
		"PIP_NO_BINARY": "numpy", "PIP_ONLY_BINARY": ":all:",
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range s.Warnings {
		got = append(got, w.String())
	}
	const text = ": this is not used: a lock takes wheels, of whatever package, and builds none"
	if d := cmp.Diff([]string{"PIP_NO_BINARY" + text, "PIP_ONLY_BINARY" + text}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
