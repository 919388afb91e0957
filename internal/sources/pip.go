package sources

import "strings"

// pipConfig is pip's configuration from files, under the names of its options.
type pipConfig map[string]setting

func (c pipConfig) get(name string) setting { return c[name] }

// readPip reads pip's files, the less important first (pip's documentation, Configuration).
func readPip(h Host) (pipConfig, error) {
	merged := ini{}
	for _, file := range pipFiles(h) {
		text, ok, err := read(file)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		parsed, err := parseINI(file, text)
		if err != nil {
			return nil, err
		}
		for section, settings := range parsed {
			if merged[section] == nil {
				merged[section] = map[string]setting{}
			}
			for key, s := range settings {
				merged[section][pipName(key)] = s
			}
		}
	}
	out := pipConfig{}
	// A command's section wins over the global one, whatever files they stand in.
	for _, section := range []string{"global", "install"} {
		for key, s := range merged[section] {
			if s.value != "" {
				out[key] = s
			}
		}
	}
	return out, nil
}

// pipName is pip's normal form of an option's name.
func pipName(key string) string {
	return strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(key), "_", "-"), "--")
}

// pipFiles are the files that pip would read, the less important first. Of a virtual environment
// only the active one counts.
func pipFiles(h Host) []string {
	chosen := h.Env("PIP_CONFIG_FILE")
	if chosen == "/dev/null" || h.GOOS == "windows" && strings.EqualFold(chosen, "nul") {
		return nil
	}
	var files, user []string
	name := "pip.conf"
	switch h.GOOS {
	case "windows":
		name = "pip.ini"
		files = []string{h.variable("PROGRAMDATA", "pip", name)}
		user = []string{h.home("pip", name), h.variable("APPDATA", "pip", name)}
	case "darwin":
		files = []string{h.system("Library", "Application Support", "pip", name)}
		own := h.home("Library", "Application Support", "pip", name)
		if !isDir(h.home("Library", "Application Support", "pip")) {
			own = h.home(".config", "pip", name)
		}
		user = []string{h.home(".pip", name), own}
	default:
		files = append(h.systemConfigs("pip", name), h.system("etc", name))
		user = []string{h.home(".pip", name), h.userConfig("pip", name)}
	}
	if !isFile(chosen) {
		files = append(files, user...)
	}
	return append(files, h.variable("VIRTUAL_ENV", name), chosen)
}
