// Package pattern has regular expressions that are compiled when they are first used. A command uses few of the
// program's, and compiling all of them takes longer than much of what commands do.
package pattern

import (
	"regexp"
	"sync"
)

// New gives the regular expression when it is asked for, always the same. It panics then if there is a mistake in it.
func New(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
