package index

import (
	"cmp"
	"fmt"
	"mime"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/envpack/envpack/internal/fetch"
)

// Project is what an index has of a project.
type Project struct {
	Name      string // normalised
	IndexName string
	Files     Files
	Status    string // PEP 792: "active", "archived", "quarantined", "deprecated"; "": not said
	// StatusReason is why, for people; it may be "".
	StatusReason string
	// Unreadable are the entries that have no usable name or address, and are not in Files.
	Unreadable Unreadable
	// Undated says what counts where a file has no time of upload and one is asked for.
	Undated Undated
	// APIVersion is that of the page where it is newer than what is known, of the same major number; else "".
	APIVersion string
}

// Unreadable is what could not be understood of a list of files.
type Unreadable struct {
	Count int
	First []Entry // of them, at most maxEntries
}

// Entry is a file that could not be understood.
type Entry struct {
	Name   string // as far as it is known; may be ""
	Reason string // "it has no address"
}

// maxEntries is how many unreadable entries of a page are kept, and maxEntryName how many bytes of
// the name of each.
const maxEntries, maxEntryName = 20, 200

func (u *Unreadable) keep(name, reason string) {
	u.First = append(u.First, Entry{strings.Clone(strings.ToValidUTF8(name[:min(len(name), maxEntryName)], "")), reason})
}

// File is a file of a project.
type File struct {
	Filename       string
	URL            string    // absolute, without fragment; of a file of this machine with the scheme file
	SHA256         string    // 64 lower-case hexadecimal digits; "": the index does not say, see Learn
	Sum            string    // without SHA256: the best other hash that the index gives, "sha512=…"; may be ""
	Size           int64     // in bytes; -1: the index does not say
	Uploaded       time.Time // zero: the index does not say
	RequiresPython string    // as the index has it
	Yanked         bool
	YankedReason   string
	HasMetadata    bool   // the index has the metadata as a file of its own (PEP 658)
	MetadataSHA256 string // of that file; may be ""
}

// page is what a project's page has.
type page struct {
	fetched    time.Time
	etag       string
	missing    bool // the index has no such page
	status     string
	reason     string // of the status
	version    string // of the API, if newer than what is known
	unreadable Unreadable
	told       map[string]bool // projects with an entry in unreadable, once that has maxEntries
	files      Files
}

// maxBase is how many bytes the path has at most that the addresses of files continue: every one of them is made with it.
const maxBase = 4 << 10

// parsePage reads the page of a project, whose name is normalised, or of a flat index ("") by its content type.
func parsePage(resp *fetch.Response, project string) (*page, error) {
	base, err := url.Parse(resp.URL)
	if err != nil {
		return nil, err
	}
	base.User = nil // a redirect may have brought one
	if len(base.Path) > maxBase {
		return nil, fmt.Errorf("its address has a path of %d bytes", len(base.Path))
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil && kind == "" {
		kind = "no content type"
	}
	body := resp.Body
	resp.Body = nil // a page can be large, and what is made of it is a copy
	switch kind {
	case "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json", "application/json":
		return parseJSON(body, base, project)
	case "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html", "text/html", "application/xhtml+xml":
		return parseHTML(body, base, project)
	}
	return nil, fmt.Errorf("neither JSON nor HTML, but %s", kind)
}

// knownMinor is the newest minor version of the simple API, 1.x, that is known here.
const knownMinor = 4

// checkVersion refuses an API of another major version (PEP 629), and gives a minor one that is newer than what
// is known, which clients should warn of. None is 1.0.
func checkVersion(v string) (newer string, err error) {
	major, minor, _ := strings.Cut(v, ".")
	if v != "" && major != "1" {
		return "", fmt.Errorf("the index speaks version %.20q of the simple API, of which only 1 is known", v)
	}
	if n, err := strconv.ParseUint(minor, 10, 31); err == nil && n > knownMinor {
		return strings.Clone(v[:min(len(v), 20)]), nil
	}
	return "", nil
}

// unusable counts an entry as unreadable. Behind the first maxEntries one is kept of each further project, so that no
// project of a flat index is taken for one that the index does not have, and looked for in another.
func (p *page) unusable(name, reason string) {
	p.unreadable.Count++
	if len(p.unreadable.First) >= maxEntries {
		of, ok := projectOf(name)
		if p.told == nil {
			p.told = map[string]bool{}
			for _, e := range p.unreadable.First {
				if of, ok := projectOf(e.Name); ok {
					p.told[of] = true
				}
			}
		}
		if !ok || p.told[of] {
			return
		}
		p.told[of] = true
	}
	p.unreadable.keep(name, reason)
}

// addFile adds a file with its address as it stands in the page, or counts it as unreadable.
func (p *page) addFile(to *packer, f File, base *url.URL) {
	address, fragment, _ := strings.Cut(f.URL, "#")
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		u, err := base.Parse(address)
		local := err == nil && u.Scheme == "file" && base.Scheme == "file" // a page from elsewhere leads to no file of this machine
		if err != nil || !local && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			p.unusable(cmp.Or(f.Filename, address), "its address is not of HTTP")
			return
		}
		address = u.String()
	}
	f.URL = address
	if f.Filename == "" || strings.ContainsAny(f.Filename, "/\\\x00") || f.Filename == "." || f.Filename == ".." {
		p.unusable(cmp.Or(f.Filename, path.Base(f.URL)), "it has no usable name")
		return
	}
	if f.SHA256 == "" && f.Sum == "" {
		f.SHA256, f.Sum = fragmentHashes(fragment)
	}
	if f.SHA256 != "" {
		// To learn the hash of such a file by downloading it would make a wrong promise none.
		if f.Sum, f.SHA256 = "", lowerSHA256(f.SHA256); f.SHA256 == "" {
			p.unusable(f.Filename, "what the index gives as its SHA-256 is none")
			return
		}
	}
	f.MetadataSHA256 = lowerSHA256(f.MetadataSHA256)
	to.add(&f)
}

// lowerSHA256 is a SHA-256 in lower case, "" if it is none.
func lowerSHA256(s string) string {
	if len(s) != 64 {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			if c < 'A' || c > 'F' {
				return ""
			}
			return lowerSHA256(strings.ToLower(s))
		}
	}
	return s
}
