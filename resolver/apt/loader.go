package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/sync/errgroup"

	"github.com/envpack/envpack/internal/diag"
)

// maxInRelease bounds a release file; Debian's have 200 KB.
const maxInRelease = 16 << 20

// loader reads one pocket.
type loader struct {
	Options
	pocket
	keys openpgp.EntityList
	base string // URL, without slash at the end
}

func (l *loader) load(ctx context.Context, to *Release, index *[]candidate) error {
	r, err := l.release(ctx)
	if err != nil {
		return err
	}
	if before := l.NotBefore[l.archive+" "+l.suite]; r.date.Before(before) {
		return diag.New(diag.Mismatch, "it is of %s, but the lock was made from that of %s: an old state is served", r.date.Format(timeForm), before.UTC().Format(timeForm)).
			Hint("the mirror is behind, or somebody replays old packages: try another mirror, or wait until it has caught up")
	}
	*to = Release{Archive: l.archive, Suite: l.suite, Date: r.date, ValidUntil: r.validUntil, InReleaseSHA256: r.sum, Keys: r.signers}
	folders := l.folders(r)
	parts := make([][]candidate, len(folders))
	group, gctx := errgroup.WithContext(ctx)
	for i, f := range folders {
		group.Go(func() error {
			all, err := l.index(gctx, r, f.path)
			if errors.Is(err, errNoIndex) && f.optional {
				return nil
			}
			if err != nil {
				return fmt.Errorf("index %s: %w", strings.TrimSuffix(f.path, "/"), err)
			}
			parts[i] = all
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, part := range parts {
		*index = append(*index, part...)
	}
	for i := range *index {
		(*index)[i].archive, (*index)[i].suite = l.archive, l.suite
	}
	return nil
}

// folder is where an index is, below the release file's.
type folder struct {
	path     string
	optional bool // nothing of architecture "all" may be in a component
}

func (l *loader) folders(r *release) []folder {
	if len(l.components) == 0 {
		return []folder{{path: ""}}
	}
	var all []folder
	for _, component := range l.components {
		all = append(all, folder{path: component + "/binary-" + l.Architecture + "/"})
		if r.splitAll {
			all = append(all, folder{component + "/binary-all/", true})
		}
	}
	return all
}

// release reads the release file, that of now, or of a distribution's archive that of AsOf.
func (l *loader) release(ctx context.Context) (*release, error) {
	if !l.AsOf.IsZero() && l.extra == nil {
		return l.releaseAsOf(ctx)
	}
	text, sum, signers, err := l.signed(ctx)
	if err != nil {
		return nil, err
	}
	r, err := parseRelease(text, l.pocket)
	if err == nil {
		err = r.inForce(l.Now, l.AcceptExpired)
	}
	if err != nil {
		return nil, diag.Wrap(err, 0, "reading the release file")
	}
	r.sum, r.signers = sum, signers
	return r, nil
}

// signed fetches the release file, from the first place that has it, and checks its signature; sum is the SHA-256 of
// what was fetched. Archives of others may have the signature apart, in Release.gpg.
func (l *loader) signed(ctx context.Context) (text []byte, sum string, signers []string, err error) {
	places := append([]string{l.Archives[l.archive]}, l.Further[l.archive]...)
	if l.extra != nil {
		places = []string{l.extra.URL}
	}
	var first error
	for _, place := range places {
		if place == "" {
			continue
		}
		l.base = strings.TrimSuffix(place, "/")
		data, err := l.get(ctx, l.pocket.folder()+"InRelease", maxInRelease)
		if err == nil {
			text, signers, err = verify(data, l.keys, l.Now, l.AcceptExpired)
			if err != nil {
				return nil, "", nil, diag.Wrap(err, 0, "verifying InRelease")
			}
			return text, hexSum(data), signers, nil
		}
		if ctx.Err() != nil {
			return nil, "", nil, err
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return nil, "", nil, diag.New(diag.Manifest, "no address is known for it")
	}
	if l.extra == nil {
		return nil, "", nil, first
	}
	data, err := l.get(ctx, l.pocket.folder()+"Release", maxInRelease)
	if err != nil {
		return nil, "", nil, first
	}
	signature, err := l.get(ctx, l.pocket.folder()+"Release.gpg", maxInRelease)
	if err != nil {
		return nil, "", nil, diag.Wrap(err, 0, "it has neither InRelease nor a signature of Release")
	}
	if signers, err = verifyDetached(data, signature, l.keys, l.Now, l.AcceptExpired); err != nil {
		return nil, "", nil, diag.Wrap(err, 0, "verifying Release")
	}
	return data, hexSum(data), signers, nil
}

var errNoIndex = errors.New("the release lists no Packages.xz, Packages.zst, Packages.gz or Packages")

// index reads the best packed Packages file of a folder that the release lists.
func (l *loader) index(ctx context.Context, r *release, folder string) ([]candidate, error) {
	for _, name := range []string{"Packages.xz", "Packages.zst", "Packages.gz", "Packages"} {
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
	return nil, diag.Wrap(errNoIndex, diag.NoAnswer, "architecture %s", l.Architecture).
		Hint("the archive has %s", r.offers())
}

// getIndex fetches by hash where the archive offers that: a plain name may be a newer file than the
// release read before. Not every mirror carries by-hash, so the plain name is tried after it.
func (l *loader) getIndex(ctx context.Context, r *release, folder, name string, file indexFile) ([]byte, error) {
	below := l.pocket.folder() + folder
	var first error
	if r.byHash {
		data, err := l.get(ctx, below+"by-hash/SHA256/"+file.sha256, file.size)
		if err == nil {
			return data, l.check(name, data, file)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		first = err
	}
	data, err := l.get(ctx, below+name, file.size)
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

func (l *loader) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	data, err := l.Fetcher.Get(ctx, l.base+"/"+path, limit)
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
