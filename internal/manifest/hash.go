package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strings"
)

// Hash is the SHA-256, in hexadecimal, of what the manifest means: of its values, not of its text.
// Comments, the order of independent keys, and the image's name and cache do not count; the content of requirements
// files does, their names do not. What is hashed is one JSON object without white space, its keys in
// the order below, absent lists and tables null; docs/format.md has it in full. A lock made by an
// earlier release would be stale if it changed.
func (m *Manifest) Hash() string {
	type index struct {
		Name     string   `json:"name"`
		URL      string   `json:"url"`
		Default  bool     `json:"default"`
		Packages []string `json:"packages"`
		// What came later is left out where it is not used, so that older hashes stay.
		Path    string  `json:"path,omitempty"`
		Flat    bool    `json:"flat,omitempty"`
		Undated Undated `json:"undated,omitempty"`
		Variant string  `json:"variant,omitempty"`
	}
	meaning := struct {
		Name         string            `json:"name"`
		Python       string            `json:"python"`
		Requirements []string          `json:"requirements"`
		Constraints  []string          `json:"constraints"`
		Platforms    []string          `json:"platforms"`
		AsOf         string            `json:"as_of"`
		Prereleases  Prereleases       `json:"prereleases"`
		Distro       string            `json:"distro"`
		Pockets      []string          `json:"pockets"`
		Indexes      []index           `json:"indexes"`
		Command      []string          `json:"command"`
		Include      []string          `json:"include"`
		Env          map[string]string `json:"env"`
		Ports        []string          `json:"ports"`
		Volumes      []string          `json:"volumes"`
		User         string            `json:"user"`
		Workdir      string            `json:"workdir"`
		Labels       map[string]string `json:"labels"`
		// What came later is left out where it is not used, so that older hashes stay.
		BaseImage  string   `json:"system_image,omitempty"`
		NoAuto     bool     `json:"no_auto,omitempty"`
		Expired    bool     `json:"accept_expired,omitempty"`
		Packages   []string `json:"system_packages,omitempty"`
		Archives   []string `json:"apt,omitempty"`
		Pythons    []string `json:"python_archives,omitempty"`
		NoBinary   []string `json:"no_binary,omitempty"`
		SystemAsOf string   `json:"system_as_of,omitempty"`
		Overrides  []string `json:"overrides,omitempty"`
		Excluded   []string `json:"excluded,omitempty"`
		Policies   []string `json:"package_policies,omitempty"`
		Metadata   []string `json:"metadata,omitempty"`
		Threaded   bool     `json:"free_threaded,omitempty"`
		Libc       string   `json:"libc,omitempty"`
		Ownership  []string `json:"ownership,omitempty"`
		Data       []string `json:"files,omitempty"`
		GPU        []string `json:"gpu,omitempty"`
		Builds     []string `json:"builds,omitempty"`
	}{
		Name: m.Name, Python: m.Python.Specifiers.String(), Requirements: meanings(m.Requirements), Constraints: meanings(m.Constraints),
		Platforms: m.Platforms, AsOf: m.AsOf.String(), Prereleases: m.Prereleases, Distro: m.Distro, Pockets: m.Pockets,
		Command: m.Image.Command, Include: m.Image.Include, Env: m.Image.Env, Ports: m.Image.Ports, Volumes: m.Image.Volumes,
		User: m.Image.User, Workdir: m.Image.Workdir, Labels: m.Image.Labels,
	}
	meaning.BaseImage, meaning.NoAuto, meaning.Expired = m.System.Image, !m.System.Auto, m.System.AcceptExpired
	meaning.Packages, meaning.Archives, meaning.Pythons = m.System.meaning()
	meaning.NoBinary = m.NoBinary
	meaning.SystemAsOf = m.System.AsOf.String()
	meaning.Overrides, meaning.Excluded = meanings(m.Overrides), m.excludedNames()
	meaning.Policies, meaning.Metadata = m.Policies.meaning()
	meaning.Threaded, meaning.Libc = m.Python.FreeThreaded, m.System.Libc.Text()
	for _, f := range m.Data {
		meaning.Data = append(meaning.Data, f.meaning(m.Platforms))
	}
	meaning.Data, meaning.GPU = unique(meaning.Data), m.GPU.meaning()
	for i := range m.Builds {
		meaning.Builds = append(meaning.Builds, m.Builds[i].meaning())
	}
	for _, o := range m.Ownership {
		meaning.Ownership = append(meaning.Ownership, o.Path+" "+o.Package)
	}
	for _, i := range m.Indexes {
		meaning.Indexes = append(meaning.Indexes, index{i.Name, strings.TrimRight(i.URL, "/"), i.Default, unique(i.Packages), i.Path, i.Flat, i.Undated.meaning(), i.Variant})
	}
	if u := m.Undated.meaning(); u != "" {
		meaning.Indexes = append(meaning.Indexes, index{Default: true, Undated: u})
	}
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false) // so that other implementations need not know of it
	if err := encoder.Encode(meaning); err != nil {
		panic(err) // strings, booleans, and lists and maps of them
	}
	return sumOf(bytes.TrimRight(data.Bytes(), "\n"))
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// meanings gives the canonical texts of requirements, sorted, each once.
func meanings(list []Requirement) []string {
	var out []string
	for _, r := range list {
		text := r.String()
		hashes := append([]string(nil), r.Hashes...)
		sort.Strings(hashes)
		for _, h := range hashes {
			text += " --hash=" + h
		}
		out = append(out, text)
	}
	return unique(out)
}

// meaning is "" for the default.
func (u Undated) meaning() Undated {
	if u == UndatedError {
		return ""
	}
	return u
}
