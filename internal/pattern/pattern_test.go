package pattern_test

import (
	"testing"

	"github.com/envpack/envpack/internal/pattern"
)

func TestNew(t *testing.T) {
	digits := pattern.New(`^[0-9]+$`)
	if !digits().MatchString("12") || digits().MatchString("a") || digits() != digits() {
		t.Error("it is not the expression, or another each time")
	}
	wrong := pattern.New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("a mistake went unnoticed")
		}
	}()
	wrong()
}
