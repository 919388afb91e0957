package index

import (
	"context"
	"errors"
	"strings"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/sdistfile"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/resolver/tags"
)

// sdistMetadata fetches a source distribution into the store and reads what it says without being built.
func (x *Index) sdistMetadata(ctx context.Context, f File) (*Metadata, error) {
	if _, _, err := tags.ParseSdist(f.Filename); err != nil {
		return nil, &MetadataError{f.Filename, errors.New("neither a wheel nor a source distribution")}
	}
	release, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	sum, err := x.stored(ctx, f)
	release()
	if err != nil {
		return nil, diag.Wrap(err, 0, "reading %s in index %s", f.Filename, x.o.Name)
	}
	raw, err := ReadSdist(ctx, x.o.Store, f.Filename, sum, "")
	if err != nil {
		return nil, err
	}
	m, err := interpret(f.Filename, &raw.Metadata)
	if err == nil && raw.Assumed {
		m.Assumed = raw.From
	}
	return m, err
}

// sdistMemo keeps what source distributions say, by their hash. Its name changes with how they are read.
const sdistMemo = "sdist-1"

// ReadSdist reads what a source distribution in the store says without being built, in a subdirectory
// of it unless that is "". What was found is remembered.
//
// Errors: *sdistfile.DynamicError, *MetadataError, both wrapped; those of the store.
func ReadSdist(ctx context.Context, st *store.Store, filename, sha256, subdirectory string) (*sdistfile.Metadata, error) {
	key := sha256 + "\x00" + filename + "\x00" + subdirectory
	if memo, ok := st.Memo(sdistMemo, key); ok {
		from, rest, _ := strings.Cut(string(memo), "\n")
		assumed, rest, _ := strings.Cut(rest, "\n")
		if raw, err := decodeMetadata([]byte(rest)); err == nil {
			return &sdistfile.Metadata{Metadata: *raw, From: from, Assumed: assumed == "assumed"}, nil
		}
	}
	blob, err := st.Blob(sha256)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	m, err := sdistfile.Read(ctx, filename, blob, blob.Size(), subdirectory)
	var dynamic *sdistfile.DynamicError
	switch {
	case errors.As(err, &dynamic) || ctx.Err() != nil || isDamage(err):
		return nil, err
	case err != nil:
		return nil, &MetadataError{filename, err}
	}
	assumed := "final"
	if m.Assumed {
		assumed = "assumed"
	}
	return m, st.PutMemo(sdistMemo, key, append([]byte(m.From+"\n"+assumed+"\n"), encodeMetadata(&m.Metadata)...))
}

func isDamage(err error) bool {
	var damage *store.DamageError
	return errors.As(err, &damage)
}
