package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// candidate is what resolving needs of one stanza of a Packages file. Relations stay text, as most are
// never read.
type candidate struct {
	name, version, architecture string
	preDepends, depends         string
	provides, conflicts, breaks string
	priority                    string
	essential                   string // "yes", or anything else
	path                        string // below the archive's base URL
	sha256                      string
	size                        int64

	archive, suite string // set after decoding: where the index came from
	installed      bool   // is in the image already
}

// maxIndex bounds an unpacked index; Debian's main has 50 MB.
const maxIndex = 1 << 30

// unpackIndex unpacks by the ending of the index's name.
func unpackIndex(name string, data []byte) ([]byte, error) {
	var r io.Reader
	var err error
	switch path.Ext(name) {
	case ".xz":
		r, err = xz.NewReader(bytes.NewReader(data), 0)
	case ".gz":
		r, err = gzip.NewReader(bytes.NewReader(data))
	case ".zst":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1)); err == nil {
			defer d.Close()
			r = d
		}
	default:
		return data, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxIndex+1))
	if err == nil && len(text) > maxIndex {
		err = errors.New("it unpacks to more than 1 GiB")
	}
	return text, err
}

// parseIndex reads a Packages file. It is written for speed (Debian's main has 64,000 stanzas): one pass,
// no maps. Fields of the candidates are parts of text.
func parseIndex(text string) ([]candidate, error) {
	var all []candidate
	var c candidate
	var value *string // where a continuation line belongs, nil for fields that are not kept
	size := ""
	finish := func() error {
		if c == (candidate{}) && size == "" {
			return nil
		}
		if c.name == "" || c.version == "" || c.architecture == "" {
			return fmt.Errorf("package %q lacks its name, version or architecture", c.name)
		}
		if !isName(c.name) || strings.ContainsAny(c.version, " \t/") {
			return fmt.Errorf("package %q %q: bad name or version", c.name, c.version)
		}
		var err error
		if c.size, err = strconv.ParseInt(size, 10, 64); err != nil || c.size < 0 {
			return fmt.Errorf("package %s has size %q", c.name, size)
		}
		if !isSHA256(c.sha256) {
			return fmt.Errorf("package %s has no SHA256", c.name)
		}
		c.path = strings.TrimPrefix(c.path, "./") // as in flat repositories
		if c.path == "" || c.path[0] == '/' || c.path == ".." || path.Clean(c.path) != c.path || strings.HasPrefix(c.path, "../") {
			return fmt.Errorf("package %s has path %q", c.name, c.path)
		}
		all = append(all, c)
		return nil
	}
	for text != "" {
		var line string
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			line, text = text, ""
		}
		if line == "" || line == "\r" {
			if err := finish(); err != nil {
				return nil, err
			}
			c, size, value = candidate{}, "", nil
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if value != nil {
				*value += " " + strings.TrimSpace(line)
			}
			continue
		}
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return nil, fmt.Errorf("line %q is no field", line)
		}
		if value = c.field(line[:colon], &size); value != nil {
			if *value != "" {
				return nil, fmt.Errorf("package %s: field %s is there twice", c.name, line[:colon])
			}
			*value = strings.TrimSpace(line[colon+1:])
		}
	}
	if err := finish(); err != nil {
		return nil, err
	}
	return all, nil
}

// field is where a field's value is kept, nil for one that is not. Archives' tools write the names in one case.
func (c *candidate) field(name string, size *string) *string {
	switch name {
	case "Package":
		return &c.name
	case "Version":
		return &c.version
	case "Architecture":
		return &c.architecture
	case "Pre-Depends":
		return &c.preDepends
	case "Depends":
		return &c.depends
	case "Provides":
		return &c.provides
	case "Conflicts":
		return &c.conflicts
	case "Breaks":
		return &c.breaks
	case "Priority":
		return &c.priority
	case "Essential":
		return &c.essential
	case "Filename":
		return &c.path
	case "SHA256":
		return &c.sha256
	case "Size":
		return size
	}
	return nil
}
