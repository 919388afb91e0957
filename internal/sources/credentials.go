package sources

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strings"
)

type login struct{ user, password string }

// credentials are logins by host, with its port where an address had one.
type credentials map[string]login

func (c credentials) addURL(u *url.URL) {
	if u.User == nil {
		return
	}
	password, _ := u.User.Password()
	c.add(u.Host, login{u.User.Username(), password})
}

// add keeps the first login of a host: it came from the more important place.
func (c credentials) add(host string, l login) {
	host = strings.ToLower(host)
	if _, there := c[host]; !there && host != "" {
		c[host] = l
	}
}

func (c credentials) lookup(host string) (user, password string, ok bool) {
	host = strings.ToLower(host)
	l, ok := c[host]
	if !ok {
		if name, _, err := net.SplitHostPort(host); err == nil {
			l, ok = c["netrc "+name]
		} else {
			l, ok = c["netrc "+host]
		}
	}
	return l.user, l.password, ok
}

// findCredentials adds the logins of the manifest's indexes and of netrc, after those of addresses.
func (f *finder) findCredentials() error {
	for _, i := range f.o.Indexes {
		u, err := url.Parse(cmp.Or(i.URL, f.out.Templates[i.Name].URL))
		if err != nil {
			continue // the manifest's reader has checked it
		}
		name := uvVariable(i.Name)
		user, password := f.host.Env("UV_INDEX_"+name+"_USERNAME"), f.host.Env("UV_INDEX_"+name+"_PASSWORD")
		if user != "" || password != "" {
			f.out.credentials.add(u.Host, login{user, password})
		}
	}
	files := []string{f.host.home(".netrc"), f.host.home("_netrc")}
	if chosen := f.host.Env("NETRC"); chosen != "" {
		files = []string{chosen}
	}
	for _, file := range files {
		text, ok, err := read(file)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for host, l := range parseNetrc(text) {
			f.out.credentials.add("netrc "+host, l)
		}
		return nil // the first file that exists is the one
	}
	return nil
}

// uvVariable is the form in which uv puts an index's name into the names of variables.
func uvVariable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// parseNetrc reads logins by machine (netrc(5)); the first of a machine counts. The default entry is
// not used: it would send a password to every host. Words that are not known are passed over, as
// other readers do.
func parseNetrc(text string) map[string]login {
	out := map[string]login{}
	machine := ""
	var l login
	keep := func() {
		if _, there := out[machine]; !there && machine != "" && (l.user != "" || l.password != "") {
			out[machine] = l
		}
		machine, l = "", login{}
	}
	words := &netrcWords{text: text}
	for {
		word, ok := words.next()
		if !ok {
			keep()
			return out
		}
		switch word {
		case "machine":
			keep()
			name, _ := words.next()
			machine = strings.ToLower(name)
		case "default":
			keep()
		case "login", "user":
			l.user, _ = words.next()
		case "password":
			l.password, _ = words.next()
		case "account":
			_, _ = words.next()
		case "macdef":
			keep()
			words.skipMacro()
		}
	}
}

// netrcWords splits a netrc file. Words may be in double quotes, with backslashes; a word that
// begins with # begins a comment, except as a value, which may begin with it.
type netrcWords struct {
	text  string
	value bool // the next word is a value
}

func (w *netrcWords) next() (string, bool) {
	for {
		w.text = strings.TrimLeft(w.text, " \t\r\n,")
		if w.text == "" {
			return "", false
		}
		if w.text[0] != '#' || w.value {
			break
		}
		_, w.text, _ = strings.Cut(w.text, "\n")
	}
	quoted := w.text[0] == '"'
	var word strings.Builder
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(w.text); i++ {
		c := w.text[i]
		if c == '\\' && i+1 < len(w.text) {
			i++
			word.WriteByte(w.text[i])
			continue
		}
		if quoted && c == '"' || !quoted && strings.IndexByte(" \t\r\n", c) >= 0 {
			break
		}
		word.WriteByte(c)
	}
	w.text = w.text[min(i+1, len(w.text)):]
	got := word.String()
	w.value = !w.value && slices.Contains([]string{"machine", "login", "user", "password", "account", "macdef"}, got)
	return got, true
}

// skipMacro passes over a macro's text, which ends at an empty line.
func (w *netrcWords) skipMacro() {
	_, _ = w.next()
	_, w.text, _ = strings.Cut(strings.ReplaceAll(w.text, "\r\n", "\n"), "\n\n")
}
