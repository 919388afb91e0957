package importer

import (
	"encoding/json"
)

// commandText is a command as the manifest has it: a list of words, or what a shell is given.
func commandText(value string) string {
	var words []string
	if json.Unmarshal([]byte(value), &words) == nil && len(words) > 0 {
		return list(words)
	}
	return list([]string{"sh", "-c", value})
}
