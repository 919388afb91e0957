package wheelfile

import (
	"fmt"
	"strconv"
	"strings"
)

// WheelInfo is a WHEEL file (PyPA's binary distribution format, The .dist-info directory).
type WheelInfo struct {
	Major, Minor int // Wheel-Version
	Generator    string
	Purelib      bool // Root-Is-Purelib
	Tags         []string
	Build        string
}

// knownMajor is the version of the format that this package reads, 1.0.
const knownMajor = 1

// Newer tells whether the wheel is of a later minor version, of which the specification asks to warn.
func (w *WheelInfo) Newer() bool { return w.Major == knownMajor && w.Minor > 0 }

// ParseWheelInfo reads a WHEEL file.
//
// Errors: a Wheel-Version that is missing or no version, or of a greater major version, which the
// specification says to abort on.
func ParseWheelInfo(raw []byte) (*WheelInfo, error) {
	var w WheelInfo
	var version string
	headers(raw, func(key, value string) {
		switch key {
		case "wheel-version":
			once(&version, value)
		case "generator":
			once(&w.Generator, value)
		case "root-is-purelib":
			w.Purelib = w.Purelib || strings.EqualFold(value, "true")
		case "tag":
			w.Tags = add(w.Tags, value)
		case "build":
			once(&w.Build, value)
		}
	})
	major, minor, _ := strings.Cut(version, ".")
	minor, _, _ = strings.Cut(minor, ".")
	var err error
	if w.Major, err = number(major); err != nil {
		return nil, fmt.Errorf("has Wheel-Version %q", version)
	}
	if minor != "" {
		if w.Minor, err = number(minor); err != nil {
			return nil, fmt.Errorf("has Wheel-Version %q", version)
		}
	}
	if w.Major > knownMajor {
		return nil, unsupported("has Wheel-Version %s, which is newer than the known 1.0", version)
	}
	return &w, nil
}

func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err
}
