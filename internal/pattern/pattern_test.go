package pattern_test

import (
	"testing"

	"github.com/envpack/envpack/internal/pattern"
)

func TestNew(t *testing.T) {
	digits := pattern.New(`^[0-9]+$`)
	first := digits()
	if !first.MatchString("12") || first.MatchString("a") {
		t.Error("it is not the expression")
	}
	if digits() != first {
		t.Error("it is another each time")
	}
	wrong := pattern.New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("a mistake went unnoticed")
		}
	}()
	wrong()
}
