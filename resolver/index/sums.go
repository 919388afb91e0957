package index

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/fetch"
)

type algorithm struct {
	name   string
	strong bool
	make   func() hash.Hash
}

// algorithms are the hashes besides SHA-256 that indexes give and that are compared, the best first. Those of
// which nobody can make another file come first; pip counts SHA-224 as none of these.
var algorithms = []algorithm{
	{"sha512", true, sha512.New}, {"sha384", true, sha512.New384}, {"sha224", false, sha256.New224}, {"sha1", false, sha1.New}, {"md5", false, md5.New},
}

// rank is the place of an algorithm among those that are known, their number if it is none of them.
func rank(name string) int {
	for i, a := range algorithms {
		if a.name == name {
			return i
		}
	}
	return len(algorithms)
}

// fragmentHashes are those of an address: "sha256=…", beside others with "&" between them, as pip reads it.
func fragmentHashes(fragment string) (digest, sum string) {
	best := len(algorithms)
	for part := range strings.SplitSeq(fragment, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == "sha256" && digest == "" {
			digest = value
		} else if i := rank(name); i < best && value != "" {
			best, sum = i, name+"="+strings.ToLower(value)
		}
	}
	return digest, sum
}

// Vouched tells whether the index gives a hash by which a file is held to what the index means: then the SHA-256,
// if it is not given, is learnt without trust in more than the index.
func (f File) Vouched() bool {
	name, _, _ := strings.Cut(f.Sum, "=")
	return f.SHA256 != "" || slices.ContainsFunc(algorithms, func(a algorithm) bool { return a.strong && a.name == name })
}

// sumCheck compares a file with a File.Sum while it is read. It is a fetch.Check.
type sumCheck struct {
	hash.Hash
	name, want string
}

// newSumCheck is nil where there is nothing to compare.
func newSumCheck(sum string) fetch.Check {
	name, want, _ := strings.Cut(sum, "=")
	if i := rank(name); i < len(algorithms) {
		return sumCheck{algorithms[i].make(), name, want}
	}
	return nil
}

// Verify implements fetch.Check.
func (s sumCheck) Verify() error {
	if got := hex.EncodeToString(s.Sum(nil)); got != s.want {
		return fmt.Errorf("expected %s %.128q, got %s %s", s.name, s.want, s.name, got)
	}
	return nil
}
