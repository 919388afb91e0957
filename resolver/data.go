package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/envpack/envpack/internal/manifest"
	"github.com/envpack/envpack/lockfile"
)

// DataSource finds out what data files have.
type DataSource interface {
	// DataFile gives hash and size of a file, which is downloaded only where nobody says them otherwise: known is what the lock that is
	// there has of it, nil for nothing. Errors are diag errors.
	DataFile(ctx context.Context, f manifest.DataFile, known *lockfile.DataFile) (sha256 string, size int64, err error)
}

// Data are the manifest's data files as a lock has them, without what is not in the manifest: sizes, and hashes that it does not
// promise.
func Data(m *manifest.Manifest) []lockfile.DataFile {
	var list []lockfile.DataFile
	for _, f := range m.Data {
		list = append(list, lockfile.DataFile{
			To: f.To, URL: f.URL, Path: f.Path, SHA256: f.SHA256, Hashed: f.SHA256 == "", Executable: f.Executable, Targets: slices.Clone(f.Platforms),
		})
	}
	return list
}

// lockData finds out what the manifest's data files have. A hash that nobody promised stays as the lock before has it, as long
// as the file comes from there: like a version it moves with an upgrade. Files of this machine are looked at each time.
func lockData(ctx context.Context, lock *lockfile.Lock, m *manifest.Manifest, src DataSource, o Options) error {
	list := Data(m)
	if len(list) == 0 {
		return nil
	}
	if src == nil {
		return fmt.Errorf("there is nothing that finds out what the files of [[file]] have")
	}
	o.Progress("looking at files")
	for i := range list {
		var err error
		if list[i].SHA256, list[i].Size, err = src.DataFile(ctx, m.Data[i], knownData(list[i], o)); err != nil {
			return err
		}
	}
	lock.Data = list
	return nil
}

// knownData is what the lock before has of a file at the same source, of the same hash if one is promised.
func knownData(f lockfile.DataFile, o Options) *lockfile.DataFile {
	if o.Previous == nil {
		return nil
	}
	for _, old := range o.Previous.Data {
		if old.URL != f.URL || old.Path != f.Path {
			continue
		}
		if f.SHA256 == old.SHA256 || f.SHA256 == "" && (!o.Upgrade || o.KeepData) {
			return &old
		}
	}
	return nil
}
