package ui

import (
	"bytes"
	"testing"
	"time"
)

// TestJSON holds that a program can read every line.
func TestJSON(t *testing.T) {
	var out bytes.Buffer
	u := New(&out, Options{JSON: true, Now: time.Now})
	u.Printf("locking <%s>\nagain\n", "a")
	p := u.Phase("downloading")
	p.Expect(10)
	p.Done()
	u.Warn("%s", "a \x1b[2J \"b\"")
	u.Close()
	want := `{"notice":"locking <a>\nagain"}` + "\n" + `{"warning":"a ?[2J \"b\""}` + "\n"
	if out.String() != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	out.Reset()
	u = New(&out, Options{JSON: true, Quiet: true, Now: time.Now})
	u.Printf("locking")
	if out.Len() > 0 {
		t.Errorf("quiet: %s", out.String())
	}
}
