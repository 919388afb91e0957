package apt

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/envpack/envpack/internal/diag"
)

//go:embed keys/*.asc
var keyFiles embed.FS

// embeddedKeys are those whose file names begin with prefix: a distribution's keys vouch for no other's archives.
func embeddedKeys(prefix string) (openpgp.EntityList, error) {
	names, err := fs.Glob(keyFiles, "keys/"+prefix+"*.asc")
	if err != nil {
		return nil, fmt.Errorf("reading the embedded keys: %w", err)
	}
	var all openpgp.EntityList
	for _, name := range names {
		data, err := keyFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the embedded keys: %w", err)
		}
		keys, err := readKeys(data)
		if err != nil {
			return nil, fmt.Errorf("reading the embedded key %s: %w", name, err)
		}
		all = append(all, keys...)
	}
	return all, nil
}

// trustedKeys are the keys that may sign the pocket.
func (p pocket) trustedKeys(more [][]byte) (openpgp.EntityList, error) {
	if p.extra != nil {
		return p.extra.trustedKeys()
	}
	all, err := embeddedKeys(p.keys)
	if err != nil {
		return nil, err
	}
	for i, data := range more {
		keys, err := readKeys(data)
		if err != nil {
			return nil, diag.Wrap(err, diag.Manifest, "reading additional archive key %d", i+1).
				Hint("a key must be an OpenPGP public key: gpg --armor --export KEYID")
		}
		all = append(all, keys...)
	}
	return all, nil
}

// trustedKeys are the archive's keys, of those with pinned fingerprints only the pinned.
func (a *Archive) trustedKeys() (openpgp.EntityList, error) {
	if len(a.Keys) == 0 {
		return nil, diag.New(diag.Manifest, "archive %s has no key", a.Name).
			Hint("name a file with the public key that signs it; a fingerprint alone cannot check a signature")
	}
	pinned := map[string]bool{}
	for _, f := range a.Fingerprints {
		pinned[strings.ToUpper(strings.ReplaceAll(f, " ", ""))] = false
	}
	var all openpgp.EntityList
	var have []string
	for i, data := range a.Keys {
		keys, err := readKeys(data)
		if err != nil {
			return nil, diag.Wrap(err, diag.Manifest, "reading key %d of archive %s", i+1, a.Name).
				Hint("a key must be an OpenPGP public key, armored or binary: gpg --armor --export KEYID")
		}
		for _, k := range keys {
			f := fingerprint(k)
			have = append(have, f)
			if _, ok := pinned[f]; ok {
				pinned[f] = true
			} else if len(pinned) > 0 {
				continue
			}
			all = append(all, k)
		}
	}
	slices.Sort(have)
	for f, found := range pinned {
		if !found {
			return nil, diag.New(diag.Mismatch, "no key of archive %s has the fingerprint %s: there is %s", a.Name, f, strings.Join(have, ", ")).
				Hint("the key was replaced, or the fingerprint is another key's: compare both with what the archive's owner publishes")
		}
	}
	return all, nil
}

// readKeys reads armored or binary public keys.
func readKeys(data []byte) (openpgp.EntityList, error) {
	if bytes.Contains(data, []byte("-----BEGIN PGP")) {
		return openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
	}
	return openpgp.ReadKeyRing(bytes.NewReader(data))
}

func fingerprint(e *openpgp.Entity) string {
	return strings.ToUpper(fmt.Sprintf("%x", e.PrimaryKey.Fingerprint))
}
