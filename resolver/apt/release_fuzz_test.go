package apt

import (
	"bytes"
	"testing"
	"time"

	"github.com/envpack/envpack/internal/testenv"
)

// FuzzVerify changes a signed release: what is still accepted must be the text that was signed.
// Signatures are checked as of a time when they are good, and of one when they are not, expired ones accepted.
func FuzzVerify(f *testing.F) {
	repo := testenv.NewAptRepo()
	keys, err := readKeys([]byte(repo.ArmoredKey()))
	if err != nil {
		f.Fatal(err)
	}
	data := repo.File("debian/dists/bookworm/InRelease")
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	text, signers, err := verify(data, keys, at, false)
	if err != nil || len(signers) != 1 {
		f.Fatalf("%v, %v", signers, err)
	}
	f.Add(data)
	f.Add(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
	f.Add(append(bytes.Clone(data), data...))
	f.Add([]byte(clearsignBegin + "\nHash: SHA256\n\nSuite: x\n-----BEGIN PGP SIGNATURE-----\n\n=twTO\n-----END PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, acceptExpired := range []bool{false, true} {
			now := at
			if acceptExpired {
				now = at.AddDate(-5, 0, 0)
			}
			got, _, err := verify(data, keys, now, acceptExpired)
			if err == nil && !bytes.Equal(trimLines(got), trimLines(text)) {
				t.Errorf("accepted with another text: %q", got)
			}
		}
	})
}

// trimLines takes the blanks from line ends: they are not signed (RFC 9580, 7.2), and parsing drops them too.
func trimLines(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " \t\r")
	}
	return bytes.Join(lines, []byte("\n"))
}

func FuzzParseRelease(f *testing.F) {
	f.Add([]byte("Suite: stable\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nValid-Until: Sat, 18 Jul 2026 10:16:37 +0000\n" +
		"Acquire-By-Hash: yes\nArchitectures: all amd64\nNo-Support-for-Architecture-all: Packages\nSHA256:\n " + sum + " 12 main/binary-amd64/Packages.xz\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRelease(text, pocket{suite: "bookworm", components: []string{"main"}})
		if err != nil {
			return
		}
		if r.suite != "bookworm" && r.codename != "bookworm" {
			t.Errorf("suite %q, codename %q", r.suite, r.codename)
		}
		for name, file := range r.files {
			if file.size < 0 || !isSHA256(file.sha256) {
				t.Errorf("%s: %+v", name, file)
			}
		}
	})
}
