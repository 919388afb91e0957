package apt

import (
	"strings"

	"github.com/envpack/envpack/internal/debversion"
)

// CompareVersions orders two Debian versions: -1, 0 or 1. See [debversion.Compare].
func CompareVersions(a, b string) int { return debversion.Compare(a, b) }

// upstreamRelease is the upstream version up to what distributions append: "3.11.2" of
// "1:3.11.2+dfsg~rc1-6", for telling programs which version of theirs it is.
func upstreamRelease(v string) string {
	_, upstream, _ := debversion.Split(v)
	if i := strings.IndexAny(upstream, "-+~"); i >= 0 {
		return upstream[:i]
	}
	return upstream
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
