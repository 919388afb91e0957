package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/envpack/envpack/internal/diag"
)

// maxInRelease bounds a release file; Debian's have 200 KB.
const maxInRelease = 16 << 20

// loader reads one pocket.
type loader struct {
	Options
	pocket
	keys openpgp.EntityList
}

func (l *loader) load(ctx context.Context, to *Release, index *[]candidate) error {
	if l.base() == "" {
		return diag.New(diag.Manifest, "no address is known for it")
	}
	data, err := l.get(ctx, "dists/"+l.suite+"/InRelease", maxInRelease)
	if err != nil {
		return err
	}
	text, signers, err := verify(data, l.keys, l.Now, l.AcceptExpired)
	if err != nil {
		return diag.Wrap(err, 0, "verifying InRelease")
	}
	r, err := parseRelease(text, l.suite, l.Now, l.AcceptExpired)
	if err != nil {
		return diag.Wrap(err, 0, "reading InRelease")
	}
	*to = Release{Archive: l.archive, Suite: l.suite, Date: r.date, ValidUntil: r.validUntil,
		InReleaseSHA256: hexSum(data), Keys: signers}
	architectures := []string{l.Architecture}
	if r.splitAll {
		architectures = append(architectures, "all")
	}
	for _, component := range components {
		for i, arch := range architectures {
			folder := component + "/binary-" + arch + "/"
			all, err := l.index(ctx, r, folder)
			if errors.Is(err, errNoIndex) && i > 0 {
				continue // nothing of architecture "all" in this component
			}
			if err != nil {
				return fmt.Errorf("index %s: %w", strings.TrimSuffix(folder, "/"), err)
			}
			*index = append(*index, all...)
		}
	}
	for i := range *index {
		(*index)[i].archive, (*index)[i].suite = l.archive, l.suite
	}
	return nil
}

var errNoIndex = errors.New("the release lists no Packages.xz, Packages.gz or Packages")

// index reads the best packed Packages file of a folder that the release lists.
func (l *loader) index(ctx context.Context, r *release, folder string) ([]candidate, error) {
	for _, name := range []string{"Packages.xz", "Packages.gz", "Packages"} {
		file, ok := r.files[folder+name]
		if !ok {
			continue
		}
		const kind = "apt-index"
		key := fmt.Sprintf("%s-%d", file.sha256, indexFormat)
		if l.Memo != nil {
			if data, ok := l.Memo.Memo(kind, key); ok {
				// A damaged memo is no reason to fail: it is made anew.
				if all, err := decodeIndex(data); err == nil {
					return all, nil
				}
			}
		}
		data, err := l.getIndex(ctx, r, folder, name, file)
		if err != nil {
			return nil, err
		}
		text, err := unpackIndex(name, data)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", name, err)
		}
		parsed, err := parseIndex(string(text))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		compact := encodeIndex(parsed)
		if l.Memo != nil {
			if err := l.Memo.PutMemo(kind, key, compact); err != nil {
				return nil, fmt.Errorf("keeping the index: %w", err)
			}
		}
		// The compact form's strings let go of the unpacked text, ten times as large.
		return decodeIndex(compact)
	}
	return nil, diag.Wrap(errNoIndex, diag.NoAnswer, "architecture %s", l.Architecture)
}

// getIndex fetches by hash where the archive offers that: a plain name may be a newer file than the
// release read before. Not every mirror carries by-hash, so the plain name is tried after it.
func (l *loader) getIndex(ctx context.Context, r *release, folder, name string, file indexFile) ([]byte, error) {
	dists := "dists/" + l.suite + "/" + folder
	var first error
	if r.byHash {
		data, err := l.get(ctx, dists+"by-hash/SHA256/"+file.sha256, file.size)
		if err == nil {
			return data, l.check(name, data, file)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		first = err
	}
	data, err := l.get(ctx, dists+name, file.size)
	if err != nil {
		if first != nil {
			return nil, first
		}
		return nil, err
	}
	return data, l.check(name, data, file)
}

func (l *loader) check(name string, data []byte, file indexFile) error {
	if got := hexSum(data); got != file.sha256 || int64(len(data)) != file.size {
		return diag.New(diag.Mismatch, "%s has %d bytes and SHA-256 %s, the signed release says %d and %s",
			name, len(data), got, file.size, file.sha256).
			Hint("a mirror that is being updated does this for minutes: try again")
	}
	return nil
}

func (l *loader) base() string { return strings.TrimSuffix(l.Archives[l.archive], "/") }

func (l *loader) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	data, err := l.Fetcher.Get(ctx, l.base()+"/"+path, limit)
	if err != nil {
		code := diag.CodeOf(err)
		if code == diag.Failure {
			code = diag.Fetch
		}
		return nil, diag.Wrap(err, code, "fetching %s", path)
	}
	return data, nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
