package testenv

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// All tells whether ENVPACK_TEST=all asks for the tests that need the real index, a real mirror or
// other programs. What is missing is a failure then, and no reason to skip.
func All() bool { return os.Getenv("ENVPACK_TEST") == "all" }

// Real skips a test that needs more than this repository unless all are asked for.
func Real(t testing.TB, needs string) {
	t.Helper()
	if !All() {
		t.Skipf("needs %s; ENVPACK_TEST=all runs it", needs)
	}
}

// Tool gives the path of a program. Without it the test is skipped, or fails if all are asked for.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if All() {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// Wheels gives the folder of real wheels that ENVPACK_WHEELS names. Without it the test is skipped,
// or fails if all are asked for.
func Wheels(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ENVPACK_WHEELS")
	if dir != "" {
		return dir
	}
	if All() {
		t.Fatal("ENVPACK_WHEELS must name a folder of wheels: pip download --no-deps --only-binary=:all: -d DIR numpy black …")
	}
	t.Skip("needs a folder of wheels in ENVPACK_WHEELS; ENVPACK_TEST=all demands it")
	return ""
}

// Chosen tells which of a test's real cases run: of a list as long as distributions are many, the few that are
// named, or those of ENVPACK_TEST_CASES, separated by commas; "all" is every one.
func Chosen(few ...string) func(name string) bool {
	if asked := os.Getenv("ENVPACK_TEST_CASES"); asked != "" {
		few = strings.Split(asked, ",")
	}
	return func(name string) bool { return slices.Contains(few, "all") || slices.Contains(few, name) }
}
