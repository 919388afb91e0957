package testenv

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
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

// AptRepo is a signed release of a distribution, or an archive of others. Debian's has two archives, /debian (suites CODENAME
// and CODENAME-updates) and /debian-security (CODENAME-security); Ubuntu's has all three suites in /ubuntu, and
// one codename. Another archive has the one suite CODENAME. Below each are dists/ and pool/. It is an http.Handler. Its
// fields may be set before the first request, and by [AptRepo.Change].
type AptRepo struct {
	Archive    string    // "debian" (default), "ubuntu", or another's name: the first part of paths
	Codename   string    // default "bookworm"
	Flat       bool      // of another archive: its index and packages lie directly in its folder, without dists/
	Contents   bool      // there are indexes of what files the packages have
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
	name, version, arch, pocket, stanza, path string
	content                                   []byte
	files                                     []string // that contents indexes list
	section                                   string
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

func repoConfig(seed string, at time.Time) *packet.Config {
	salted := false
	random := &keySeed{}
	if seed != "" {
		random.state = sha256.Sum256([]byte(seed))
	}
	return &packet.Config{
		Rand:                                  random,
		Time:                                  func() time.Time { return at },
		DefaultHash:                           crypto.SHA256,
		Algorithm:                             packet.PubKeyAlgoEdDSA,
		NonDeterministicSignaturesViaNotation: &salted,
	}
}

// NewAptRepo makes an empty repository of Debian's form. All that it makes have the same key.
func NewAptRepo() *AptRepo { return &AptRepo{Archive: "debian", Codename: "bookworm", key: newKey("")} }

// NewAptRepoOf makes an empty repository with a key of its own, which follows from the archive's name.
func NewAptRepoOf(archive, codename string) *AptRepo {
	return &AptRepo{Archive: archive, Codename: codename, key: newKey(archive)}
}

func newKey(seed string) *openpgp.Entity {
	key, err := openpgp.NewEntity("Archive for tests", "", "archive@keys.example", repoConfig(seed, repoEpoch))
	if err != nil {
		panic(fmt.Sprintf("testenv: %v", err))
	}
	return key
}

// Clone is a repository with the same packages and key, which change on their own.
func (r *AptRepo) Clone() *AptRepo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &AptRepo{
		Archive: r.Archive, Codename: r.Codename, Flat: r.Flat, Contents: r.Contents, Date: r.Date, ValidUntil: r.ValidUntil,
		NoByHash: r.NoByHash, Tamper: r.Tamper, debs: slices.Clone(r.debs), key: r.key,
	}
}

// Change changes fields of a repository that is being served.
func (r *AptRepo) Change(change func(*AptRepo)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
	r.files = nil
}

// SignAs has another's key sign from now on.
func (r *AptRepo) SignAs(other *AptRepo) { r.Change(func(r *AptRepo) { r.key = other.key }) }

// Remove takes a version of a package out, as archives do when there is a newer one.
func (r *AptRepo) Remove(name, version string) {
	r.Change(func(r *AptRepo) {
		r.debs = slices.DeleteFunc(r.debs, func(d repoDeb) bool { return d.name == name && d.version == version })
	})
}

// Fingerprint is that of the key that signs, in upper-case hexadecimal.
func (r *AptRepo) Fingerprint() string { return fmt.Sprintf("%X", r.key.PrimaryKey.Fingerprint) }

// AddDeb adds a package made by [Deb] and returns its path below the archive.
func (r *AptRepo) AddDeb(name, version, arch string, o DebOptions) string {
	file, content := Deb(name, version, arch, o)
	return r.add(name, version, arch, file, content, o)
}

// AddFile adds a package whose file is content, whatever that is.
func (r *AptRepo) AddFile(name, version, arch string, content []byte) string {
	return r.add(name, version, arch, name+"_"+version+"_"+arch+".deb", content, DebOptions{})
}

func (r *AptRepo) add(name, version, arch, file string, content []byte, o DebOptions) string {
	d := repoDeb{
		name: name, version: version, arch: arch, pocket: o.Pocket, path: "pool/main/" + name[:1] + "/" + name + "/" + file, content: content,
		section: o.Fields["Section"],
	}
	for p := range o.Files {
		if !strings.HasSuffix(p, "/") {
			d.files = append(d.files, p)
		}
	}
	d.files = slices.AppendSeq(d.files, maps.Keys(o.Links))
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
	if r.Archive != "debian" {
		return map[string]string{r.Archive: base + "/" + r.Archive}
	}
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

// pockets are those that the archive has.
func (r *AptRepo) pockets() []string {
	if r.Archive == "debian" || r.Archive == "ubuntu" {
		return []string{"release", "updates", "security"}
	}
	return []string{"release"}
}

func (r *AptRepo) build() {
	r.files = map[string][]byte{}
	for _, pocket := range r.pockets() {
		archive := r.Archive + "/"
		if pocket == "security" && r.Archive == "debian" {
			archive = "debian-security/"
		}
		suite := pocketSuite(pocket, r.Codename)
		l := listing{repo: r, folder: archive + "dists/" + suite + "/"}
		if r.Flat {
			l.folder = archive
			l.add("", "Packages", r.packages(archive, pocket, "amd64", "arm64"))
		} else {
			for _, arch := range []string{"amd64", "arm64"} {
				for _, component := range r.components() {
					var packages []byte
					if component == "main" {
						packages = r.packages(archive, pocket, arch)
					}
					l.add(component+"/binary-"+arch+"/", "Packages", packages)
				}
				if r.Contents && pocket == "release" {
					l.contents(arch)
				}
			}
		}
		r.files[l.folder+"InRelease"] = r.sign(r.release(suite, l.sums.String()))
	}
}

func (r *AptRepo) components() []string {
	if r.Archive == "ubuntu" {
		return []string{"main", "universe"}
	}
	return []string{"main"}
}

// packages is an index, and puts what it lists into the pool.
func (r *AptRepo) packages(archive, pocket string, architectures ...string) []byte {
	var stanzas []string
	for _, d := range r.debs {
		if d.pocket == pocket && (d.arch == "all" || slices.Contains(architectures, d.arch)) {
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
	codename := suite
	if r.Archive == "ubuntu" {
		codename = r.Codename
	}
	fmt.Fprintf(&b, "Origin: Tests\nLabel: Tests\nSuite: %s\nCodename: %s\nDate: %s\n", suite, codename, r.date().UTC().Format(layout))
	if !r.ValidUntil.IsZero() {
		fmt.Fprintf(&b, "Valid-Until: %s\n", r.ValidUntil.UTC().Format(layout))
	}
	if !r.NoByHash {
		b.WriteString("Acquire-By-Hash: yes\n")
	}
	fmt.Fprintf(&b, "No-Support-for-Architecture-all: Packages\nArchitectures: all amd64 arm64\nComponents: %s\nSHA256:\n%s", strings.Join(r.components(), " "), sums)
	return b.Bytes()
}

func (r *AptRepo) sign(text []byte) []byte {
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, r.key.PrivateKey, repoConfig(r.Archive, r.date()))
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

// AptRepos are repositories of one server: of several, the first that has a file serves it.
type AptRepos []*AptRepo

func (all AptRepos) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	for _, r := range all {
		if r.File(strings.TrimPrefix(req.URL.Path, "/")) != nil {
			r.ServeHTTP(w, req)
			return
		}
	}
	http.NotFound(w, req)
}
