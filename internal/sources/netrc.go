package sources

import (
	"path/filepath"
	"strings"
)

// readNetrc adds the credentials of the user's netrc for hosts that have none in their address.
func (s *Sources) readNetrc(h Host) error {
	files := []string{}
	if own := h.Env("NETRC"); own != "" {
		files = append(files, own)
	} else if h.Home != "" {
		files = append(files, filepath.Join(h.Home, ".netrc"), filepath.Join(h.Home, "_netrc"))
	}
	for _, file := range files {
		text, ok, err := readable(file)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for host, c := range parseNetrc(text) {
			if _, there := s.credentials[host]; !there {
				s.credentials[host] = c
			}
		}
		return nil
	}
	return nil
}

// parseNetrc reads machines with login and password; `default` is not used, since it would give
// a password to any host. Macros end at an empty line.
func parseNetrc(text string) map[string]credential {
	found := map[string]credential{}
	var words []string
	inMacro := false
	for _, line := range strings.Split(text, "\n") {
		if inMacro {
			inMacro = strings.TrimSpace(line) != ""
			continue
		}
		fields := strings.Fields(line)
		for i, w := range fields {
			if strings.HasPrefix(w, "#") && (i == 0 || fields[i-1] != "password") {
				fields = fields[:i]
				break
			}
			if w == "macdef" {
				inMacro = true
				fields = fields[:i]
				break
			}
		}
		words = append(words, fields...)
	}
	host := ""
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "default":
			host = ""
		case "machine", "login", "account", "password":
			if i+1 >= len(words) {
				return found
			}
			i++
			c := found[host]
			switch words[i-1] {
			case "machine":
				host = words[i]
				continue
			case "login":
				c.user = words[i]
			case "password":
				c.password = words[i]
			}
			if host != "" {
				found[host] = c
			}
		}
	}
	return found
}
