package sources

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/envpack/envpack/internal/diag"
)

// uvConfig is what uv's files say of sources: the default index, and what they add.
type uvConfig struct {
	index     setting
	named     map[string]setting // further indexes by name
	extra     []setting
	findLinks []setting
	choices   []choice // in the order of the files
}

// uvFile is uv.toml (uv's documentation, Settings), as far as it is about sources.
type uvFile struct {
	uvSources
	ExcludeNewer any      `toml:"exclude-newer"`
	Prerelease   string   `toml:"prerelease"`
	Constraints  []string `toml:"constraint-dependencies"`
	Overrides    []string `toml:"override-dependencies"`

	Pip   uvSources `toml:"pip"`
	Index []struct {
		Name     string `toml:"name"`
		URL      string `toml:"url"`
		Default  bool   `toml:"default"`
		Explicit bool   `toml:"explicit"`
	} `toml:"index"`
}

type uvSources struct {
	IndexURL      string   `toml:"index-url"`
	ExtraIndexURL []string `toml:"extra-index-url"`
	FindLinks     []string `toml:"find-links"`
}

// readUV reads the user's uv.toml, then the machine's; each setting counts where it stands first,
// and lists are joined.
func readUV(h Host) (uvConfig, error) {
	out := uvConfig{named: map[string]setting{}}
	for _, file := range uvFiles(h) {
		text, ok, err := read(file)
		if err != nil {
			return out, err
		}
		if !ok {
			continue
		}
		var parsed uvFile
		if err := decode(file, text, &parsed); err != nil {
			return out, err
		}
		out.add(file, text, parsed)
	}
	return out, nil
}

func (c *uvConfig) add(file, text string, parsed uvFile) {
	def := setting{}
	for _, i := range parsed.Index {
		s := locate(file, text, i.URL)
		switch {
		case i.Default && def.value == "":
			def = s
		case i.Name != "":
			if _, there := c.named[i.Name]; !there {
				c.named[i.Name] = s
			}
		default:
			c.extra = append(c.extra, s)
		}
	}
	for _, part := range []uvSources{parsed.Pip, parsed.uvSources} {
		if def.value == "" && part.IndexURL != "" {
			def = locate(file, text, part.IndexURL)
		}
		for _, u := range part.ExtraIndexURL {
			c.extra = append(c.extra, locate(file, text, u))
		}
		for _, u := range part.FindLinks {
			c.findLinks = append(c.findLinks, locate(file, text, u))
		}
	}
	if c.index.value == "" {
		c.index = def
	}
	c.choices = append(c.choices, choicesOf(file, text, parsed)...)
}

func uvFiles(h Host) []string {
	if chosen := h.Env("UV_CONFIG_FILE"); chosen != "" {
		return []string{chosen}
	}
	if v := strings.ToLower(h.Env("UV_NO_CONFIG")); v != "" && v != "0" && v != "false" {
		return nil
	}
	files := []string{h.userConfig("uv", "uv.toml")}
	if h.GOOS == "windows" {
		return append(files, h.variable("PROGRAMDATA", "uv", "uv.toml"))
	}
	files = append(files, h.systemConfigs("uv", "uv.toml")...)
	return append(files, h.system("etc", "uv", "uv.toml"))
}

// decode reads TOML; errors tell file, line and column.
func decode(file, text string, into any) error {
	_, err := toml.Decode(text, into)
	if err == nil {
		return nil
	}
	var p toml.ParseError
	if !errors.As(err, &p) {
		return diag.Wrap(err, diag.Failure, "").At(diag.Position{File: file})
	}
	// The decoder's line and column are wrong at times; its offset is right.
	before := text[:min(max(p.Position.Start, 0), len(text))]
	line := strings.Count(before, "\n")
	col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	pos := place(file, line+1, col, strings.TrimSuffix(strings.Split(text, "\n")[line], "\r"))
	return diag.New(diag.Failure, "not TOML: %s", strings.TrimSuffix(p.Message, ".")).At(pos)
}

// locate gives a value of a TOML file its line: the first that has it in quotes.
func locate(file, text, value string) setting {
	s := setting{value, file, diag.Position{File: file}}
	for i, line := range strings.Split(text, "\n") {
		if strings.Contains(line, `"`+value+`"`) || strings.Contains(line, `'`+value+`'`) {
			s.pos.Line = i + 1
			s.origin = s.pos.String()
			return s
		}
	}
	return s
}
