package index

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parseJSON reads a project's page (PEP 691, 700, 714, 792). A page can have many thousands of
// files, and encoding/json would take several times as long as the rest of the work on it.
func parseJSON(raw []byte, base *url.URL, project string) (*page, error) {
	s := &scanner{b: string(raw)} // values are parts of it
	p := &page{}
	version, hasFiles := "", false
	err := s.object(func(key string) error {
		switch key {
		case "meta":
			return s.objectOrSkip(func(key string) (err error) {
				switch key {
				case "api-version":
					version, err = s.stringOrSkip()
				case "project-status":
					p.status, err = s.stringOrSkip()
				default:
					err = s.skip()
				}
				return err
			})
		case "project-status":
			return s.objectOrSkip(func(key string) (err error) {
				switch key {
				case "status":
					p.status, err = s.stringOrSkip()
				case "reason":
					p.reason, err = s.stringOrSkip()
				default:
					err = s.skip()
				}
				return err
			})
		case "files":
			hasFiles = true
			n := min(strings.Count(s.b, `"filename"`), 1<<15)
			files := packer{project: project, text: make([]byte, 0, n*usualRecord), packed: make([]packed, 0, n)}
			p.unreadable, p.told = Unreadable{}, nil
			err := s.array(func() error { return s.file(p, &files, base) })
			p.files = files.files()
			return err
		}
		return s.skip()
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, fmt.Errorf("JSON: %w at byte %d", err, s.i)
	}
	if p.version, err = checkVersion(version); err != nil {
		return nil, err
	}
	if !hasFiles {
		return nil, errors.New("JSON without files")
	}
	p.status, p.reason = strings.Clone(p.status), strings.Clone(p.reason) // else they hold on to all of the text
	return p, nil
}

// file reads an entry of files. What is of the wrong type is as if it were not there, but for yanked,
// where that could let a file in that should not be.
func (s *scanner) file(p *page, to *packer, base *url.URL) error {
	if s.peek() != '{' {
		p.unusable("", "it is not an object of JSON")
		return s.skip()
	}
	f := File{Size: -1}
	var core bool // core-metadata comes before dist-info-metadata (PEP 714)
	err := s.object(func(key string) (err error) {
		switch key {
		case "filename":
			f.Filename, err = s.stringOrSkip()
		case "url":
			f.URL, err = s.stringOrSkip()
		case "hashes":
			f.SHA256, f.Sum, err = s.hashes()
		case "size":
			start := s.i
			if err = s.skip(); err == nil {
				if n, bad := strconv.ParseUint(s.b[start:s.i], 10, 62); bad == nil {
					f.Size = int64(n)
				}
			}
		case "upload-time":
			var v string
			if v, err = s.stringOrSkip(); v != "" {
				f.Uploaded = uploadTime(v)
			}
		case "requires-python":
			f.RequiresPython, err = s.stringOrSkip()
		case "yanked":
			switch s.peek() {
			case '"':
				f.Yanked = true
				f.YankedReason, err = s.string()
			case 'f', 'n':
				f.Yanked = false
				err = s.skip()
			default:
				f.Yanked = true
				err = s.skip()
			}
		case "core-metadata", "dist-info-metadata":
			var has bool
			var sum string
			switch s.peek() {
			case '{':
				has = true
				sum, _, err = s.hashes()
			case 't':
				has = true
				err = s.skip()
			default:
				err = s.skip()
			}
			if key == "core-metadata" || !core {
				f.HasMetadata, f.MetadataSHA256 = has, sum
			}
			core = core || key == "core-metadata"
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if f.URL == "" {
		p.unusable(f.Filename, "it has no address")
		return nil
	}
	p.addFile(to, f, base)
	return to.over
}

// uploadTime reads a time of upload (PEP 700); zero if it is none.
func uploadTime(v string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// hashes reads an object of hashes: the SHA-256 and the best other one, in the form of File.Sum.
func (s *scanner) hashes() (sha256, sum string, err error) {
	best := len(algorithms)
	err = s.objectOrSkip(func(key string) (err error) {
		v, err := s.stringOrSkip()
		if key == "sha256" {
			sha256 = v
		} else if i := rank(key); i < best && v != "" {
			best, sum = i, key+"="+strings.ToLower(v)
		}
		return err
	})
	if sha256 != "" {
		sum = ""
	}
	return sha256, sum, err
}
