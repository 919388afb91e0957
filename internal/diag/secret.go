package diag

import (
	"net/url"
	"slices"
	"strings"

	"github.com/envpack/envpack/internal/pattern"
)

var (
	// authority is what stands before a host: a user, or a user and a password.
	authority = pattern.New(`([A-Za-z][A-Za-z0-9+.-]*)://([^\s/"<>]*)@`)
	// unescaped is one with a password that has a slash, which should be %2F there; or a host, a port and a path with an at sign.
	unescaped = pattern.New(`([A-Za-z][A-Za-z0-9+.-]*)://[^\s/"<>@:\[]*:([^\s"<>]*)@`)
	port      = pattern.New(`^[0-9]*/`)
	// parameter is one of an address's query.
	parameter = pattern.New(`([?&;])([^\s?&;=#"'<>/]+)=([^\s&;#"'<>]*)`)
)

// Redact takes out of a text what is secret in the addresses in it: users and passwords before hosts, and the values of
// query parameters that are called as tokens, passwords and signatures are. A user alone stays where it is a part of the
// protocol, as in ssh://git@host. What is secret in another place, as in a path, nobody can tell.
func Redact(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	text = authority().ReplaceAllStringFunc(text, func(s string) string {
		parts := authority().FindStringSubmatch(s)
		if strings.HasSuffix(strings.ToLower(parts[1]), "ssh") && !strings.Contains(parts[2], ":") {
			return s
		}
		return parts[1] + "://"
	})
	text = unescaped().ReplaceAllStringFunc(text, func(s string) string {
		if parts := unescaped().FindStringSubmatch(s); !port().MatchString(parts[2]) {
			return parts[1] + "://"
		}
		return s
	})
	return parameter().ReplaceAllStringFunc(text, func(s string) string {
		if parts := parameter().FindStringSubmatch(s); parts[3] != "" && secretName(parts[2]) {
			return parts[1] + parts[2] + "=..."
		}
		return s
	})
}

// SecretParameter is the name of a parameter in the query of an address whose value is secret, "" if there is none.
func SecretParameter(query string) string {
	for _, p := range parameter().FindAllStringSubmatch("?"+query, -1) {
		if p[3] != "" && secretName(p[2]) {
			return p[2]
		}
	}
	return ""
}

// secretWord is one in the name of an environment variable whose value nobody else may know.
var secretWord = pattern.New(`(?i)(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|KEY|APIKEY)(_|$)`)

// SecretVariable tells whether the value of an environment variable is secret, by its name: API_TOKEN is, and TOKENIZERS_PARALLELISM
// is not.
func SecretVariable(name string) bool { return secretWord().MatchString(name) }

// Strip is an address without user and password, and without the parameters of its query whose values are secret: one that may
// be handed on. What is no address comes back as [Redact] has it.
func Strip(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return Redact(address)
	}
	u.User = nil
	if SecretParameter(u.RawQuery) != "" {
		kept := slices.DeleteFunc(strings.Split(u.RawQuery, "&"), func(p string) bool { return SecretParameter(p) != "" })
		u.RawQuery = strings.Join(kept, "&")
	}
	return u.String()
}

// secretParts are in the names of parameters that only those may know who may read what is there: of object stores'
// signed addresses (X-Amz-Signature, X-Goog-Signature, Key-Pair-Id), and of the tokens of indexes and forges.
var secretParts = []string{"token", "secret", "password", "passwd", "signature", "credential", "apikey", "accesskey", "authorization", "bearer", "keypairid"}

// secretWhole are names that are too short to be looked for in others.
var secretWhole = []string{"sig", "auth", "key", "pwd", "pass", "jwt", "hmac", "sas"}

func secretName(name string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, name)
	return slices.Contains(secretWhole, plain) || slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(plain, part) })
}
