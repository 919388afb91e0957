package debversion

import "testing"

func TestHolds(t *testing.T) {
	for text, want := range map[[3]string]bool{
		{"1.0-1", "<<", "1.0-2"}: true, {"1.0-2", "<<", "1.0-2"}: false, {"1.0-2", "<=", "1.0-2"}: true, {"1.0-2", "<", "1.0-2"}: true,
		{"1.0", "=", "1.0-0"}: true, {"1:0", "=", "0"}: false, {"1.0~rc1", ">=", "1.0"}: false, {"1.0", ">", "1.0"}: true,
		{"1:0", ">>", "9"}: true, {"1.0", ">>", "1.0"}: false, {"1.0", "", "1.0"}: false,
	} {
		if got := Holds(text[0], text[1], text[2]); got != want {
			t.Errorf("%v: %v", text, got)
		}
	}
}
