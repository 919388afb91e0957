package apt

import (
	"fmt"
	"strings"
)

// parseInstalled reads dpkg's status file: what is installed, or unpacked so that it could be.
func parseInstalled(status []byte) ([]candidate, error) {
	all, err := parseControl(string(status))
	if err != nil {
		return nil, err
	}
	var installed []candidate
	for _, p := range all {
		// The third word is the state (dpkg(1)): what is not installed or has only its configuration is no help.
		words := strings.Fields(p["status"])
		if len(words) != 3 || words[2] == "not-installed" || words[2] == "config-files" {
			continue
		}
		c := candidate{
			name: p["package"], version: p["version"], architecture: p["architecture"],
			preDepends: p["pre-depends"], depends: p["depends"], provides: p["provides"],
			conflicts: p["conflicts"], breaks: p["breaks"], priority: p["priority"],
			installed: true,
		}
		if !isName(c.name) || c.version == "" {
			return nil, fmt.Errorf("package %q has version %q", c.name, c.version)
		}
		installed = append(installed, c)
	}
	return installed, nil
}
