package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

// speaksJSON runs a command with --json and holds what it prints to what the help promises: one object as the result, and on
// standard error an object a line, of which the last tells a failure with its exit code.
func speaksJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("want CODE PROGRAM [ARG]...")
	}
	want := number(ts, args[0])
	err := ts.Exec(args[1], append(args[2:], "--json")...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	results := objects(ts, "stdout")
	if len(results) > 1 || len(results) == 0 && want == 0 {
		ts.Fatalf("%d results", len(results))
	}
	messages := objects(ts, "stderr")
	for i, m := range messages {
		_, isWarning := m["warning"].(string)
		_, isNotice := m["notice"].(string)
		text, isError := m["error"].(string)
		switch {
		case isError && want != 0 && i == len(messages)-1:
			if code, _ := m["code"].(float64); int(code) != want || text == "" {
				ts.Fatalf("the error has code %v, want %d", m["code"], want)
			}
		case isError || !isWarning && !isNotice:
			ts.Fatalf("line %d of standard error is no message: %v", i+1, m)
		}
	}
	if n := len(messages); want != 0 && (n == 0 || messages[n-1]["error"] == nil) {
		ts.Fatalf("no error on standard error")
	}
}

// objects are those of a stream, one a line.
func objects(ts *testscript.TestScript, stream string) []map[string]any {
	var list []map[string]any
	for line := range strings.Lines(ts.ReadFile(stream)) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || !strings.HasSuffix(line, "\n") {
			ts.Fatalf("no JSON object on a line of %s: %q", stream, line)
		}
		list = append(list, object)
	}
	return list
}

// TestJSONOfAll holds that a script has a success and a failure with --json of every command.
func TestJSONOfAll(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "script", "command_json_all.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		if len(c.Commands()) > 0 {
			for _, below := range c.Commands() {
				check(below)
			}
			return
		}
		if c.Hidden || c.Name() == "help" {
			return
		}
		succeeds, fails := false, false
		for line := range strings.Lines(string(data)) {
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "json" {
				continue
			}
			if code := words[1]; strings.HasPrefix(strings.Join(words[2:], " ")+" ", c.CommandPath()+" ") {
				succeeds, fails = succeeds || code == "0", fails || code != "0"
			}
		}
		if !succeeds || !fails {
			t.Errorf("%s: a success is tried with --json: %v, a failure: %v", c.CommandPath(), succeeds, fails)
		}
	}
	check(newRoot(&session{}))
}
