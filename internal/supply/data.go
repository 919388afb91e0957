package supply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/envpack/envpack/internal/diag"
	"github.com/envpack/envpack/internal/fetch"
	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/internal/store"
	"github.com/envpack/envpack/lockfile"
)

// DataFile implements resolver.DataSource. A hash is only learnt by downloading the file; a size is asked for.
func (s *Supply) DataFile(ctx context.Context, f manifest.DataFile, known *lockfile.DataFile) (string, int64, error) {
	sum, size, err := s.dataFile(ctx, f, known)
	var e *diag.Error
	if errors.As(err, &e) {
		at := f.Place
		if diag.CodeOf(err) == diag.Mismatch && !f.SumPos.IsZero() {
			at = f.SumPos
		}
		return "", 0, diag.Wrap(err, 0, "file %s", f.To).At(at)
	}
	return sum, size, err
}

func (s *Supply) dataFile(ctx context.Context, f manifest.DataFile, known *lockfile.DataFile) (string, int64, error) {
	if f.Path != "" {
		name := s.local(f.Path)
		sum, size, err := s.hashKept(ctx, s.Store, name)
		if err == nil && f.SHA256 != "" && f.SHA256 != sum {
			err = diag.New(diag.Mismatch, "%s has the SHA-256 %s, and %s is wanted", f.Path, sum, f.SHA256).
				Hint("the file was changed, or the manifest names another's hash")
		}
		return sum, size, err
	}
	if known != nil {
		return known.SHA256, known.Size, nil
	}
	if f.SHA256 != "" {
		if b, err := s.Store.Blob(f.SHA256); err == nil {
			defer b.Close()
			return f.SHA256, b.Size(), nil
		}
	}
	address := s.mirrored(f.URL)
	var note fetch.Downloaded
	if data, ok := s.Store.Memo(dataMemo, address); ok && json.Unmarshal(data, &note) != nil {
		note = fetch.Downloaded{}
	}
	if s.Offline && f.SHA256 == "" && note.SHA256 != "" && s.Store.Has(note.SHA256) {
		return note.SHA256, note.Size, nil // the store's word is enough, as it is for indexes' pages
	}
	part, err := s.Fetch.Suffix(ctx, address, 1)
	total := int64(0)
	switch status := fetch.StatusOf(err); {
	case err == nil:
		total = part.Total
	case status == http.StatusBadRequest, status == http.StatusMethodNotAllowed, status == http.StatusRequestedRangeNotSatisfiable,
		status == http.StatusNotImplemented, errors.Is(err, fetch.ErrNoRange): // it may give the whole file
	default:
		return "", 0, err
	}
	if f.SHA256 != "" && total > 0 {
		return f.SHA256, total, nil
	}
	if f.SHA256 != "" {
		err := s.bring(ctx, "file", []job{{sha256: f.SHA256, what: "file " + f.To, find: func(context.Context) ([]string, error) { return at(address, nil) }}})
		if err != nil {
			return "", 0, err
		}
		b, err := s.Store.Blob(f.SHA256)
		if err != nil {
			return "", 0, err
		}
		return f.SHA256, b.Size(), nil
	}
	if total > 0 && note.Tag != "" && note.Tag == part.Tag && note.Size == total {
		return note.SHA256, note.Size, nil // the server says that it is what was downloaded before
	}
	var told int64
	done := s.Task("downloading "+filepath.Base(f.To), total)
	got, err := s.Fetch.DownloadChecked(ctx, address, maxFile, nil, s.Store, func(n int64) {
		done(n - told)
		told = n
	})
	if err != nil {
		return "", 0, err
	}
	data, err := json.Marshal(got)
	if err == nil {
		err = s.Store.PutMemo(dataMemo, address, data)
	}
	return got.SHA256, got.Size, err
}

// dataMemo keeps what was downloaded from an address, and by what the server says that it has the same bytes.
const dataMemo = "data"

// mirrored is the address that a file is asked at: its own, or a mirror's that this machine names.
func (s *Supply) mirrored(address string) string {
	if s.Sources == nil {
		return address
	}
	return s.Sources.Mirrored(address)
}

// Data implements imagegen.Supply.
func (s *Supply) Data(ctx context.Context, files []lockfile.DataFile) error {
	var jobs []job
	for _, f := range files {
		if f.Path == "" {
			jobs = append(jobs, s.dataJob(f))
		} else if err := s.takeData(ctx, f); err != nil {
			return err
		}
	}
	return s.bring(ctx, "file", jobs)
}

// dataJob is the download of a data file.
func (s *Supply) dataJob(f lockfile.DataFile) job {
	j := job{
		sha256: f.SHA256, size: f.Size, what: "file " + f.To,
		find: func(context.Context) ([]string, error) { return at(s.mirrored(f.URL), nil) },
		gone: []string{"it is not there any more; a mirror that has it is named by --file-mirror, or below [files] in envpack's own configuration"},
	}
	j.replaced = "the file is another than the sha256 of its [[file]] says"
	if f.Hashed {
		j.replaced = "the file was replaced since it was locked; if that is expected, `envpack lock --upgrade` takes what is there now"
	}
	return j
}

// takeData brings a data file that the lock names by path. That it has not changed was found out before the build began: it is read
// again only if the store does not have it.
func (s *Supply) takeData(ctx context.Context, f lockfile.DataFile) error {
	if s.Store.Has(f.SHA256) {
		return nil
	}
	name := s.local(f.Path)
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return diag.New(diag.Fetch, "file %s: %s does not exist", f.To, f.Path).
			Hint("it is looked for in %s; the lock wants the SHA-256 %s", filepath.Dir(name), f.SHA256)
	}
	if err != nil {
		return diag.Wrap(err, diag.Fetch, "file %s", f.To)
	}
	defer file.Close()
	done := s.Task("storing "+filepath.Base(f.To), f.Size)
	err = s.Store.Put(ctx, reads{file, done}, f.SHA256, f.Size)
	if m := (*store.MismatchError)(nil); errors.As(err, &m) {
		return diag.New(diag.Mismatch, "%s changed: it is not what the lock says: %v", f.Path, m).Hint("`envpack lock` takes it as it is now")
	}
	if err != nil {
		return err
	}
	return s.Store.NameBlob(f.SHA256, f.Path)
}

// statMemo keeps hashes of files by what the file system says of them, so that large ones are not read by each command.
const statMemo = "stat"

type statHash struct {
	Size   int64
	SHA256 string
}

// hashKept is the SHA-256 and the size of a file. One that was hashed before is not read again, unless its size, its times or what else
// the file system knows of it is another. One that changed just now is read again the next time, since another change might not show.
// Errors are those of hashOf.
func (s *Supply) hashKept(ctx context.Context, st *store.Store, name string) (string, int64, error) {
	now := s.Now()
	before, err := os.Stat(name)
	if err != nil || !before.Mode().IsRegular() {
		sum, err := hashOf(ctx, name) // which says what is wrong
		return sum, 0, err
	}
	key, lasting := statKey(name, before)
	var known statHash
	if data, ok := st.Memo(statMemo, key); lasting && ok && json.Unmarshal(data, &known) == nil && known.Size == before.Size() {
		return known.SHA256, known.Size, nil
	}
	sum, err := hashOf(ctx, name)
	if err != nil {
		return "", 0, err
	}
	after, err := os.Stat(name)
	if err != nil {
		return "", 0, diag.Wrap(err, diag.Failure, "reading %s", name)
	}
	if again, _ := statKey(name, after); again != key {
		return "", 0, diag.New(diag.Failure, "%s changes while it is read", name)
	}
	const blur = 2 * time.Second // the coarsest times of file systems
	if !lasting || now.Sub(after.ModTime()) < blur {
		return sum, after.Size(), nil
	}
	data, err := json.Marshal(statHash{after.Size(), sum})
	if err == nil {
		err = st.PutMemo(statMemo, key, data)
	}
	return sum, after.Size(), err
}

// statKey is what tells one state of a file from another, if the system says enough for that.
func statKey(name string, info fs.FileInfo) (key string, lasting bool) {
	abs, err := filepath.Abs(name)
	at := state(info)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d\x00%s", abs, info.Size(), info.ModTime().UnixNano(), at))
	return hex.EncodeToString(sum[:]), err == nil && at != ""
}

// changedData names the data files that a lock names by path and that are not what the lock says. Those that are not there are none of them.
func (s *Supply) changedData(ctx context.Context, l *lockfile.Lock, storeDir string) ([]string, error) {
	var list []string
	var st *store.Store // is opened if it is needed
	for _, f := range l.Data {
		if f.Path == "" {
			continue
		}
		if st == nil {
			var err error
			if st, err = store.Open(ctx, storeDir); err != nil {
				return nil, err
			}
			defer st.Close()
		}
		sum, _, err := s.hashKept(ctx, st, s.local(f.Path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if sum != f.SHA256 && !slices.Contains(list, f.Path) {
			list = append(list, f.Path)
		}
	}
	return list, nil
}
