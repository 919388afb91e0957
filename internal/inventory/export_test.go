package inventory

// Blob is the blob of that hash; nil: there is none.
func (v *Inventory) Blob(sha256 string) *Item { return v.blobs[sha256] }
