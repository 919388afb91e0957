package apt

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/envpack/envpack/internal/diag"
)

// release is a verified InRelease file.
type release struct {
	codename, suite  string
	date, validUntil time.Time // validUntil is zero where the archive sets none
	byHash           bool
	// splitAll tells that packages of architecture "all" have an index of their own.
	splitAll bool
	files    map[string]indexFile // by path below the release file's folder

	architectures, components []string

	sum     string   // SHA-256 of the file
	signers []string // fingerprints of the keys that signed it
}

type indexFile struct {
	sha256 string // lower-case hex
	size   int64
}

const clearsignBegin = "-----BEGIN PGP SIGNED MESSAGE-----"

// verify checks a clearsigned text and returns what was signed, with the keys that did. One good
// signature of a trusted key suffices, as for apt; one that does not fit the text is an error whatever else.
func verify(data []byte, keys openpgp.EntityList, now time.Time, acceptExpired bool) (text []byte, signers []string, err error) {
	if !bytes.HasPrefix(data, []byte(clearsignBegin)) {
		return nil, nil, diag.New(diag.Mismatch, "it is not signed").
			Hint("a mirror must serve the archive's InRelease file unchanged; a proxy's error page is the usual cause")
	}
	block, rest := clearsign.Decode(data)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, diag.New(diag.Mismatch, "the signed message is damaged, or more follows it")
	}
	signers, err = checkAll(block.Bytes, block.ArmoredSignature.Body, keys, now, acceptExpired)
	return block.Plaintext, signers, err
}

// verifyDetached is verify for a text whose signature, armored or binary, is a file of its own.
func verifyDetached(text, signature []byte, keys openpgp.EntityList, now time.Time, acceptExpired bool) (signers []string, err error) {
	var packets io.Reader = bytes.NewReader(signature)
	if bytes.HasPrefix(signature, []byte("-----BEGIN PGP")) {
		block, err := armor.Decode(packets)
		if err != nil {
			return nil, diag.Wrap(err, diag.Mismatch, "the signature is damaged")
		}
		packets = block.Body
	}
	return checkAll(text, packets, keys, now, acceptExpired)
}

func checkAll(signed []byte, signature io.Reader, keys openpgp.EntityList, now time.Time, acceptExpired bool) (signers []string, err error) {
	config := &packet.Config{Time: func() time.Time { return now }}
	packets := packet.NewReader(signature)
	var unknown, expired []string
	seen := map[string]bool{}
	for {
		p, err := packets.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, diag.Wrap(err, diag.Mismatch, "the signature is damaged")
		}
		sig, ok := p.(*packet.Signature)
		if !ok || sig.IssuerKeyId == nil {
			return nil, diag.New(diag.Mismatch, "the signature holds a packet that is no signature, or one without a key id")
		}
		id := fmt.Sprintf("%016X", *sig.IssuerKeyId)
		signer, err := checkOne(signed, sig, keys, config)
		switch {
		case errors.Is(err, pgperrors.ErrUnknownIssuer):
			unknown = append(unknown, id)
			continue
		case errors.Is(err, pgperrors.ErrKeyExpired) || errors.Is(err, pgperrors.ErrSignatureExpired):
			// Archives sign with the keys of two releases: the older one's end must not be the newer one's.
			if !acceptExpired || signer == nil {
				expired = append(expired, id)
				continue
			}
		case err != nil:
			return nil, diag.Wrap(err, diag.Mismatch, "bad signature by key %s", id)
		}
		if f := fingerprint(signer); !seen[f] {
			seen[f] = true
			signers = append(signers, f)
		}
	}
	if len(signers) == 0 {
		if len(expired) > 0 {
			return nil, diag.New(diag.Mismatch, "at %s it has no signature in force: expired, or not yet made, are those of %s",
				now.UTC().Format(time.RFC3339), strings.Join(expired, ", ")).
				Hint("this machine's clock may be wrong")
		}
		if len(unknown) == 0 {
			return nil, diag.New(diag.Mismatch, "it has no signature")
		}
		return nil, diag.New(diag.Mismatch, "it is signed by unknown keys only: %s", strings.Join(unknown, ", ")).
			Hint("where you trust this archive, give its public key")
	}
	sort.Strings(signers)
	return signers, nil
}

func checkOne(signed []byte, sig *packet.Signature, keys openpgp.EntityList, config *packet.Config) (*openpgp.Entity, error) {
	if len(keys.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign)) == 0 {
		return nil, pgperrors.ErrUnknownIssuer
	}
	switch sig.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return nil, fmt.Errorf("the hash algorithm %s is too weak", sig.Hash)
	}
	var one bytes.Buffer
	if err := sig.Serialize(&one); err != nil {
		return nil, err
	}
	return openpgp.CheckDetachedSignature(keys, bytes.NewReader(signed), &one, config)
}

// timeForm is how instants are shown.
const timeForm = time.RFC3339

// parseRelease reads the signed text and checks that it is of the pocket's suite.
func parseRelease(text []byte, of pocket) (*release, error) {
	all, err := parseControl(string(text))
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("it has %d stanzas, not 1", len(all))
	}
	p := all[0]
	r := &release{codename: p["codename"], suite: p["suite"], byHash: p["acquire-by-hash"] == "yes", files: map[string]indexFile{},
		components: strings.Fields(p["components"])}
	if !r.isOf(of) {
		return nil, diag.New(diag.Mismatch, "it is of suite %q (codename %q), not of %q", r.suite, r.codename, of.suite).
			Hint("the mirror serves another suite under this name")
	}
	if r.date, err = parseDate(p["date"]); err != nil {
		return nil, fmt.Errorf("field Date: %w", err)
	}
	if until := p["valid-until"]; until != "" {
		if r.validUntil, err = parseDate(until); err != nil {
			return nil, fmt.Errorf("field Valid-Until: %w", err)
		}
	}
	hasAll := false
	for _, arch := range strings.Fields(p["architectures"]) {
		hasAll = hasAll || arch == "all"
		r.architectures = append(r.architectures, arch)
	}
	r.splitAll = hasAll && !strings.Contains(p["no-support-for-architecture-all"], "Packages")
	for _, line := range strings.Split(p["sha256"], "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 || !isSHA256(fields[0]) {
			return nil, fmt.Errorf("field SHA256: line %q", line)
		}
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("field SHA256: line %q", line)
		}
		r.files[strings.TrimPrefix(fields[2], "./")] = indexFile{strings.ToLower(fields[0]), size}
	}
	return r, nil
}

// inForce holds a release to its Valid-Until.
func (r *release) inForce(at time.Time, acceptExpired bool) error {
	if acceptExpired || r.validUntil.IsZero() || !at.After(r.validUntil) {
		return nil
	}
	return diag.New(diag.Mismatch, "it was valid until %s only", r.validUntil.Format(timeForm)).
		Hint("the mirror is out of date, or this machine's clock is wrong; to take old states of it all the same, write accept-expired = true below [system]")
}

// isOf tells whether the release is the pocket's, and not another's that the same key signed. A flat repository need
// not have a name.
func (r *release) isOf(p pocket) bool {
	switch {
	case len(p.components) == 0:
		return true
	case p.suiteOnly:
		return r.suite == p.suite
	}
	return r.codename == p.suite || r.suite == p.suite
}

// offers says what there is, for hints.
func (r *release) offers() string {
	return fmt.Sprintf("architectures %s, components %s", strings.Join(r.architectures, " "), strings.Join(r.components, " "))
}

// parseDate reads RFC 1123 dates, whose zone archives write as "UTC" or "+0000". Other names of zones are not
// looked up: what they mean depends on the host.
func parseDate(s string) (time.Time, error) {
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			if name, offset := t.Zone(); offset != 0 || layout[len(layout)-1] == '0' || name == "UTC" || name == "GMT" {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date in UTC", s)
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
