package testenv

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ulikunitz/xz"
)

// AptRepo is a signed archive of Debian packages. It serves two archives, /debian (suites CODENAME and
// CODENAME-updates) and /debian-security (CODENAME-security), each with dists/ and pool/. It is an
// http.Handler. Its fields may be set before the first request.
type AptRepo struct {
	Codename   string    // default "bookworm"
	Date       time.Time // of the releases; the zero value is the start of 2026
	ValidUntil time.Time // zero is none
	NoByHash   bool
	// Tamper changes what is served, for tests of what must be refused; path starts with the archive's name.
	Tamper func(path string, data []byte) []byte

	mu    sync.Mutex
	debs  []repoDeb
	key   *openpgp.Entity
	files map[string][]byte // by path; nil until the next request
}

type repoDeb struct {
	name, arch, pocket, stanza, path string
	content                          []byte
}

// keySeed makes the repository's key the same everywhere, so that digests of what it signs are.
type keySeed struct{ state [32]byte }

func (k *keySeed) Read(p []byte) (int, error) {
	for i := range p {
		if i%32 == 0 {
			k.state = sha256.Sum256(k.state[:])
		}
		p[i] = k.state[i%32]
	}
	return len(p), nil
}

// repoEpoch is when the key was made and, unless Date is set, the releases.
var repoEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func repoConfig(at time.Time) *packet.Config {
	salted := false
	return &packet.Config{
		Rand:                                  &keySeed{},
		Time:                                  func() time.Time { return at },
		DefaultHash:                           crypto.SHA256,
		Algorithm:                             packet.PubKeyAlgoEdDSA,
		NonDeterministicSignaturesViaNotation: &salted,
	}
}

// NewAptRepo makes an empty repository with a key of its own.
func NewAptRepo() *AptRepo {
	key, err := openpgp.NewEntity("Archive for tests", "", "archive@keys.example", repoConfig(repoEpoch))
	if err != nil {
		panic(fmt.Sprintf("testenv: %v", err))
	}
	return &AptRepo{Codename: "bookworm", key: key}
}

// AddDeb adds a package made by [Deb] and returns its path below the archive.
func (r *AptRepo) AddDeb(name, version, arch string, o DebOptions) string {
	file, content := Deb(name, version, arch, o)
	d := repoDeb{name: name, arch: arch, pocket: o.Pocket, path: "pool/main/" + name[:1] + "/" + name + "/" + file, content: content}
	if d.pocket == "" {
		d.pocket = "release"
	}
	if pocketSuite(d.pocket, "") == "?" {
		panic("testenv: no pocket " + d.pocket)
	}
	d.stanza = debControl(name, version, arch, o.Fields) +
		fmt.Sprintf("Filename: %s\nSize: %d\nSHA256: %x\n", d.path, len(content), sha256.Sum256(content))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.debs, r.files = append(r.debs, d), nil
	return d.path
}

// AddEmpty adds packages without files or dependencies, version 1.0, architecture "all".
func (r *AptRepo) AddEmpty(names ...string) {
	for _, name := range names {
		r.AddDeb(name, "1.0", "all", DebOptions{})
	}
}

// ArmoredKey is the public key that the releases are signed with.
func (r *AptRepo) ArmoredKey() string {
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = r.key.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("testenv: %v", err))
	}
	return b.String()
}

// Archives are the base URLs by the archive's name, for a server at base.
func (r *AptRepo) Archives(base string) map[string]string {
	return map[string]string{"debian": base + "/debian", "debian-security": base + "/debian-security"}
}

// File is what is served under a path ("debian/dists/bookworm/InRelease"), nil where there is nothing.
func (r *AptRepo) File(path string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files == nil {
		r.build()
	}
	data := r.files[path]
	if data != nil && r.Tamper != nil {
		data = r.Tamper(path, bytes.Clone(data))
	}
	return data
}

// Other is a file as it is before Tamper, for Tamper to serve in another's place.
func (r *AptRepo) Other(path string) []byte { return r.files[path] }

func (r *AptRepo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	data := r.File(strings.TrimPrefix(req.URL.Path, "/"))
	if data == nil {
		http.NotFound(w, req)
		return
	}
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
}

func pocketSuite(pocket, codename string) string {
	switch pocket {
	case "release":
		return codename
	case "updates", "security":
		return codename + "-" + pocket
	}
	return "?"
}

func (r *AptRepo) build() {
	r.files = map[string][]byte{}
	for _, pocket := range []string{"release", "updates", "security"} {
		archive := "debian/"
		if pocket == "security" {
			archive = "debian-security/"
		}
		suite := pocketSuite(pocket, r.Codename)
		dists := archive + "dists/" + suite + "/"
		var sums strings.Builder
		for _, arch := range []string{"amd64", "arm64"} {
			packages := r.packages(archive, pocket, arch)
			for _, f := range []struct {
				ending string
				data   []byte
			}{{"", packages}, {".gz", Gzip(packages)}, {".xz", packXZ(packages)}} {
				name := "main/binary-" + arch + "/Packages" + f.ending
				sum := fmt.Sprintf("%x", sha256.Sum256(f.data))
				fmt.Fprintf(&sums, " %s %d %s\n", sum, len(f.data), name)
				r.files[dists+name] = f.data
				if !r.NoByHash {
					r.files[dists+"main/binary-"+arch+"/by-hash/SHA256/"+sum] = f.data
				}
			}
		}
		r.files[dists+"InRelease"] = r.sign(r.release(suite, sums.String()))
	}
}

// packages is an index, and puts what it lists into the pool.
func (r *AptRepo) packages(archive, pocket, arch string) []byte {
	var stanzas []string
	for _, d := range r.debs {
		if d.pocket == pocket && (d.arch == arch || d.arch == "all") {
			stanzas = append(stanzas, d.stanza)
			r.files[archive+d.path] = d.content
		}
	}
	sort.Strings(stanzas)
	return []byte(strings.Join(stanzas, "\n"))
}

func (r *AptRepo) date() time.Time {
	if r.Date.IsZero() {
		return repoEpoch
	}
	return r.Date
}

func (r *AptRepo) release(suite, sums string) []byte {
	const layout = "Mon, 02 Jan 2006 15:04:05 UTC"
	var b bytes.Buffer
	fmt.Fprintf(&b, "Origin: Tests\nLabel: Tests\nSuite: %s\nCodename: %s\nDate: %s\n", suite, suite, r.date().UTC().Format(layout))
	if !r.ValidUntil.IsZero() {
		fmt.Fprintf(&b, "Valid-Until: %s\n", r.ValidUntil.UTC().Format(layout))
	}
	if !r.NoByHash {
		b.WriteString("Acquire-By-Hash: yes\n")
	}
	fmt.Fprintf(&b, "No-Support-for-Architecture-all: Packages\nArchitectures: all amd64 arm64\nComponents: main\nSHA256:\n%s", sums)
	return b.Bytes()
}

func (r *AptRepo) sign(text []byte) []byte {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, r.key.PrivateKey, repoConfig(r.date()))
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("testenv: %v", err))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func packXZ(p []byte) []byte {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b) // the default takes 8 MiB a file
	if err == nil {
		_, err = w.Write(p)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("testenv: %v", err))
	}
	return b.Bytes()
}
