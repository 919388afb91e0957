package sources

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
)

// config is envpack's own configuration of the host, config.toml.
type config struct {
	Index struct {
		URL string `toml:"url"`
	} `toml:"index"`
	Apt struct {
		Debian   string   `toml:"debian"`
		Security string   `toml:"debian-security"`
		Keyrings []string `toml:"keyrings"`
	} `toml:"apt"`

	from string
}

// configDir is where users keep configuration: XDG's folder, or the system's own.
func (h Host) configDir() string {
	if xdg := h.Env("XDG_CONFIG_HOME"); xdg != "" {
		return xdg
	}
	switch {
	case h.GOOS == "windows" && h.Env("APPDATA") != "":
		return h.Env("APPDATA")
	case h.Home == "":
		return ""
	}
	return filepath.Join(h.Home, ".config")
}

func (h Host) ownConfig() (config, error) {
	var c config
	dir := h.configDir()
	if dir == "" {
		return c, nil
	}
	file := filepath.Join(dir, "envpack", "config.toml")
	text, ok, err := readable(file)
	if err != nil || !ok {
		return c, err
	}
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return c, configError(file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, diag.New(diag.Failure, "%s: unknown key %s", file, unknown[0]).
			Hint("there is index.url, apt.debian, apt.debian-security and apt.keyrings")
	}
	c.from = file
	return c, nil
}

func configError(file string, err error) error {
	pos := diag.Position{File: file}
	var p toml.ParseError
	if errors.As(err, &p) {
		pos.Line, pos.Col = p.Position.Line, p.Position.Col
		return diag.New(diag.Failure, "%s", p.Message).At(pos)
	}
	return diag.Wrap(err, diag.Failure, "").At(pos)
}

// uvSettings are what uv's own files say about indexes; a project's pyproject.toml is not the
// host's configuration and not read.
type uvSettings struct {
	index setting
	extra []setting
}

type uvIndex struct {
	URL     string `toml:"url"`
	Default bool   `toml:"default"`
}

func (h Host) uvSettings() (uvSettings, error) {
	var s uvSettings
	files := []string{h.system("etc/uv/uv.toml")}
	if dir := h.configDir(); dir != "" {
		files = append(files, filepath.Join(dir, "uv", "uv.toml"))
	}
	if own := h.Env("UV_CONFIG_FILE"); own != "" {
		files = []string{own}
	}
	for _, file := range files {
		text, ok, err := readable(file)
		if err != nil {
			return s, err
		}
		if !ok {
			continue
		}
		var c struct {
			IndexURL string    `toml:"index-url"`
			Extra    []string  `toml:"extra-index-url"`
			Index    []uvIndex `toml:"index"`
			Pip      struct {
				IndexURL string   `toml:"index-url"`
				Extra    []string `toml:"extra-index-url"`
			} `toml:"pip"`
		}
		if _, err := toml.Decode(text, &c); err != nil {
			return s, configError(file, err)
		}
		for _, address := range []string{c.Pip.IndexURL, c.IndexURL} {
			if address != "" {
				s.index = setting{address, file}
			}
		}
		for _, address := range append(c.Extra, c.Pip.Extra...) {
			s.extra = append(s.extra, setting{address, file})
		}
		for i, index := range c.Index {
			from := fmt.Sprintf("%s, index %d", file, i+1)
			if index.Default {
				s.index = setting{index.URL, from}
			} else {
				s.extra = append(s.extra, setting{index.URL, from})
			}
		}
	}
	return s, nil
}
