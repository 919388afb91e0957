// Package compare says how two images, two layers or two locks differ: in meaning, in layers, in files, and in the
// first byte.
//
// It reads any OCI or Docker image. What has one digest is not read, and what has one diff ID is unpacked at most to
// know what the images' files are. Layers that differ are streamed, both sides at once; of each file its hash is kept
// and not its content, and what an image may make a reader keep is bounded. Every layer that is read is held to its
// digests. The package opens nothing, fetches nothing and prints nothing.
package compare

import (
	"github.com/envpack/envpack/imagegen/inspect"
	"github.com/envpack/envpack/lockfile"
)

// Report is how two images or locks differ. The tags are the keys of `envpack diff --json`.
type Report struct {
	Platform string  `json:"platform,omitempty"` // of both; of locks with several it is empty
	Old      Subject `json:"old"`
	New      Subject `json:"new"`
	// Same: no byte of the images differs, by their digests, or with Options.IgnoreTimes nothing but dates; of locks, no
	// image that they describe.
	Same bool `json:"same"`
	// Meaning has the differences that count when the image is used.
	Meaning []lockfile.Change `json:"meaning"`
	// Layers are all layers, in the images' order; those of Old that have no counterpart come before those of New.
	Layers []LayerPair `json:"layers"`
	// Files are the differences of the whole images' files, whiteouts applied; nil where the layers correspond, which
	// have them one by one.
	Files *Files `json:"files,omitempty"`
	// Values are the differences of manifest and config.
	Values []Value  `json:"values,omitempty"`
	Notes  []string `json:"notes,omitempty"` // what was not compared, or cannot be
}

// Subject is one of the two that are compared.
type Subject struct {
	Name     string `json:"name,omitempty"` // by which it was found; for the caller to set
	Kind     string `json:"kind"`           // "image" or "lock"
	Platform string `json:"platform,omitempty"`
	Digest   string `json:"digest,omitempty"` // "sha256:…" of the manifest; "" if there is none, or it is not known
	ID       string `json:"id,omitempty"`     // "sha256:…" of the config
}

// Match is how a layer of one image corresponds to one of the other.
type Match string

// The matches.
const (
	SameLayer    Match = "same"         // by digest
	Recompressed Match = "recompressed" // the same tar, stored otherwise
	Changed      Match = "changed"      // a counterpart, with another tar
	Removed      Match = "removed"      // only Old has it
	Added        Match = "added"        // only New has it
)

// LayerPair is two layers that correspond, or one that has no counterpart.
type LayerPair struct {
	Match Match `json:"match"`
	// By tells why two layers were taken for counterparts: "digest", "diff ID", "name", "package", "command",
	// "position", or "caller".
	By  string         `json:"by,omitempty"`
	Old *inspect.Layer `json:"old,omitempty"`
	New *inspect.Layer `json:"new,omitempty"`
	// Files are the differences between the two tars' entries; nil: they were not read, or are compared with the
	// others in Report.Files.
	Files *Files `json:"files,omitempty"`
	// Bytes are the first bytes that differ: of the tars, and of the layers as they are stored.
	Bytes []Difference `json:"bytes,omitempty"`
	// OldTrouble and NewTrouble say what is wrong with a layer. Only [Layers] lets it pass.
	OldTrouble string   `json:"oldTrouble,omitempty"`
	NewTrouble string   `json:"newTrouble,omitempty"`
	Notes      []string `json:"notes,omitempty"`
}

// Files is how two sets of files differ.
type Files struct {
	Added   int64        `json:"added"`
	Removed int64        `json:"removed"`
	Changed int64        `json:"changed"`
	Same    int64        `json:"same"`
	List    []FileChange `json:"list"` // by path; at most [Options].MaxFiles of them
}

// FileChange is a file, folder or link that is not the same.
type FileChange struct {
	Kind lockfile.ChangeKind `json:"kind"`
	Path string              `json:"path"` // without a slash before it; bytes that are no UTF-8 become U+FFFD
	Old  *File               `json:"old,omitempty"`
	New  *File               `json:"new,omitempty"`
	// What says in what a changed one differs: "type", "content", "size", "mode", "owner", "time", "target", "name",
	// "attributes", "device", "format", "times" (how often the layer has it).
	What []string `json:"what,omitempty"`
	// Content is where the content of a file begins to differ; nil: that was not looked for.
	Content *Difference `json:"content,omitempty"`
}

// File is what a tar says of an entry.
type File struct {
	Type       string            `json:"type"` // "file", "folder", "symbolic link", "hard link", …
	Mode       string            `json:"mode"` // octal: "0644"
	UID        int               `json:"uid"`
	GID        int               `json:"gid"`
	User       string            `json:"user,omitempty"`
	Group      string            `json:"group,omitempty"`
	Size       int64             `json:"size"`               // bytes
	Time       string            `json:"time,omitempty"`     // of modification, RFC 3339
	Accessed   string            `json:"accessed,omitempty"` // likewise; most tars have none
	Changed    string            `json:"changed,omitempty"`
	Target     string            `json:"target,omitempty"` // of a link
	SHA256     string            `json:"sha256,omitempty"` // of a file's content
	Name       string            `json:"name,omitempty"`   // as it stands, if not in the usual form
	Device     string            `json:"device,omitempty"` // "8:1"
	Attributes map[string]string `json:"attributes,omitempty"`
	Format     string            `json:"format"`           // of the header: "USTAR", "PAX", "GNU"
	Layer      int               `json:"layer"`            // number of the layer that has it
	Times      int               `json:"times,omitempty"`  // how often the layer has the path, if more than once
	Linked     bool              `json:"linked,omitempty"` // by a hard link: the rest is that of what it leads to
}

// Difference is the first byte that two streams do not have in common.
type Difference struct {
	Of     string `json:"of"`     // "tar", "stored" (a layer as it is stored), "content" (of a file), "document"
	Offset int64  `json:"offset"` // bytes before it
	// Place says what stands there: "content", "header", "padding", "end", "gzip header", "deflate data", ….
	Place string `json:"place,omitempty"`
	Path  string `json:"path,omitempty"` // of the entry
	// Field is that of the header: "mode", "mtime", …. Where the first to differ is its checksum, it is the next.
	Field string `json:"field,omitempty"`
	At    int64  `json:"at,omitempty"` // offset in the place
	// Block is the deflate block that the byte is in, from 1, and Decoded how many bytes of the tar come before what it
	// is needed for, which is of the entry with that path. Only of recompressed layers, and not far into large ones.
	Block   int   `json:"block,omitempty"`
	Decoded int64 `json:"decoded,omitempty"`
	Line    int64 `json:"line,omitempty"` // of a text, from 1
	// Old and New are what stands there: the field, the line, or some bytes in hexadecimal digits.
	Old string `json:"old"`
	New string `json:"new"`
	Hex bool   `json:"hex,omitempty"` // Old and New are hexadecimal digits
	// Ends says that one of the two ends here: "old" or "new".
	Ends string `json:"ends,omitempty"`
}

// Value is a difference of two JSON documents.
type Value struct {
	Document string `json:"document"` // "manifest" or "config"
	Path     string `json:"path"`     // "config.Env[2]"; "" for the whole
	Old      string `json:"old,omitempty"`
	New      string `json:"new,omitempty"`
	// Form: the values are the same, and written otherwise.
	Form bool `json:"form,omitempty"`
}
