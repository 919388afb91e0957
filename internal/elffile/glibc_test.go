package elffile

import "testing"

func TestNewerLibc(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2.36", "2.28", true}, {"2.4", "2.36", false}, {"2.3.4", "2.3", true}, {"2.36.0", "2.36", false}, {"2.36", "", true}, {"", "2.36", false},
		{"PRIVATE", "2.17", false}, {"2.17", "PRIVATE", true}, {"", "", false}, {"2.-1", "2.1", false}, {"1.2.5", "1.2", true},
	} {
		if got := NewerLibc(c.a, c.b); got != c.want {
			t.Errorf("%q is newer than %q: %v", c.a, c.b, got)
		}
	}
	o := Object{Versions: []Versions{{"libc.so.6", []string{"GLIBC_2.2.5", "GLIBC_2.28", "GLIBC_PRIVATE"}}, {"libm.so.6", []string{"GLIBC_2.29"}}}}
	if got := o.Glibc(); got != "2.29" {
		t.Errorf("it needs %q", got)
	}
}
