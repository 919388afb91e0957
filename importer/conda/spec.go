package conda

import (
	"errors"
	"fmt"
	"strings"
)

// Spec is what conda calls a match specification, taken apart as conda's own MatchSpec does.
type Spec struct {
	Channel string // conda-forge, conda-forge/linux-64, an address; "" if none is named
	Name    string // in lower case
	Version string // in conda's language of versions, with =1.2 already made 1.2*; "" is any
	Build   string // "" is any
	// Extras are names in brackets, "[notebook,test]", which conda passes over and pip would take for extras.
	Extras string
}

// ParseSpec reads a match specification: "numpy", "numpy=1.2", "numpy 1.2.*", "numpy>=1,<2", "numpy=1.2=py38_0",
// "conda-forge::numpy[version='>=1', build=py38*]", or the address of a package file. A comment behind # is no part of it.
func ParseSpec(text string) (Spec, error) {
	if i := strings.IndexByte(text, '#'); i >= 0 && !isPackageFile(text[:i]) {
		text = text[:i]
	}
	text, _, _ = strings.Cut(text, " if ")
	text = strings.TrimSpace(text)
	if text == "" {
		return Spec{}, errors.New("a package is expected")
	}
	if isPackageFile(text) {
		return specOfFile(text)
	}
	rest, brackets, err := cutBrackets(text)
	if err != nil {
		return Spec{}, err
	}
	s := Spec{Extras: brackets[""]}
	s.Channel, rest = cutChannel(rest)
	end := strings.IndexAny(rest, " \t=<>!~")
	if end < 0 {
		end = len(rest)
	}
	s.Name = strings.ToLower(rest[:end])
	if s.Name == "" {
		s.Name = strings.ToLower(brackets["name"])
	}
	if !isName(s.Name) {
		return Spec{}, fmt.Errorf("%q is no name of a package", rest[:end])
	}
	if err := s.versionAndBuild(strings.TrimSpace(rest[end:])); err != nil {
		return Spec{}, err
	}
	if c := brackets["channel"]; c != "" {
		s.Channel = c
	}
	if v := brackets["version"]; v != "" {
		s.Version = strings.ReplaceAll(v, " ", "")
	}
	if b := brackets["build"]; b != "" {
		s.Build = b
	}
	return s, nil
}

// versionAndBuild reads what stands behind the name.
func (s *Spec) versionAndBuild(text string) error {
	if text == "" || text == "=" {
		return nil
	}
	version, build := splitBuild(text)
	version = strings.ReplaceAll(version, " ", "")
	if strings.Trim(version, "=<>!~") == "" {
		return fmt.Errorf("%q lacks a version", text)
	}
	switch {
	case strings.HasPrefix(version, "==") && build == "":
		version = version[2:]
	case version[0] == '=' && !strings.ContainsAny(version[1:], "=,|"):
		version = version[1:]
		if build == "" && !strings.HasSuffix(version, "*") {
			version += "*"
		}
	}
	s.Version, s.Build = version, build
	return nil
}

// splitBuild finds where the version ends and the build begins: at the first space or = that no operator stands before, if
// nothing behind it belongs to a version.
func splitBuild(text string) (version, build string) {
	for i := 1; i < len(text); i++ {
		if text[i] != ' ' && text[i] != '=' || strings.IndexByte("=!|,<>~", text[i-1]) >= 0 {
			continue
		}
		rest := text[i+1:]
		if strings.TrimSpace(rest) != "" && !strings.ContainsAny(rest, "-=,|<>~") {
			return text[:i], strings.TrimSpace(rest)
		}
	}
	return text, ""
}

// cutBrackets takes [key=value, key='value'] off. Names without values are kept below "".
func cutBrackets(text string) (rest string, pairs map[string]string, err error) {
	last := strings.LastIndexByte(text, ']')
	if last < 0 {
		if strings.Contains(text, "[") {
			return "", nil, errors.New("the bracket [ is not closed")
		}
		return text, nil, nil
	}
	first := strings.IndexByte(text[:last], '[')
	if first < 0 {
		return "", nil, errors.New("the bracket ] was not opened")
	}
	pairs = map[string]string{}
	for s := text[first+1 : last]; ; {
		if s = strings.TrimLeft(s, " ,"); s == "" {
			return text[:first] + text[last+1:], pairs, nil
		}
		if name := s[:len(s)-len(strings.TrimLeft(s, nameChars))]; name != "" && isName(strings.ToLower(name)) {
			if rest := strings.TrimLeft(s[len(name):], " "); rest == "" || rest[0] == ',' {
				pairs[""] = strings.TrimPrefix(pairs[""]+","+name, ",")
				s = rest
				continue
			}
		}
		key, value, ok := strings.Cut(s, "=")
		key = strings.TrimSpace(key)
		if !ok || !isName(strings.ToLower(key)) {
			return "", nil, fmt.Errorf("key=value is expected in the brackets, not %q", s)
		}
		value = strings.TrimLeft(value, " ")
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			end := strings.IndexByte(value[1:], value[0])
			if end < 0 {
				return "", nil, fmt.Errorf("the quote of %s is not closed", key)
			}
			pairs[key], s = value[1:end+1], value[end+2:]
			continue
		}
		end := strings.IndexAny(value, ", ")
		if end < 0 {
			end = len(value)
		}
		pairs[key], s = value[:end], value[end:]
	}
}

// cutChannel takes channel:: and channel:namespace: off. A colon elsewhere, as in an address, stays with the channel.
func cutChannel(text string) (channel, rest string) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return "", text
	}
	rest = strings.TrimSpace(text[i+1:])
	channel = text[:i]
	if j := strings.LastIndexByte(channel, ':'); j >= 0 {
		return strings.TrimSpace(channel[:j]), rest
	}
	return "", rest // a namespace alone, which means nothing
}

// isName tells whether a package can have the name.
func isName(name string) bool {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.+", r)) {
			return false
		}
	}
	return name != "" && !strings.ContainsRune("-.+", rune(name[0]))
}

func isPackageFile(text string) bool {
	text, _, _ = strings.Cut(text, "#")
	text = strings.TrimSpace(text)
	return strings.HasSuffix(text, ".tar.bz2") || strings.HasSuffix(text, ".conda")
}

// specOfFile reads the address or path of a package file, NAME-VERSION-BUILD.tar.bz2 or .conda, with #HASH behind it.
func specOfFile(address string) (Spec, error) {
	address, _, _ = strings.Cut(address, "#")
	address = strings.TrimSpace(address)
	folder, file := "", address
	if i := strings.LastIndexByte(address, '/'); i >= 0 {
		folder, file = address[:i], address[i+1:]
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(file, ".tar.bz2"), ".conda")
	build := strings.LastIndexByte(stem, '-')
	if build < 0 {
		return Spec{}, fmt.Errorf("%q is not NAME-VERSION-BUILD", stem)
	}
	version := strings.LastIndexByte(stem[:build], '-')
	if version < 0 || !isName(strings.ToLower(stem[:version])) {
		return Spec{}, fmt.Errorf("%q is not NAME-VERSION-BUILD", stem)
	}
	return Spec{
		Channel: folder,
		Name:    strings.ToLower(stem[:version]),
		Version: stem[version+1 : build],
		Build:   stem[build+1:],
	}, nil
}

const nameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
