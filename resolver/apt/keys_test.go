package apt

import "testing"

// TestKeysOfDistributions checks that no distribution's keys vouch for another's archives.
func TestKeysOfDistributions(t *testing.T) {
	owner := map[string]string{}
	for _, prefix := range []string{"debian-", "ubuntu-"} {
		keys, err := embeddedKeys(prefix)
		if err != nil || len(keys) == 0 {
			t.Fatalf("%s: %d keys, %v", prefix, len(keys), err)
		}
		for _, k := range keys {
			if other := owner[fingerprint(k)]; other != "" {
				t.Errorf("%s is of %s and of %s", fingerprint(k), other, prefix)
			}
			owner[fingerprint(k)] = prefix
		}
	}
	for _, d := range distributions {
		for _, p := range d.pockets {
			if p.keys != d.name[:len("debian")]+"-" {
				t.Errorf("%s, pocket %s: keys %q", d.name, p.name, p.keys)
			}
		}
	}
}
