package lockfile

import (
	"fmt"
	"strings"
)

// String is the edge as it stands in the file: the name, its extras in brackets, what is asked of the version,
// and behind a semicolon the platforms for which it holds if those are not all.
//
//	requests[security,socks]>=2.31,<3; linux/amd64, linux/arm64
func (d Dependency) String() string {
	var b strings.Builder
	b.WriteString(d.Name)
	if len(d.Extras) > 0 {
		b.WriteString("[" + strings.Join(d.Extras, ",") + "]")
	}
	b.WriteString(d.Specifiers)
	if len(d.Targets) > 0 {
		b.WriteString("; " + strings.Join(d.Targets, ", "))
	}
	return b.String()
}

// MarshalText is String.
func (d Dependency) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what String writes. It takes the text apart and does not judge the parts;
// [Lock.Validate] does.
func (d *Dependency) UnmarshalText(text []byte) error {
	s := string(text)
	*d = Dependency{}
	if before, targets, ok := strings.Cut(s, "; "); ok {
		s, d.Targets = before, strings.Split(targets, ", ")
	}
	if i := strings.IndexAny(s, "<>=!~"); i >= 0 {
		s, d.Specifiers = s[:i], s[i:]
	}
	if before, extras, ok := strings.Cut(s, "["); ok {
		inner, closed := strings.CutSuffix(extras, "]")
		if !closed {
			return fmt.Errorf("dependency %q: bracket is not closed", text)
		}
		s, d.Extras = before, strings.Split(inner, ",")
	}
	d.Name = s
	return nil
}

// compare orders edges by name, then extras, then platforms, then specifiers.
func (d Dependency) compare(o Dependency) int { return strings.Compare(d.key(), o.key()) }

func (d Dependency) key() string {
	return d.Name + "\x00" + strings.Join(d.Extras, ",") + "\x00" + strings.Join(d.Targets, ",") + "\x00" + d.Specifiers
}
