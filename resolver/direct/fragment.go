package direct

import (
	"iter"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

// hashDigits are how many hexadecimal digits the hashes have that an address can promise (PyPA, Direct URL; those that
// pip takes of an address).
var hashDigits = map[string]int{"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}

var hexadecimal = pattern.New(`^[0-9a-fA-F]+$`)

// fragment reads what stands behind #: sha256=… or other hashes, subdirectory=… and egg=…, joined by & (pip's
// documentation, VCS support; PyPA, Direct URL).
func (r *Reference) fragment(text string) error {
	bad := func(hint, format string, args ...any) error {
		_, err := fail(hint, format, args...)
		return err
	}
	for _, part := range strings.Split(text, "&") {
		key, value, _ := strings.Cut(part, "=")
		if unescaped, err := url.PathUnescape(value); err == nil {
			value = unescaped
		}
		switch key {
		case "":
		case "md5", "sha1", "sha224", "sha256", "sha384", "sha512":
			if len(value) != hashDigits[key] || !hexadecimal().MatchString(value) {
				return bad("", "#%s= wants %d hexadecimal digits", key, hashDigits[key])
			}
			if r.Git != "" || !isArchive(r.Filename()) {
				return bad("", "#%s= is for files", key)
			}
			if !r.promise(key, strings.ToLower(value)) {
				return bad("", "#%s= stands twice, with different hashes", key)
			}
		case "egg":
			r.Egg, _, _ = strings.Cut(value, "[")
		case "subdirectory":
			if value == "" || path.IsAbs(value) || path.Clean(value) != strings.TrimSuffix(value, "/") || strings.HasPrefix(value, "..") || strings.Contains(value, "\\") {
				return bad("", "#subdirectory= wants a folder below the root, not %q", value)
			}
			if r.Subdirectory = path.Clean(value); r.Subdirectory == "." {
				r.Subdirectory = ""
			}
			if r.Kind() == Wheel {
				return bad("", "a wheel has no subdirectory")
			}
		default:
			return bad("", "the fragment %q is not known: there is sha256 and other hashes, subdirectory and egg", part)
		}
	}
	return nil
}

// promise notes a hash; false: there is another one of its kind.
func (r *Reference) promise(algorithm, value string) bool {
	if algorithm == "sha256" {
		ok := r.SHA256 == "" || r.SHA256 == value
		r.SHA256 = value
		return ok
	}
	for name, other := range r.EachSum() {
		if name == algorithm {
			return other == value
		}
	}
	sums := []string{algorithm + "=" + value}
	if r.Sums != "" {
		sums = append(sums, strings.Split(r.Sums, "&")...)
	}
	slices.Sort(sums)
	r.Sums = strings.Join(sums, "&")
	return true
}

// EachSum gives Sums one by one: algorithm and hexadecimal digits.
func (r *Reference) EachSum() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for sum := range strings.SplitSeq(r.Sums, "&") {
			if algorithm, value, ok := strings.Cut(sum, "="); ok && !yield(algorithm, value) {
				return
			}
		}
	}
}

// Vouched tells whether the address promises a hash of which nobody can make another file: SHA-256, SHA-384 or SHA-512.
func (r *Reference) Vouched() bool {
	for algorithm := range r.EachSum() {
		if algorithm == "sha384" || algorithm == "sha512" {
			return true
		}
	}
	return r.SHA256 != ""
}

// Promise adds the hashes that another reference to the same promises.
func (r *Reference) Promise(o *Reference) {
	if r.SHA256 == "" {
		r.SHA256 = o.SHA256
	}
	for algorithm, value := range o.EachSum() {
		r.promise(algorithm, value)
	}
}

func (r *Reference) suffix() string {
	var parts []string
	if r.Sums != "" {
		parts = append(parts, r.Sums)
	}
	if r.SHA256 != "" {
		parts = append(parts, "sha256="+r.SHA256)
	}
	if r.Subdirectory != "" {
		parts = append(parts, "subdirectory="+r.Subdirectory)
	}
	if parts == nil {
		return ""
	}
	return "#" + strings.Join(parts, "&")
}
