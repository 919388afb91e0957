// Package verify tells whether an image is what its lock makes, byte for byte.
//
// Everything that can be made again is made again, by imagegen and of files that are held to their hashes, and
// compared; all else is held to its digests. What differs is named down to the byte; what could not be checked is named
// too, and never counts as right. The package opens no image, fetches nothing by itself, and prints nothing.
package verify

import (
	"github.com/envpack/envpack/imagegen/compare"
	"github.com/envpack/envpack/imagegen/inspect"
)

// Report is what is known of an image of one platform. The tags are the keys of `envpack verify --json`.
type Report struct {
	Name     string `json:"name,omitempty"` // by which it was found; for the caller to set
	Platform string `json:"platform,omitempty"`
	Digest   string `json:"digest,omitempty"` // "sha256:…" of the manifest; "" if there is none
	ID       string `json:"id,omitempty"`     // "sha256:…" of the config
	Size     int64  `json:"size,omitempty"`   // bytes of all layers as they are stored
	// Lock is whose lock the image was held to: "image", its own; "file"; "project"; "" if there is none.
	Lock string `json:"lock,omitempty"`
	// Verified: nothing differs, and no check was left out. Of an image without a lock it says that its digests are right.
	Verified  bool      `json:"verified"`
	Checks    []Check   `json:"checks"`
	Findings  []Finding `json:"findings"`  // what is wrong
	Unchecked []Gap     `json:"unchecked"` // what could not be checked
	Layers    []Layer   `json:"layers"`
	Notes     []string  `json:"notes,omitempty"`
	// Difference is how the image differs from the one that was made again, where it does in more than single bytes of
	// what is damaged.
	Difference *compare.Report `json:"difference,omitempty"`
	Files      *Files          `json:"files,omitempty"` // of a deep verification
}

// Status is how a check ended.
type Status string

// The ways a check ends.
const (
	OK        Status = "ok"
	Differs   Status = "differs"
	Unchecked Status = "not checked" // or not in full
	None      Status = "none"        // there is nothing to check
)

// Check is one of the questions that a verification asks.
type Check struct {
	Name   string `json:"name"` // "digests", "layers", "config", "manifest", "index", "project", "seal", "files"
	Status Status `json:"status"`
	Text   string `json:"text"` // what was found, in a line
}

// Finding is something that is not as it should be.
type Finding struct {
	Check string `json:"check"`
	Text  string `json:"text"`            // a sentence without a full stop
	Layer int    `json:"layer,omitempty"` // its number, from 1
	Name  string `json:"name,omitempty"`  // of the layer
	Path  string `json:"path,omitempty"`  // of the file in the layer
	// Document is the kind of one that is not what its digest says: "index.json", "index", "manifest", "config", ….
	Document string `json:"document,omitempty"`
	// Byte is the first that is wrong in the document, or in the layer as it is stored.
	Byte *compare.Difference `json:"byte,omitempty"`
	// Pair is how the layer differs from the one that was made again.
	Pair *compare.LayerPair `json:"pair,omitempty"`
	// Values are those in which a document differs.
	Values []compare.Value `json:"values,omitempty"`
}

// Gap is something that could not be checked.
type Gap struct {
	Check string `json:"check"`
	What  string `json:"what"`
	Why   string `json:"why"`
	Layer int    `json:"layer,omitempty"`
	Err   error  `json:"-"` // of which Why is the text
}

// How a layer was found.
const (
	Same         = "same"         // byte for byte the one that was made again
	Recompressed = "recompressed" // the same tar, stored otherwise
	Intact       = "intact"       // as its digests say; nothing was made to compare it with
	Other        = "differs"
	Damaged      = "damaged" // not what its digests say
	Unread       = "unread"  // it could not be read
)

// Layer is a layer and how it was found.
type Layer struct {
	inspect.Layer
	State string `json:"state"`
}

// Files are the results of comparing files with the packages that they come from.
type Files struct {
	Wheels    int   `json:"wheels"`         // whose files were compared
	Wheel     int64 `json:"wheel"`          // files that are as RECORD and the wheel have them
	Written   int64 `json:"written"`        // files that installing writes: RECORD, INSTALLER, scripts
	Debs      int   `json:"debs"`           // whose files were compared
	Deb       int64 `json:"deb"`            // files, links and folders that are as the package has them
	Data      int64 `json:"data,omitempty"` // data files that are as the lock says
	Deviating int64 `json:"deviating"`      // files that RECORD states wrongly, and that are as the wheel has them
	// Changed are those that are otherwise than in their package by a rule of the base's format, and Made those that no
	// package has; by rule.
	Changed map[string]int64 `json:"changed,omitempty"`
	Made    map[string]int64 `json:"made,omitempty"`
	// Below are the files of the image that this one stands on, which has no packages here.
	Below int64 `json:"below,omitempty"`
	// Deviations are those of RECORD, by wheel; Rules the files behind Changed, by path.
	Deviations map[string][]string `json:"deviations,omitempty"`
	Rules      []Ruled             `json:"rules,omitempty"`
}

// Ruled is a file that a rule changed.
type Ruled struct {
	Path    string   `json:"path"`
	Package string   `json:"package"`
	Rule    string   `json:"rule"`
	What    []string `json:"what"` // in what it differs: "content", "mode", "owner", "type", "target", "missing"
}

func (r *Report) check(name string, status Status, text string) {
	r.Checks = append(r.Checks, Check{name, status, text})
}

func (r *Report) find(f Finding) { r.Findings = append(r.Findings, f) }

// statusOf is how a check ended, by what was noted for it.
func (r *Report) statusOf(check string) Status {
	for _, f := range r.Findings {
		if f.Check == check {
			return Differs
		}
	}
	for _, g := range r.Unchecked {
		if g.Check == check {
			return Unchecked
		}
	}
	return OK
}

// Finish settles whether the image is verified. Nothing is to be added behind it.
func (r *Report) Finish() {
	r.Verified = len(r.Findings) == 0 && len(r.Unchecked) == 0
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	if r.Unchecked == nil {
		r.Unchecked = []Gap{}
	}
}
