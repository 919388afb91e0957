package wheelfile

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// RecordRow is a row of RECORD (PyPA's recording of installed projects).
type RecordRow struct {
	Path string
	Hash string // "sha256=…", urlsafe base64 without padding; may be empty
	Size int64  // -1: not given
}

// ParseRecord reads RECORD, a CSV file with the columns path, hash, size. Rows of fewer columns are
// read as if the rest were empty.
func ParseRecord(raw []byte) ([]RecordRow, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	r.ReuseRecord = true
	var rows []RecordRow
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if len(fields) > 3 {
			return nil, fmt.Errorf("line %d has %d columns", line, len(fields))
		}
		row := RecordRow{Path: fields[0], Size: -1}
		if row.Path == "" {
			return nil, fmt.Errorf("line %d has no path", line)
		}
		if len(fields) > 1 {
			row.Hash = fields[1]
		}
		if len(fields) > 2 && fields[2] != "" {
			n, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("line %d has the size %q", line, fields[2])
			}
			row.Size = n
		}
		rows = append(rows, row)
	}
}

// SHA256 is the algorithm that nearly every RECORD uses.
const SHA256 = "sha256"

// Digest is a hash of RECORD, decoded.
type Digest struct {
	Algorithm string // [SHA256], "sha384", "sha512"
	Sum       []byte
}

// ErrWeakHash says that RECORD uses an algorithm that the format forbids, or that is not known.
var ErrWeakHash = errors.New("neither sha256 nor stronger")

// NewHash makes the hash of an algorithm that RECORD may use ("sha256 or better"); nil: of no other.
func NewHash(algorithm string) hash.Hash {
	switch algorithm {
	case SHA256:
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// ParseDigest reads the hash of a row. Padding of the base64 is accepted.
//
// Errors: [ErrWeakHash], wrapped; a digest that is not base64 or not of its algorithm's length.
func ParseDigest(s string) (Digest, error) {
	algorithm, value, ok := strings.Cut(s, "=")
	if !ok {
		return Digest{}, fmt.Errorf("%q is not ALGORITHM=DIGEST", s)
	}
	h := NewHash(algorithm)
	if h == nil {
		return Digest{}, fmt.Errorf("%s is %w", algorithm, ErrWeakHash)
	}
	sum, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil || len(sum) != h.Size() {
		return Digest{}, fmt.Errorf("%q is not a %s digest", value, algorithm)
	}
	return Digest{Algorithm: algorithm, Sum: sum}, nil
}

// String is the form that RECORD has.
func (d Digest) String() string {
	return d.Algorithm + "=" + base64.RawURLEncoding.EncodeToString(d.Sum)
}
