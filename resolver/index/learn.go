package index

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/store"
)

// largestFile is the size in bytes of the largest file that is downloaded without its size being known.
const largestFile = 1 << 40

// learntMemo keeps what files without a hash were found to be, by their addresses.
const learntMemo = "learnt"

// Learn gives a file with its SHA-256 and size, where the index says neither: it is downloaded into the store, or read
// where it is on this machine, and held to what else the index gives (File.Sum). What the store has of an earlier
// download is taken if the server says that the file has the same bytes.
//
// Errors: diag errors of fetching; of code Mismatch where another hash differs, or where the file says something
// else of itself than what was read of it before.
func (x *Index) Learn(ctx context.Context, f File) (File, error) {
	if f.SHA256 != "" {
		return f, nil
	}
	return x.learnt.do(ctx, f.URL, func() (File, error) {
		learnt, err := x.learn(ctx, f)
		if err != nil {
			return f, diag.Wrap(err, 0, "index %s gives no SHA-256 of %s, which is looked for in the file", x.o.Name, f.Filename)
		}
		return learnt, x.sameFile(ctx, f, learnt)
	})
}

func (x *Index) learn(ctx context.Context, f File) (File, error) {
	if path, ok := LocalPath(f.URL); ok {
		return x.learnLocal(f, path)
	}
	release, err := x.acquire(ctx)
	if err != nil {
		return f, err
	}
	defer release()
	return x.learnNow(ctx, f)
}

// learnNow downloads the file, unless the store knows it. The caller has acquired the index.
func (x *Index) learnNow(ctx context.Context, f File) (File, error) {
	if known, ok := x.remembered(ctx, f); ok {
		f.SHA256, f.Size = known.SHA256, known.Size
		return f, nil
	}
	got, err := x.o.Fetch.DownloadChecked(ctx, f.URL, largestFile, newSumCheck(f.Sum), x.o.Store, nil)
	if err != nil {
		return f, err
	}
	if f.Size >= 0 && got.Size != f.Size {
		return f, wrongSize(f.URL, got.Size, f.Size)
	}
	if note, err := json.Marshal(got); err == nil {
		if err := x.o.Store.PutMemo(learntMemo, f.URL, note); err != nil {
			return f, err
		}
	}
	f.SHA256, f.Size = got.SHA256, got.Size
	return f, nil
}

func wrongSize(address string, got, want int64) error {
	return diag.New(diag.Mismatch, "%s has %d bytes, but the index says %d", fetch.Redact(address), got, want).
		Hint("the file was changed, or something between alters it; tell who runs the index")
}

// remembered is what an earlier download found, if the store has the file and the server says that it still has the
// same. Offline, the store's word is enough, as it is for pages.
func (x *Index) remembered(ctx context.Context, f File) (known fetch.Downloaded, ok bool) {
	raw, ok := x.o.Store.Memo(learntMemo, f.URL)
	if !ok || json.Unmarshal(raw, &known) != nil || lowerSHA256(known.SHA256) == "" || !x.o.Store.Has(known.SHA256) {
		return known, false
	}
	if f.Sum != "" { // what it was held to may have changed
		b, err := x.o.Store.Blob(known.SHA256)
		if err != nil {
			return known, false
		}
		defer b.Close()
		check := newSumCheck(f.Sum)
		if _, err := io.Copy(check, io.NewSectionReader(b, 0, b.Size())); err != nil || check.Verify() != nil {
			return known, false
		}
	}
	if x.o.Offline {
		return known, true
	}
	if known.Tag == "" {
		return known, false
	}
	now, err := x.o.Fetch.Suffix(ctx, f.URL, 1)
	return known, err == nil && now.Tag == known.Tag && now.Total == known.Size
}

// stored brings a file into the store, whatever is known of it, and gives its SHA-256. The caller has acquired the
// index.
func (x *Index) stored(ctx context.Context, f File) (string, error) {
	path, local := LocalPath(f.URL)
	if f.SHA256 != "" && x.o.Store.Has(f.SHA256) {
		return f.SHA256, nil
	}
	var err error
	switch {
	case local && f.SHA256 == "":
		f, err = x.learnLocal(f, path)
	case f.SHA256 == "":
		f, err = x.learnNow(ctx, f)
	case !local:
		err = x.o.Fetch.Download(ctx, f.URL, f.SHA256, f.Size, x.o.Store, nil)
	}
	if err != nil || !local {
		return f.SHA256, err
	}
	file, _, err := x.openLocal(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return f.SHA256, x.o.Store.Put(ctx, file, f.SHA256, f.Size)
}

func (x *Index) learnLocal(f File, path string) (File, error) {
	file, size, err := x.openLocal(path)
	if err != nil {
		return f, err
	}
	defer file.Close()
	sum := sha256.New()
	to := io.Writer(sum)
	check := newSumCheck(f.Sum)
	if check != nil {
		to = io.MultiWriter(sum, check)
	}
	n, err := io.Copy(to, file)
	if err != nil {
		return f, diag.Wrap(err, diag.Fetch, "")
	}
	if f.Size >= 0 && f.Size != size || n != size {
		return f, wrongSize(path, n, f.Size)
	}
	if check != nil {
		if err := check.Verify(); err != nil {
			return f, diag.Wrap(err, diag.Mismatch, "%s", path).Hint("the file is not the one that the index's page is about")
		}
	}
	f.SHA256, f.Size = hex.EncodeToString(sum.Sum(nil)), size
	return f, nil
}

// sameFile holds the whole file to the metadata that resolving read of it before its hash was known.
func (x *Index) sameFile(ctx context.Context, before, learnt File) error {
	noted, err := x.Metadata(ctx, before)
	if err != nil {
		return nil // not used for resolving
	}
	whole, err := x.Metadata(ctx, learnt)
	if err == nil {
		err = SameMetadata(noted, whole)
	}
	if err != nil {
		return diag.Wrap(err, diag.Mismatch, "%s is not what the index said of it", learnt.Filename).
			Hint("the file changed while the lock was made; lock again")
	}
	return nil
}

// Learn gives a file of a project that this set gave, with its SHA-256. Errors are those of Index.Learn.
func (s *Set) Learn(ctx context.Context, p *Project, f File) (File, error) {
	x := s.byName[p.IndexName]
	if x == nil {
		return f, fmt.Errorf("no index has the name %q", p.IndexName)
	}
	f, err := x.Learn(ctx, f)
	return f, x.placed(err)
}

// Digest is the hash of a file by one of the algorithms that pip knows ("sha384", "sha512"), in hexadecimal, from its
// bytes: it is brought into the store.
//
// Errors: those of Learn.
func (s *Set) Digest(ctx context.Context, p *Project, f File, algorithm string) (string, error) {
	x := s.byName[p.IndexName]
	if x == nil {
		return "", fmt.Errorf("no index has the name %q", p.IndexName)
	}
	release, err := x.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	sum, err := x.stored(ctx, f)
	if err != nil {
		return "", x.placed(err)
	}
	return DigestOf(x.o.Store, sum, algorithm)
}

// DigestOf is the hash of a blob of a store, which its SHA-256 names, by another algorithm, in hexadecimal.
func DigestOf(st *store.Store, sum, algorithm string) (string, error) {
	i := rank(algorithm)
	if i == len(algorithms) {
		return "", fmt.Errorf("nothing is known of the algorithm %q", algorithm)
	}
	b, err := st.Blob(sum)
	if err != nil {
		return "", err
	}
	defer b.Close()
	h := algorithms[i].make()
	if _, err := io.Copy(h, io.NewSectionReader(b, 0, b.Size())); err != nil {
		return "", diag.Wrap(err, diag.Failure, "reading the store")
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
