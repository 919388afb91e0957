package sources

import (
	"fmt"
	"path/filepath"
	"strings"
)

// pipSettings are what pip's configuration files say about indexes.
type pipSettings struct {
	index        setting
	extra, links []setting
}

// pipFiles are pip's configuration files, least important first (pip's documentation,
// Configuration, Location).
func (h Host) pipFiles() []string {
	var files []string
	home := func(parts ...string) {
		if h.Home != "" {
			files = append(files, filepath.Join(append([]string{h.Home}, parts...)...))
		}
	}
	switch h.GOOS {
	case "windows":
		if data := h.Env("PROGRAMDATA"); data != "" {
			files = append(files, filepath.Join(data, "pip", "pip.ini"))
		}
		home("pip", "pip.ini")
		if data := h.Env("APPDATA"); data != "" {
			files = append(files, filepath.Join(data, "pip", "pip.ini"))
		}
	case "darwin":
		files = append(files, h.system("Library/Application Support/pip/pip.conf"))
		home(".pip", "pip.conf")
		home(".config", "pip", "pip.conf")
		home("Library", "Application Support", "pip", "pip.conf")
	default:
		files = append(files, h.system("etc/xdg/pip/pip.conf"), h.system("etc/pip.conf"))
		home(".pip", "pip.conf")
		if xdg := h.Env("XDG_CONFIG_HOME"); xdg != "" {
			files = append(files, filepath.Join(xdg, "pip", "pip.conf"))
		} else {
			home(".config", "pip", "pip.conf")
		}
	}
	if own := h.Env("PIP_CONFIG_FILE"); own != "" {
		files = append(files, own)
	}
	return files
}

func (h Host) pipSettings() (pipSettings, error) {
	var s pipSettings
	if h.Env("PIP_CONFIG_FILE") == "/dev/null" || strings.EqualFold(h.Env("PIP_CONFIG_FILE"), "nul") {
		return s, nil // pip's own way to say: no files
	}
	for _, file := range h.pipFiles() {
		text, ok, err := readable(file)
		if err != nil {
			return s, err
		}
		if !ok {
			continue
		}
		section, key := "", ""
		for i, line := range strings.Split(text, "\n") {
			from := fmt.Sprintf("%s:%d", file, i+1)
			trimmed := strings.TrimSpace(line)
			if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
				continue
			}
			if strings.HasPrefix(trimmed, "[") && strings.HasSuffix(trimmed, "]") {
				section, key = strings.ToLower(strings.Trim(trimmed, "[]")), ""
				continue
			}
			value := trimmed
			if line[0] != ' ' && line[0] != '\t' { // else it goes on with the key before
				at := strings.IndexAny(trimmed, "=:")
				if at < 0 {
					continue
				}
				key = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(trimmed[:at])), "_", "-")
				value = strings.TrimSpace(trimmed[at+1:])
			}
			if section != "global" && section != "install" && section != "download" || value == "" {
				continue
			}
			switch key {
			case "index-url":
				s.index = setting{value, from}
			case "extra-index-url":
				s.extra = append(s.extra, setting{value, from})
			case "find-links":
				s.links = append(s.links, setting{value, from})
			}
		}
	}
	return s, nil
}
