package sources

import (
	"fmt"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/diag"
)

// choice is a setting of another tool's that decides which versions it chooses. It is no source, and has no effect: a lock must not
// depend on who makes it.
type choice struct {
	setting
	kind choiceKind
}

type choiceKind int

const (
	constraints choiceKind = iota // bounds, or a file of them
	overrides
	newest      // an upload's last moment
	prereleases // a policy, or a switch
)

// choicesOf are those of uv's own file (uv's documentation, Settings).
func choicesOf(file, text string, parsed uvFile) []choice {
	var out []choice
	for _, bound := range parsed.Constraints {
		out = append(out, choice{locate(file, text, bound), constraints})
	}
	for _, bound := range parsed.Overrides {
		out = append(out, choice{locate(file, text, bound), overrides})
	}
	if parsed.ExcludeNewer != nil {
		value := fmt.Sprint(parsed.ExcludeNewer)
		if t, ok := parsed.ExcludeNewer.(time.Time); ok {
			value = t.Format(time.RFC3339)
		}
		out = append(out, choice{locate(file, text, value), newest})
	}
	if parsed.Prerelease != "" {
		out = append(out, choice{locate(file, text, parsed.Prerelease), prereleases})
	}
	return out
}

// findChoices warns of what the machine's configuration says of versions.
func (f *finder) findChoices() {
	for _, c := range append([]choice{
		{f.env("PIP_CONSTRAINT"), constraints}, {f.pip.get("constraint"), constraints}, {f.env("UV_CONSTRAINT"), constraints}, {f.env("UV_OVERRIDE"), overrides},
		{f.env("PIP_PRE"), prereleases}, {f.pip.get("pre"), prereleases}, {f.env("UV_PRERELEASE"), prereleases},
		{f.env("PIP_UPLOADED_PRIOR_TO"), newest}, {f.pip.get("uploaded-prior-to"), newest}, {f.env("UV_EXCLUDE_NEWER"), newest},
	}, f.uv.choices...) {
		if c.value != "" {
			f.warnChoice(c)
		}
	}
}

func (f *finder) warnChoice(c choice) {
	const write = "if it is to hold for the project, write into the manifest:\n    "
	what, hint := "", ""
	switch c.kind {
	case constraints, overrides:
		table := map[choiceKind]string{constraints: "constraints", overrides: "overrides"}[c.kind]
		what = strings.TrimSuffix(table, "s") + " " + diag.Redact(c.value)
		hint = fmt.Sprintf("%s[%s]\n    NAME = \"<2\"  # each of its bounds", write, table)
		if at := strings.IndexAny(c.value, "<>=!~"); at > 0 && !strings.ContainsAny(c.value, ";@[/\\") {
			hint = fmt.Sprintf("%s[%s]\n    %s = %q", write, table, strings.TrimSpace(c.value[:at]), c.value[at:])
		}
	case newest:
		what = "date " + c.value
		hint = fmt.Sprintf("%s[project]\n    as-of = %q", write, c.value)
	case prereleases:
		policy := "allow"
		switch v := strings.ToLower(c.value); v {
		case "0", "false", "no", "off", "n", "f", "if-necessary", "if-necessary-or-explicit":
			return // as without it
		case "disallow", "explicit":
			policy = v
		}
		what = "choice of pre-releases"
		hint = fmt.Sprintf("%s[resolver]\n    prereleases = %q", write, policy)
	}
	f.warn(c.setting, "the "+what+" has no effect, since the lock must not depend on the machine", hint)
}
