package apt

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/envpack/envpack/internal/diag"
)

//go:embed keys/*.asc
var keyFiles embed.FS

// trustedKeys are the embedded keys and the caller's armored ones.
func trustedKeys(extra [][]byte) (openpgp.EntityList, error) {
	names, err := fs.Glob(keyFiles, "keys/*.asc")
	if err != nil {
		return nil, fmt.Errorf("reading the embedded keys: %w", err)
	}
	var all openpgp.EntityList
	for _, name := range names {
		data, err := keyFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the embedded keys: %w", err)
		}
		keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("reading the embedded key %s: %w", name, err)
		}
		all = append(all, keys...)
	}
	for i, data := range extra {
		keys, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(data))
		if err != nil {
			return nil, diag.Wrap(err, diag.Manifest, "reading additional archive key %d", i+1).
				Hint("a key must be an armored OpenPGP public key: gpg --armor --export KEYID")
		}
		all = append(all, keys...)
	}
	return all, nil
}

func fingerprint(e *openpgp.Entity) string {
	return strings.ToUpper(fmt.Sprintf("%x", e.PrimaryKey.Fingerprint))
}
