package index

import (
	"github.com/envpack/envpack/internal/diag"
)

// CheckMetadata compares what was resolved with what is installed: the metadata that the index
// gave for a wheel, by itself or by a range of the wheel, and that of the whole wheel in the
// store, whose hash covers it. Where the index was not asked, or the wheel is not there, there is
// nothing to compare.
//
// Errors: a diag error of code Mismatch that names the difference.
func (x *Index) CheckMetadata(f File) error {
	memo, ok := x.o.Store.Memo("metadata", x.base.Redacted()+"\x00"+f.SHA256)
	if !ok || !x.o.Store.Has(f.SHA256) {
		return nil
	}
	raw, err := decodeMetadata(memo)
	if err != nil {
		return nil // a damaged note counts as none
	}
	noted, err := interpret(f.Filename, raw)
	if err != nil {
		return nil // resolving did not use it
	}
	blob, err := x.o.Store.Blob(f.SHA256)
	if err != nil {
		return err
	}
	defer blob.Close()
	own, err := fromWheel(f, blob, blob.Size())
	if err != nil {
		return err
	}
	whole, err := interpret(f.Filename, own)
	if err != nil {
		return diag.Wrap(err, diag.Mismatch, "%s is not what the index said of it", f.Filename)
	}
	if err := SameMetadata(noted, whole); err != nil {
		return diag.Wrap(err, diag.Mismatch, "%s is not what the index said of it", f.Filename).
			Hint("the index serves metadata that the wheel does not have; the lock was made from it and cannot be trusted")
	}
	return nil
}
